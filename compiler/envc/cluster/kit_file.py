"""A kit: envc and all that it imports as one file, for nodes that have only an interpreter.

    lib/…        the running envc and its dependencies, as they are installed, with bytecode
    run.py       starts envc; bin/envc is the command for people

It is made from the installation that runs, so a node gets exactly what the administrator has. It
fits interpreters of one X.Y and one platform.
"""

import hashlib
import importlib.metadata
import importlib.util
import io
import marshal
import os
import sys
import zipfile
from base64 import urlsafe_b64encode
from collections.abc import Iterator, Sequence

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

import envc
from envc.disk.folders import walk
from envc.disk.zips import add_member
from envc.formats.scripts import SYSTEM_PATH

_RUN = """\
import fcntl
import os
import sys
from contextlib import suppress

# As long as these are held, neither this envc nor an interpreter that is carried is removed.
names = [__file__, os.path.join(sys.base_prefix, "envc-manifest")]
leases = [open(name, "rb") for name in names if os.path.exists(name)]
for lease in leases:  # as a layer's processes hold theirs, and waiting for nobody
    with suppress(OSError):
        fcntl.fcntl(lease, fcntl.F_OFD_SETLK, bytes(32))
    with suppress(OSError):
        fcntl.flock(lease, fcntl.LOCK_SH | fcntl.LOCK_NB)
here = os.path.dirname(os.path.realpath(__file__))
sys.path.insert(0, here + "/lib")
from envc.cli.main import program

program(target=os.path.dirname(os.path.dirname(here)))
"""
_COMMAND = f"""\
#!/bin/sh
here=$({SYSTEM_PATH}; dirname -- "$(dirname -- "$(readlink -f -- "$0")")")
exec @INTERPRETER@ -I -S "$here/run.py" "$@"
"""
# PEP 552: a hash-based pyc that is never checked against its source.
_UNCHECKED = importlib.util.MAGIC_NUMBER + (0b01).to_bytes(4, "little")
_PYC_HEADER_BYTES = 16
_METADATA = f"envc-{envc.__version__}.dist-info/METADATA"


def kit_sources() -> Iterator[tuple[str, str]]:
    """Path below lib/ and path here of every file; an envc that runs from a kit has the same."""
    package = os.path.dirname(os.path.abspath(envc.__file__))
    yield from _tree(package, "envc")
    pages = os.path.normpath(f"{package}/../../docs/findings")  # in a checkout they stand there
    if os.path.isdir(pages):
        yield from _tree(pages, "envc/findings")
    requirements = own_requirements()
    if requirements.endswith(_METADATA):  # by which such a one knows what it needs
        yield _METADATA, requirements
    for name in _dependencies("envc", set()):
        for file in importlib.metadata.files(name) or ():
            place = file.as_posix()
            path = str(file.locate())
            outside = place.startswith("../") or "__pycache__" in place
            if not outside and os.path.isfile(path):
                yield place, path


def own_requirements() -> str:
    """The file here that says what this envc requires."""
    files = importlib.metadata.files("envc") or ()
    found = (str(file.locate()) for file in files if file.as_posix() == _METADATA)
    return next(found, os.path.abspath(envc.__file__))


def _dependencies(name: str, seen: set[str]) -> set[str]:
    """Everything that a distribution requires on this machine, extras left out; adds to `seen`."""
    for text in importlib.metadata.requires(name) or ():
        requirement = Requirement(text)
        project = canonicalize_name(requirement.name)
        applies = requirement.marker is None or requirement.marker.evaluate({"extra": ""})
        if applies and project not in seen:
            seen.add(project)
            _dependencies(project, seen)
    return seen


def _tree(folder: str, place: str) -> Iterator[tuple[str, str]]:
    for parent, folders, names in walk(folder):
        folders[:] = [name for name in folders if name != "__pycache__"]
        inside = os.path.relpath(parent, folder)
        for name in names:
            yield os.path.normpath(f"{place}/{inside}/{name}"), f"{parent}/{name}"


def packed(sources: Sequence[tuple[str, str]]) -> bytes:
    """The kit of these sources, each a path below lib/ and a path here."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED, compresslevel=6) as archive:
        add_member(archive, "run.py", _RUN.encode())
        add_member(archive, "bin/envc", _COMMAND.encode())
        record: list[str] = []
        for place, path in sources:
            with open(path, "rb") as file:
                content = file.read()
            add_member(archive, f"lib/{place}", content)
            digest = urlsafe_b64encode(hashlib.sha256(content).digest()).decode().rstrip("=")
            record.append(f"{place},sha256={digest},{len(content)}\n")
            if place.endswith(".py"):
                bytecode = _bytecode(content, path, place)
                if bytecode is not None:
                    add_member(archive, f"lib/{_bytecode_place(place)}", bytecode)
        # As an installer writes it: by this list envc knows its own code.
        add_member(
            archive, f"lib/envc-{envc.__version__}.dist-info/RECORD", "".join(record).encode()
        )
    return buffer.getvalue()


def _bytecode_place(place: str) -> str:
    folder, name = os.path.split(place)
    stem = name.removesuffix(".py")
    return os.path.join(folder, "__pycache__", f"{stem}.{sys.implementation.cache_tag}.pyc")


def _bytecode(source: bytes, path: str, place: str) -> bytes | None:
    """The source's bytecode: what stands beside it if it is of this source, else compiled now."""
    header = _UNCHECKED + importlib.util.source_hash(source)
    try:
        with open(importlib.util.cache_from_source(path), "rb") as file:
            cached = file.read()
    except OSError:
        cached = b""
    status = os.stat(path)
    made_from = [int(status.st_mtime) & 0xFFFFFFFF, status.st_size & 0xFFFFFFFF]
    wanted = b"".join(number.to_bytes(4, "little") for number in (0, *made_from))
    if cached[:_PYC_HEADER_BYTES] in {header, importlib.util.MAGIC_NUMBER + wanted}:
        return header + cached[_PYC_HEADER_BYTES:]
    try:
        return header + marshal.dumps(compile(source, place, "exec", dont_inherit=True))
    except (SyntaxError, ValueError):  # a template, or for another Python
        return None
