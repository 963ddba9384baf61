"""A foreign interpreter, asked what its environment holds; and what has changed since."""

import os
import shutil
import signal
import subprocess
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from glob import escape as glob_escape
from glob import glob
from importlib import resources
from tempfile import TemporaryFile
from threading import Timer

from envc.described.facts import MARK, MOST_BYTES, facts_from, facts_of, inventory_of
from envc.described.foreign import METADATA
from envc.described.images import is_image
from envc.described.inspected import facts_of_inspected, is_inspected
from envc.described.survey import Disk, Survey
from envc.described.versions import facts_of_list, is_list
from envc.disk.digests import bytes_of
from envc.disk.ownership import refuse_exposed
from envc.errors import UsageError, shell_word
from envc.host.machine import machine_of
from envc.model.inventory import Inventory
from envc.model.value import replace, value
from envc.view.stack_file import START_STEM

_ANSWER_SECONDS = 60
_NAMES = ("bin/python3", "bin/python")
_MOST_SAID = 300
_USAGE = '''"""Prints what an environment holds, as JSON: run by its own Python, 3.8 or newer.

    python3 -s - < this-file > facts.json

Standard library only. `envc describe facts.json` makes an inventory of it.
"""
'''
_PARTS = ("survey", "managers", "foreign")
# What the parts have of each other stands in one file here.
_JOINTS = ("from __future__ ", "from envc.")
# What a tree of envc starts its hook with.
_START = f"{START_STEM}.pth"


def script() -> str:
    """The program that tells of the environment that runs it: its parts as one file."""
    room = resources.files("envc.described")
    texts = (room.joinpath(f"{part}.py").read_text(encoding="utf-8") for part in _PARTS)
    lines = (line for text in texts for line in text.splitlines(keepends=True))
    own = (line for line in lines if not line.startswith(_JOINTS))
    return f"{_USAGE}\nfrom __future__ import annotations\n\n{''.join(own)}"


@value
class Asked:
    """An interpreter, the folders before those of its own path, and whether somebody named it."""

    python: str
    paths: tuple[str, ...]
    is_named: bool


def asked_of(what: str | None, environ: Mapping[str, str]) -> Asked:
    """Whom a word means: an interpreter, a prefix, a name on `PATH`; None: `python3`.

    Folders of projects, or prefixes of modules, joined by colons are seen by `python3`. PYTHONPATH
    belongs to all of them. Variables in the word are looked up here.

    Raises:
        UsageError: there is no such thing.
    """
    paths = paths_of(environ)
    what = what and os.path.expandvars(what)
    chain = _chain(what or "")
    if chain:
        return Asked(interpreter_of(None), (*chain, *paths), is_named=False)
    return Asked(interpreter_of(what), paths, is_named=what is not None and "/" in what)


def _chain(what: str) -> tuple[str, ...]:
    """The folders of projects that a word joins; none where it is anything else."""
    parts = [os.path.abspath(os.path.expanduser(part)) for part in what.split(":") if part]
    if "/" not in what or not all(map(os.path.isdir, parts)):
        return ()
    if len(parts) == 1 and (is_image(parts[0]) or _has_interpreter(parts[0])):
        return ()
    found = [folder for part in parts for folder in _folders_of_projects(part)]
    kinds = {name for name in map(_python_folder, found) if name}
    if len(kinds) > 1:
        raise UsageError(
            f"these hold projects of several Pythons: {', '.join(sorted(kinds))}",
            where=what,
            mend="name the folders of projects themselves (PREFIX/lib/python3.X/site-packages)",
        )
    return tuple(found)


def _has_interpreter(folder: str) -> bool:
    return any(os.access(f"{folder}/{name}", os.X_OK) for name in _NAMES)


def _folders_of_projects(folder: str) -> list[str]:
    """A folder that holds projects, or those below a prefix."""
    if Survey(Disk()).names(folder, *METADATA):
        return [folder]
    return sorted(glob(f"{glob_escape(folder)}/lib*/python3*/site-packages"))


def _python_folder(folder: str) -> str:
    name = os.path.basename(os.path.dirname(folder))
    return name if os.path.basename(folder) == "site-packages" else ""


