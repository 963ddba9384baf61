"""Outputs that are closed, full, or read by nobody: a true status, and never a traceback."""

import subprocess
import sys

import pytest

pytestmark = pytest.mark.slow


def called(site, words, redirection):
    line = f"{sys.executable} -m envc {words} {redirection}"
    done = subprocess.run(
        ["bash", "-c", line], cwd=site.folder, capture_output=True, text=True, check=False
    )
    assert "Traceback" not in done.stdout + done.stderr
    return done


@pytest.mark.parametrize("words", ["tree", "--version", "check --json", "lock", "--help"])
@pytest.mark.parametrize("redirection", [">&-", "2>&-", ">&- 2>&-", "2>/dev/full"])
def test_the_status_is_that_of_the_answer(built, words, redirection):
    assert called(built, words, redirection).returncode == 0


@pytest.mark.parametrize("words", ["tree", "check --json", "--version"])
def test_an_answer_that_cannot_be_written_is_told(built, words):
    done = called(built, words, ">/dev/full")
    assert done.returncode == 4
    assert done.stderr.endswith("error: the answer cannot be written: No space left on device\n")


def test_an_error_keeps_its_status_where_nobody_can_be_told(built):
    assert called(built, "why nothing-of-that-name", "2>/dev/full").returncode == 1
    assert called(built, "materialize --target / --nonsense", ">/dev/full 2>&-").returncode == 2


def test_nobody_reads(built):
    done = called(built, "tree", "| true; exit ${PIPESTATUS[0]}")
    assert done.returncode in {0, 141}
