"""Two runs that need the same wheels: one brings them, the other waits and uses them."""

import json
import subprocess
import sys

import pytest

from envc.disk.locks import exclusive
from support.sites import envc

pytestmark = pytest.mark.slow

# Says when it waits for a lock, and how many trees it has unpacked.
PROGRAM = """
import sys
from envc.store.store import Store
ingest, many = Store.ingest, []
def counted(self, wheels, **others):
    many.extend(wheels)
    return ingest(self, wheels, **others)
Store.ingest = counted
from envc.cli.main import main
status = main()
print(len(many), file=sys.stderr)
sys.exit(status)
"""


def begun(site) -> subprocess.Popen[str]:
    words = ["materialize", "--target", str(site.target), "--json", "--no-progress"]
    return subprocess.Popen(
        [sys.executable, "-c", PROGRAM, *words],
        cwd=site.folder,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def test_each_wheel_is_unpacked_once(site):
    """Both are held up where they begin to fill the store; then one of them does it."""
    site.done("lock")
    (site.target / "store").mkdir(parents=True)
    with exclusive(f"{site.target}/store/.fill-lock"):
        processes = [begun(site) for _ in range(2)]
        for process in processes:
            while "waiting for" not in process.stderr.readline():
                assert process.poll() is None
    answers = [process.communicate() for process in processes]
    assert [process.returncode for process in processes] == [0, 0], answers
    unpacked = [int(stderr.split()[-1]) for _, stderr in answers]
    assert min(unpacked) == 0
    assert max(unpacked) > 0
    reports = [json.loads(stdout) for stdout, _ in answers]
    assert {report["generation"] for report in reports} == {1}
    assert envc("verify", "--target", site.target).status == 0


def test_who_waits_in_vain_fills_the_store_itself(site, monkeypatch):
    site.done("lock")
    (site.target / "store").mkdir(parents=True)
    monkeypatch.setenv("ENVC_LOCK_TIMEOUT", "0")
    with exclusive(f"{site.target}/store/.fill-lock"):
        assert site.materialize()["generation"] == 1
