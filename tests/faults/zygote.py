"""Forks envc processes from one that has imported everything: a start costs nothing.

Started as a program; each line of stdin is a request as JSON, each line of stdout its answer:

    in   {"words": [...], "environment": {...}, "strace": [...] or null,
          "files": N or null, "user": N or null}
    out  {"status": N, "stdout": "...", "stderr": "..."}    N < 0: ended by that signal

With `strace`, the process waits until a strace with these options has attached to it, so that
system calls are counted from envc's first one on. An answer comes when all processes that the
request started have ended, grandchildren included. `files` limits how many it may have open.
"""

import ctypes
import importlib
import json
import os
import pkgutil
import resource
import select
import subprocess
import sys
import tempfile
import time
from contextlib import suppress
from typing import IO, Any

_PR_SET_CHILD_SUBREAPER = 36
_PR_SET_PTRACER = 0x59616D61
_ATTACH_SECONDS = 30
# Used by envc, but imported only where they are needed.
_LIBRARIES = (
    "ctypes.util", "encodings.cp437", "getpass", "httpx", "importlib.readers",
    "installer.records", "packaging.tags", "platformdirs", "resolvelib", "rich", "shutil",
    "tempfile", "tomli_w", "tomlkit", "tomllib", "zipfile",
)  # fmt: skip


def import_everything() -> None:
    """Import envc and all it uses, so that no child imports anything."""
    envc = importlib.import_module("envc")
    for module in pkgutil.walk_packages(envc.__path__, "envc."):
        if not module.name.startswith(("envc.runtime.", "envc.__main__")):
            importlib.import_module(module.name)
    for name in _LIBRARIES:
        with suppress(ImportError):
            importlib.import_module(name)


def serve() -> None:
    """Answer requests until stdin ends."""
    libc = ctypes.CDLL(None)
    libc.prctl(_PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
    for line in sys.stdin:
        request = json.loads(line)
        with tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as err:
            status = carry_out(request, out, err, libc)
            answer = {"status": status, "stdout": text_of(out), "stderr": text_of(err)}
        sys.stdout.write(json.dumps(answer) + "\n")
        sys.stdout.flush()


def carry_out(request: dict[str, Any], out: IO[bytes], err: IO[bytes], libc: ctypes.CDLL) -> int:
    """The status of the request's process; all of its descendants have ended then."""
    reader, writer = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(writer)
        libc.prctl(_PR_SET_PTRACER, ctypes.c_ulong(-1), 0, 0, 0)
        # Not a read: attaching restarts the call, and what fails a read would fail this one.
        select.select([reader], [], [])
        run(request, out, err)
    os.close(reader)
    tracer = None
    if request["strace"] is not None:
        tracer = subprocess.Popen(
            ["strace", "-qq", "-p", str(child), *request["strace"]], stderr=subprocess.DEVNULL
        )
        wait_for_tracer(child)
    os.write(writer, b"!")
    os.close(writer)
    status = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    if tracer is not None:
        tracer.wait()
    with suppress(ChildProcessError):
        while True:
            os.waitpid(-1, 0)
    return status


def wait_for_tracer(child: int) -> None:
    """Return when a tracer has attached to the process."""
    deadline = time.monotonic() + _ATTACH_SECONDS
    while time.monotonic() < deadline:
        with open(f"/proc/{child}/status", encoding="ascii") as file:
            if "TracerPid:\t0\n" not in file.read():
                return
        time.sleep(0.0005)
    raise TimeoutError("strace did not attach")


def run(request: dict[str, Any], out: IO[bytes], err: IO[bytes]) -> None:
    """The child: envc, with these words; it does not return."""
    status = 70
    try:
        os.environ.update(request["environment"])
        os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
        os.dup2(out.fileno(), 1)
        os.dup2(err.fileno(), 2)
        os.chdir("/")
        if request["user"] is not None:
            os.setgroups([])
            os.setgid(request["user"])
            os.setuid(request["user"])
        if request["files"]:
            resource.setrlimit(resource.RLIMIT_NOFILE, (request["files"], request["files"]))
        from envc.cli.main import main

        try:
            status = main(request["words"], listening=True)
        except SystemExit as end:
            status = int(end.code or 0)
        sys.stdout.flush()
        sys.stderr.flush()
    finally:
        os._exit(status)


def text_of(file: IO[bytes]) -> str:
    """All that was written to a file."""
    file.seek(0)
    return file.read().decode(errors="replace")


if __name__ == "__main__":
    import_everything()
    serve()
