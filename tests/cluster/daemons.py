"""Daemons that tests start and stop themselves, each by its own process."""

import contextlib
import os
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import pytest

_READY_SECONDS = 20.0
_PAUSE_SECONDS = 0.02


def needs(*programs: str) -> None:
    """Skip where a program is missing, or where namespaces may not be made."""
    path = os.environ["PATH"] + ":/usr/sbin:/sbin"
    missing = [name for name in programs if shutil.which(name, path=path) is None]
    if missing:
        pytest.skip(f"{', '.join(missing)} cannot be found: run `make tools`")
    if os.geteuid() != 0:
        pytest.skip("mount namespaces need root")
    tried = subprocess.run(["unshare", "-m", "-u", "true"], capture_output=True, check=False)
    if tried.returncode != 0:
        pytest.skip("mount namespaces cannot be made here")


def program(name: str) -> str:
    found = shutil.which(name, path=os.environ["PATH"] + ":/usr/sbin:/sbin")
    assert found is not None
    return found


DIES_WITH_US = ("setpriv", "--pdeathsig", "KILL")


class Daemons:
    """Processes of one rig; `stop` ends every one of them, children included."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._running: dict[str, subprocess.Popen[bytes]] = {}

    def start(self, name: str, command: Sequence[str]) -> subprocess.Popen[bytes]:
        """Start a daemon in the foreground of a session of its own; what it says is kept."""
        with (self._folder / f"{name}.log").open("ab") as log:
            process = subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                cwd="/",
                start_new_session=True,
            )
        self._running[name] = process
        return process

    def kill(self, name: str) -> None:
        """End one daemon and what it started, at once."""
        process = self._running.pop(name)
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()

    def stop(self) -> None:
        for name in list(self._running):
            self.kill(name)

    def pid(self, name: str) -> int:
        return self._running[name].pid


@contextlib.contextmanager
def daemons(folder: Path) -> Iterator[Daemons]:
    rig = Daemons(folder)
    try:
        yield rig
    finally:
        rig.stop()


def until(true: Callable[[], bool], what: str) -> None:
    """Wait for a daemon: there is no event for it, so that it is asked again and again."""
    deadline = time.monotonic() + _READY_SECONDS
    while not true():
        if time.monotonic() > deadline:
            pytest.fail(f"{what} does not come up")
        time.sleep(_PAUSE_SECONDS)


def listens(address: str, port: int) -> bool:
    with contextlib.suppress(OSError), socket.create_connection((address, port), timeout=1):
        return True
    return False


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def in_node(
    folder: Path, target: Path, name: str, command: Sequence[str], *, megabytes: int | None = None
) -> list[str]:
    """The command in a namespace where `folder` stands at `target`: a node's own local disk.

    With `megabytes`, the disk is a new one of that size, in memory.
    """
    disk = 'mount --bind "$1" "$2"'
    if megabytes is not None:
        disk = f'mount -t tmpfs -o size={megabytes}m tmpfs "$2"'
    script = (
        "mount --make-rprivate / && mount -t tmpfs tmpfs /run && mkdir /run/sshd"
        f' && {disk} && hostname "$3" && shift 3 && exec "$@"'
    )
    # Whatever ends this process ends its daemons.
    words = [*DIES_WITH_US, "unshare", "-m", "-u", "sh", "-c", script]
    return [*words, "sh", str(folder), str(target), name, *command]