def interpreter_of(what: str | None) -> str:
    """The interpreter that a word means, its absolute path: one, a prefix, or a name on `PATH`.

    Raises:
        UsageError: there is none, or it is one of an image, which is for other machines.
    """
    word = what or "python3"
    if "/" in word and is_image(os.path.expanduser(word)):
        raise UsageError(
            "this is an image: what is in it runs where it is started",
            where=os.path.abspath(word),
            mend="run envc in it; from outside, `envc describe` tells what it holds",
        )
    found = None if "/" in word else shutil.which(word)
    if found is None:
        place = os.path.abspath(os.path.expanduser(word))
        names = [os.path.join(place, name) for name in _NAMES] if os.path.isdir(place) else [place]
        found = next((path for path in names if os.access(path, os.X_OK)), None)
    if found is None or not os.path.isfile(found):
        raise UsageError(
            f"no Python is there: {word}",
            where=os.getcwd() if what is None else os.path.abspath(word),
            mend="name an interpreter, or the folder of an environment (one with bin/python3)",
        )
    return os.path.abspath(found)


def described_by(python: str, paths: Sequence[str], *, is_named: bool) -> Inventory:
    """The inventory of an interpreter's environment with `paths` as its PYTHONPATH.

    `is_named`: the caller has said which it is, and so whose he trusts.

    Raises:
        UsageError: somebody else could change it, it does not run, or what it says is nothing.
    """
    refuse_exposed(python, (os.stat(python).st_uid,) if is_named else ())
    facts = facts_from(_printed(python, paths), python)
    built = next((each.path for each in facts.folders if _START in each.told), None)
    if built is not None:
        raise UsageError(
            "this environment is a layer or an overlay that envc built",
            where=built,
            mend="stand on it as such: `envc overlay init --base L`, or `base-dir` in overlay.toml",
        )
    refuse_exposed(facts.base_executable, (os.stat(facts.base_executable).st_uid,))
    return inventory_of(replace(facts, libc=facts.libc or machine_of(None).libc))


def described_in(file: str, python: str | None = None) -> Inventory:
    """The inventory of what `envc describe --script`, or `pip inspect`, printed elsewhere.

    Or of a list of versions: `python` is the Python that it is of.

    Raises:
        UsageError: it cannot be read, or is no such thing.
    """
    try:
        text = bytes_of(file, MOST_BYTES)
    except OSError as error:
        raise UsageError(
            f"cannot be read: {error.strerror}", where=file, mend="correct the path"
        ) from error
    if is_list(text):
        return inventory_of(facts_of(facts_of_list(text, file, python), file))
    if is_inspected(text):
        return inventory_of(facts_of(facts_of_inspected(text, file), file))
    return inventory_of(facts_from(text, file))


def paths_of(environ: Mapping[str, str]) -> tuple[str, ...]:
    """The folders that PYTHONPATH names, absolute; those that are not there are left out."""
    entries = filter(None, environ.get("PYTHONPATH", "").split(os.pathsep))
    return tuple(path for path in map(os.path.abspath, entries) if os.path.isdir(path))


def _printed(python: str, paths: Iterable[str]) -> bytes:
    """What the interpreter prints when it runs the script; bounded in time and size."""
    surroundings = {k: v for k, v in os.environ.items() if not k.startswith("PYTHON")}
    surroundings |= {"PYTHONPATH": os.pathsep.join(paths), "PYTHONIOENCODING": "utf-8"}
    with TemporaryFile() as said:
        try:
            # In a session of its own: whatever it starts ends with it.
            process = subprocess.Popen(
                [python, "-s", "-B", "-W", "ignore", "-c", script()],
                cwd="/",
                env=surroundings,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=said,
                start_new_session=True,
            )
        except OSError as error:
            raise _silent(python, error.strerror or str(error)) from error
        out = _read(process)
        said.seek(0)
        told = said.read(_MOST_SAID).decode(errors="replace").strip().rpartition("\n")[2]
    if len(out) > MOST_BYTES:
        raise _silent(python, f"it says more than {MOST_BYTES >> 20} MB")
    if MARK not in out:
        raise _silent(python, told)
    return out


def _read(process: subprocess.Popen[bytes]) -> bytes:
    """What a process prints before it, and all that it has started, is ended."""
    timer = Timer(_ANSWER_SECONDS, _end, (process,))
    timer.start()
    try:
        return process.stdout.read(MOST_BYTES + 1) if process.stdout is not None else b""
    finally:
        timer.cancel()
        _end(process)
        if process.stdout is not None:
            process.stdout.close()
        process.wait()


def _end(process: subprocess.Popen[bytes]) -> None:
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)


def _silent(python: str, why: str) -> UsageError:
    return UsageError(
        f"the interpreter does not tell what its environment holds: {why or 'it was stopped'}",
        where=python,
        mend=f"see whether it runs: `{shell_word(python)} -c pass`",
    )
