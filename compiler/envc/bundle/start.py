"""What `python3 FILE` runs first, if FILE is `envc.pyz` or a bundle: the envc that is in it.

It is unpacked once into a folder of the caller's own, and is told the path of the file:

    <cache>/programs/<digest of the file's contents>-X.Y/{run.py,…}

Compiled parts cannot be imported out of a ZIP file. Standard library only, and nothing newer than
what Python 3.6 can parse: an older one shall be told what it lacks.
"""

import os
import platform
import pwd
import shutil
import stat
import sys
import tempfile
import zipfile
from typing import NoReturn

_KEPT = 3  # programs that stay when another one is unpacked
_USAGE, _OUTSIDE = 2, 4
_AGAIN = "ENVC_STARTED_AGAIN_BY"  # so that no program that is called python3.12 goes in circles


def main() -> NoReturn:
    """Become the envc that is in this file."""
    here = os.path.dirname(os.path.abspath(__file__))  # the file itself, as a folder
    with zipfile.ZipFile(here) as file:
        digest, machine, *pythons = file.read("contents").decode().split()
        python = "{}.{}".format(*sys.version_info[:2])
        if python not in pythons or sys.implementation.name != "cpython":
            _try_another(pythons)
            which = f"{sys.executable}, {sys.implementation.name} {python}"
            mend = "start it with one of CPython {}".format(", ".join(pythons))
            _refuse(_USAGE, "this envc is not for this Python", which, mend)
        if platform.machine() != machine or not sys.platform.startswith("linux"):
            which = f"{platform.system()} on {platform.machine()}"
            mend = "take the file for this machine, or install envc with pip"
            _refuse(_USAGE, f"this envc is for Linux on {machine}", which, mend)
        os.umask(0o022)
        programs = os.path.join(_cache(), "programs")
        try:
            try:
                _refuse_foreign(programs)
            except OSError:  # no home, or none that can be written
                if "ENVC_CACHE_DIR" in os.environ:
                    raise
                programs = os.path.join(tempfile.gettempdir(), f"envc-{os.geteuid()}", "programs")
                _refuse_foreign(programs)
            program = os.path.join(programs, f"{digest}-{python}")
            if not os.path.isdir(program):
                _unpack(file, python, program)
        except OSError as error:
            mend = "free space there, or name a folder of your own in ENVC_CACHE_DIR"
            _refuse(_OUTSIDE, f"envc cannot be unpacked: {error.strerror}", programs, mend)
    os.environ.pop(_AGAIN, None)
    command = [sys.executable, "-I", "-S", os.path.join(program, "run.py")]
    os.execv(sys.executable, [*command, here, *sys.argv[1:]])


def _try_another(pythons: list[str]) -> None:
    """Start again with the newest of these Pythons that is on PATH; back where none is."""
    found = (shutil.which("python" + python) for python in reversed(pythons))
    another = next(filter(None, found), None)
    if another and _AGAIN not in os.environ:
        words = [another, "-I", os.path.dirname(os.path.abspath(__file__)), *sys.argv[1:]]
        os.execve(another, words, {**os.environ, _AGAIN: sys.executable})


def _cache() -> str:
    configured = os.environ.get("ENVC_CACHE_DIR")
    if configured:
        return os.path.abspath(configured)
    configured = os.environ.get("XDG_CACHE_HOME")
    if configured:
        return os.path.join(configured, "envc")
    home = os.path.expanduser("~")
    if os.path.isdir(home) and os.stat(home).st_uid != os.geteuid():  # as sudo may leave it
        home = pwd.getpwuid(os.geteuid()).pw_dir
    return os.path.join(home, ".cache", "envc")


def _refuse_foreign(folder: str) -> None:
    """Make the folder; nobody but the caller and root may be able to put a program there."""
    os.makedirs(folder, 0o700, exist_ok=True)
    path = os.path.realpath(folder)
    mine = {0, os.geteuid()}
    while True:
        status = os.stat(path)
        shared = status.st_mode & (stat.S_IWGRP | stat.S_IWOTH)
        if status.st_mode & stat.S_IWGRP and not status.st_mode & stat.S_IWOTH:
            shared = status.st_gid != os.getegid() or status.st_gid != status.st_uid
        if status.st_uid not in mine or (shared and not status.st_mode & stat.S_ISVTX):
            mend = "name a folder of your own in ENVC_CACHE_DIR"
            _refuse(_USAGE, "others could change the program that would be run", path, mend)
        if path == os.path.dirname(path):
            return
        path = os.path.dirname(path)


def _unpack(file: zipfile.ZipFile, python: str, program: str) -> None:
    """Put the program there, complete or not at all; of older ones a few stay."""
    programs = os.path.dirname(program)
    others = [os.path.join(programs, name) for name in os.listdir(programs)]
    for other in sorted(others, key=os.path.getmtime, reverse=True)[_KEPT:]:
        shutil.rmtree(other, ignore_errors=True)
    staging = f"{program}.{os.urandom(6).hex()}.part"
    os.mkdir(staging, 0o755)
    try:
        for name in (python + ".zip", "common.zip"):
            with file.open(name) as inner, zipfile.ZipFile(inner) as archive:
                archive.extractall(staging)
        os.rename(staging, program)
    except OSError:
        shutil.rmtree(staging, ignore_errors=True)
        if not os.path.isdir(program):  # else another process was faster
            raise


def _refuse(status: int, what: str, where: str, mend: str) -> NoReturn:
    sys.stderr.write(f"error: {what}\n   at: {where}\n help: {mend}\n")
    sys.exit(status)


if __name__ == "__main__":
    main()
