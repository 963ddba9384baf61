"""An interpreter's archive → a core: verified, unpacked, compiled by itself, published."""

import os
import shutil
import subprocess

from envc.core.archive import unpack_tar, unpacked
from envc.core.folder import incoming, manifest_in, publish_core, verified
from envc.disk.folders import walk
from envc.errors import UsageError
from envc.model.bundle import PackedCore
from envc.model.core import CORE_MANIFEST, core_program
from envc.model.digest import Digest
from envc.model.manifest import FILE_MODE
from envc.ports import Reporter
from envc.store.bytecode import TASK as COMPILE
from envc.store.bytecode import Compiler
from envc.store.refusal import Problem, RefusedError
from envc.store.writer import TreeWriter

_ANSWER_SECONDS = 30
_HOSTILE = "do not use this archive: take another one, and correct core.archive"
_OTHER = "fetch it again; if it is meant to be another one, correct core.archive"


def unpack_core(
    folder: str, archive: str, digest: Digest, *, python: str, reporter: Reporter
) -> None:
    """Bring an interpreter's archive in: verified, unpacked, compiled by itself, published.

    It must hold `bin/pythonX.Y`, below one leading folder or none, for the X.Y that `python` is.

    Raises:
        UntrustedError: the archive has another digest, or is hostile.
        UsageError: it holds no such interpreter, or one that does not run on this machine.
        OutsideError: it cannot be read, or the disk refused.
    """
    with incoming(folder, where=archive, mend=_HOSTILE) as part:
        os.mkdir(f"{part}/raw")
        named = PackedCore(archive, digest)
        with verified(named, f"{part}/archive", mend=_OTHER) as file:
            size = os.fstat(file.fileno()).st_size
            unpack_tar(unpacked(file), f"{part}/raw", size)
        os.unlink(f"{part}/archive")
        os.rename(_prefix(f"{part}/raw", archive, python), f"{part}/core")
        _refuse_other(f"{part}/core", archive, python)
        _drop_bytecode(f"{part}/core")
        _compile(part, python, reporter)
        _seal(f"{part}/core")
        publish_core(part, folder, digest)


def _prefix(raw: str, archive: str, python: str) -> str:
    """The folder that holds `bin/pythonX.Y`: the archive's top, or the one folder in it."""
    names = os.listdir(raw)
    for folder in (raw, *(f"{raw}/{name}" for name in names[:1] if len(names) == 1)):
        program = f"{folder}/{core_program(python)}"
        if os.path.isfile(program) and os.access(program, os.X_OK):
            return folder
    raise UsageError(
        f"the archive holds no {core_program(python)}, at its top or in one leading folder",
        where=archive,
        mend=f"take an archive of a CPython {python}, or correct core.python",
    )


def _refuse_other(root: str, archive: str, python: str) -> None:
    """Refuse an interpreter that does not run here, or is another Python than it is called."""
    question = "import sys; print('%d.%d' % sys.version_info[:2] + 't' * ('t' in sys.abiflags))"
    command = [f"{root}/{core_program(python)}", "-I", "-S", "-B", "-c", question]
    told = ""
    try:
        asked = subprocess.run(
            command, capture_output=True, text=True, timeout=_ANSWER_SECONDS, check=False
        )
        told = asked.stderr.strip().rpartition("\n")[2] or f"status {asked.returncode}"
        if asked.stdout.strip() == python:
            return
        if asked.returncode == 0:
            told = f"it is Python {asked.stdout.strip()}"
    except OSError as error:
        told = error.strerror or str(error)
    except subprocess.TimeoutExpired:
        told = f"no answer within {_ANSWER_SECONDS} s"
    raise UsageError(
        f"the interpreter in this archive does not run here as Python {python}: {told}",
        where=archive,
        mend=f"take an archive of a CPython {python} for this kind of machine",
    )


def _drop_bytecode(root: str) -> None:
    """Leave out bytecode: it names times that its sources do not keep."""
    for folder, folders, _ in walk(root):
        if "__pycache__" in folders:
            folders.remove("__pycache__")
            shutil.rmtree(f"{folder}/__pycache__")


def _compile(part: str, python: str, reporter: Reporter) -> None:
    """Have the interpreter compile the Python files below its `lib/`."""
    root = f"{part}/core"
    sources = sorted(
        os.path.relpath(f"{folder}/{name}", root)
        for folder, _, names in walk(f"{root}/lib")
        for name in names
        if name.endswith(".py") and not os.path.islink(f"{folder}/{name}")
    )
    reporter.start(COMPILE, len(sources), "files")
    try:
        program = f"{root}/{core_program(python)}"
        with Compiler(program, python=python, folder=part, reporter=reporter) as compiler:
            for future in compiler.submit("core", sources):
                future.result()
    finally:
        reporter.finish(COMPILE)


def _seal(root: str) -> None:
    """Give folders their mode and time, and write the listing: the core is complete."""
    folders = [os.path.relpath(folder, root) for folder, _, _ in walk(root)]
    with TreeWriter(root) as writer:
        for folder in folders:
            writer.seal("" if folder == "." else folder)
        if os.path.lexists(f"{root}/{CORE_MANIFEST}"):
            raise RefusedError(Problem(CORE_MANIFEST, "its name is that of envc's own listing"))
        writer.write(CORE_MANIFEST, [manifest_in(root).text()], FILE_MODE)
        writer.seal("")
