"""`make demo` as a person meets it, on wheels from recipes."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]

pytestmark = pytest.mark.slow


def demo(build: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "fixtures/demo/demo.py", "--recipes", "--build", str(build)],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": "tests"},
        capture_output=True,
        text=True,
        check=False,
    )


def test_it_shows_the_whole_job_and_a_second_time_finds_it_done(tmp_path: Path) -> None:
    first = demo(tmp_path)
    assert (first.returncode, first.stderr) == (0, "")
    for line in (
        "As asked: wheels built from recipes stand in for the real ones.",
        "  humanize       4.12.3   overlay",
        "  more-itertools 10.7.0   common",
        "  plugins: pytest-timeout",
        "  1 overlay ok",
        "  FAIL bob",
        "demo: all is built and checked",
    ):
        assert line in first.stdout
    second = demo(tmp_path)
    assert second.returncode == 0
    assert "demo: all was there already, and nothing was built" in second.stdout
    assert os.listdir(tmp_path / "Canopy/generations") == ["000001"]


def test_what_a_killed_try_left_is_removed(tmp_path: Path) -> None:
    (tmp_path / ".demo-unfinished").touch()
    broken = tmp_path / "Canopy/generations/000001"
    broken.mkdir(parents=True)
    broken.chmod(0o555)
    (tmp_path / "Canopy/current").symlink_to("generations/000001")
    done = demo(tmp_path)
    assert done.returncode == 0
    assert done.stdout.startswith(
        "An earlier try did not finish: what it had made is removed first.\n"
    )
    assert not (tmp_path / ".demo-unfinished").exists()


def test_a_failed_try_removes_what_it_made(tmp_path: Path) -> None:
    (tmp_path / "Canopy").write_text("in the way")
    failed = demo(tmp_path)
    assert failed.returncode == 1
    told = "\ndemo: step 2 ended with status 2; what it had made is removed again\n"
    assert failed.stderr == told
    assert not (tmp_path / "site").exists()
