"""SIGKILL in the middle of `envc stage`: nothing half-done has the name, and a re-run succeeds."""

import signal
import subprocess
import sys

import pytest

from integration.test_killed import SUICIDE
from support.sites import envc, python

pytestmark = pytest.mark.slow

MOMENTS = (0.0, 0.2, 0.4, 0.6, 0.8, 0.9, 0.97, 1.0)


def stage(source, to, changes: int) -> subprocess.CompletedProcess[str]:
    """Stage in a process that kills itself before that change; 0: never."""
    code = SUICIDE.replace('"--target"', '"--to"')
    words = ["stage", str(source), "--to", str(to), "--quiet"]
    return subprocess.run(
        [sys.executable, "-c", code, str(changes), *words],
        capture_output=True,
        text=True,
        check=False,
    )


def test_killed_at_any_change(built, tmp_path):
    alice = tmp_path / "alice"
    assert envc("overlay", "init", "--dir", alice, "--target", built.target).status == 0
    assert envc("overlay", "add", "polars", "--dir", alice).status == 0
    assert envc("overlay", "pack", "--dir", alice).status == 0
    whole = stage(alice, tmp_path / "whole", 0)
    total = int(whole.stderr.split()[-1])
    for moment in MOMENTS:
        scratch = tmp_path / f"scratch-{moment}"
        scratch.mkdir(mode=0o700)
        done = stage(alice, scratch, 1 + round(moment * (total - 1)))
        assert done.returncode == -signal.SIGKILL, done.stderr
        for place in scratch.glob("alice-*"):
            assert envc("verify", "--target", place).status == 0
        answer = envc("stage", alice, "--to", scratch)
        assert answer.status == 0, answer.stderr
        (place,) = scratch.glob("alice-*")
        assert python(place, "import polars; print(polars.__version__)") == "1.0.0"
        assert not list(scratch.glob(".staging-*"))
