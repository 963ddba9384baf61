"""Locks on files: who holds one is told, who waits says so, and nobody else can hold one."""

import os
import re
import stat
import subprocess
import sys
from contextlib import contextmanager

import pytest

from envc.disk import locks
from envc.disk.leases import is_held
from envc.disk.locks import exclusive, shared
from envc.errors import OutsideError
from envc.ports import REPORTER, SilentReporter

HERE = os.uname().nodename
_HOLDER = """\
import sys
from envc.disk.locks import exclusive, shared
kind, path = sys.argv.pop(), sys.argv.pop()
with {"exclusive": exclusive, "shared": shared}[kind](path):
    print("held", flush=True)
    sys.stdin.read()
"""


@contextmanager
def holder(path, kind="exclusive", *words):
    """A process that holds a lock, called with these words."""
    process = subprocess.Popen(
        [sys.executable, "-c", _HOLDER, *words, path, kind],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "held\n"
    yield process
    process.communicate()


@pytest.fixture
def path(tmp_path, monkeypatch):
    monkeypatch.setenv("ENVC_LOCK_TIMEOUT", "0")
    return tmp_path / "lock"


def refusal(path) -> str:
    with pytest.raises(OutsideError) as raised, exclusive(str(path)):
        pass
    (fault,) = raised.value.faults
    assert (fault.where, bool(fault.mend)) == (str(path), True)
    return fault.what


@pytest.mark.parametrize("kind", ["exclusive", "shared"])
def test_who_holds_it_is_told(path, kind):
    with holder(path, kind, "gc", "--target", "x") as process:
        assert re.fullmatch(
            rf"process {process.pid} of \w+ since \d{{4}}-\d\d-\d\dT\d\d:\d\d:\d\dZ "
            rf"\(envc gc --target x\) on {re.escape(HERE)} holds the lock; waited for 0 seconds",
            refusal(path),
        )
    with exclusive(str(path)):
        pass


def test_of_several_the_last_one_has_written(path):
    with holder(path, "shared", "one") as first, holder(path, "shared", "two") as second:
        told = refusal(path)
    assert str(first.pid) in told
    assert f"{second.pid} of " in told
    assert "(envc two)" in told
    assert "(envc one)" not in told


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("4711 far alice 2026-11-30T12:00:00Z envc gc\n", "alice since 2026-11-30T12:00:00Z"),
        ("4711 far\n", "process 4711 on far holds"),  # as 0.1 wrote it
        (f"4711 {HERE} alice 2026-11-30T12:00:00Z envc\n", "a process holds"),  # the kernel knows
        ("", "a process holds"),
        ("\x1b[2J far\n", "process \ufffd[2J on far holds"),
        ("1 far " + "x" * 100_000, "process 1 on far holds"),
        (b"\xff\xfe far a b c", "process \ufffd\ufffd of a since b (c) on far holds"),
    ],
)
def test_what_a_file_says_is_believed_where_it_can_be_so(path, monkeypatch, text, told):
    """The kernel names no process: a network file system, or another container."""
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    monkeypatch.setattr(locks, "_own_line", lambda: b"")
    monkeypatch.setattr(locks, "holders_of", lambda _: iter(()))
    with shared(str(path)):
        assert told in refusal(path)


def test_who_waits_says_so(path, monkeypatch):
    """Once, and goes on when the lock is free."""
    monkeypatch.setenv("ENVC_LOCK_TIMEOUT", "60")
    monkeypatch.setattr(locks, "_TOLD_AFTER_SECONDS", 0.0)
    told: list[str] = []
    with holder(path) as process:

        class Frees(SilentReporter):
            def note(self, message: str) -> None:
                told.append(message)
                process.communicate()

        before = REPORTER.set(Frees())
        with exclusive(str(path)):
            assert is_held(str(path))
        REPORTER.reset(before)
    assert len(told) == 1
    assert re.fullmatch(
        rf"waiting for process {process.pid} of .* on {HERE}, which holds {path}", told[0]
    )


@pytest.mark.parametrize("kind", [exclusive, shared])
def test_a_lock_is_its_owners_alone(path, kind):
    path.write_text("4711 far-node\n")
    path.chmod(0o644)  # as 0.1 made it
    with kind(str(path)):
        assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_a_fifo_in_its_place_holds_nobody_up(path):
    os.mkfifo(path)
    with exclusive(str(path)):
        pass
