"""SIGKILL in the middle of `envc materialize`: `current` is as it was, and a plain re-run succeeds.

The process kills itself before its N-th change below the target, which it counts by an audit hook;
so every moment is the same in every run.
"""

import os
import signal
import subprocess
import sys

import pytest

from support.sites import SiteFolder, envc

pytestmark = pytest.mark.slow

SUICIDE = """
import os, signal, sys

CHANGES = {"os.mkdir", "os.rename", "os.link", "os.symlink", "os.remove", "os.chmod", "os.utime"}
left = int(sys.argv.pop(1))
target = os.fsencode(sys.argv[sys.argv.index("--target") + 1])

def count(event, arguments):
    global left
    writes = event == "open" and isinstance(arguments[2], int) and arguments[2] & os.O_ACCMODE
    paths = [os.fsencode(a) for a in arguments if isinstance(a, (str, bytes))]
    if (event in CHANGES or writes) and any(path.startswith(target) for path in paths):
        left -= 1
        if left == 0:
            os.kill(os.getpid(), signal.SIGKILL)

# One processor: no fork takes a share of the changes, and they come in the same order each time.
os.sched_setaffinity(0, [min(os.sched_getaffinity(0))])
sys.addaudithook(count)
from envc.cli.main import main
status = main()
print(-left, file=sys.stderr)
sys.exit(status)
"""
# Shares of the way through: the first changes, the store, the trees, the last switch.
MOMENTS = (0.0, 0.1, 0.25, 0.4, 0.55, 0.7, 0.8, 0.9, 0.95, 0.98, 1.0)


def materialize(site: SiteFolder, changes: int) -> subprocess.CompletedProcess[str]:
    """Materialize in a process that kills itself before that change; 0: never."""
    words = ["materialize", "--target", str(site.target), "--quiet"]
    return subprocess.run(
        [sys.executable, "-c", SUICIDE, str(changes), *words],
        cwd=site.folder,
        capture_output=True,
        text=True,
        check=False,
    )


def moments(total: int) -> list[int]:
    return sorted({1 + round(share * (total - 1)) for share in MOMENTS})


def leftovers(site: SiteFolder) -> list[str]:
    names = os.listdir(site.target / "generations")
    return [name for name in names if not name.isdigit()]


def changes_of(site: SiteFolder) -> int:
    """How many changes a whole run makes."""
    done = materialize(site, 0)
    assert done.returncode == 0, done.stderr
    return int(done.stderr.split()[-1])


def assert_mended(site: SiteFolder, expected: str) -> None:
    report = site.materialize()
    assert report["digest"] == expected
    assert leftovers(site) == []
    assert envc("verify", "--target", site.target).status == 0


@pytest.fixture(scope="module")
def first_time(tmp_path_factory, recipes):
    """How many changes the first materialize makes."""
    site = SiteFolder(tmp_path_factory.mktemp("whole"), recipes).write()
    site.done("lock")
    return changes_of(site)


@pytest.mark.parametrize("share", MOMENTS)
def test_killed_while_it_builds_for_the_first_time(site, built, first_time, share):
    site.done("lock")
    moment = moments(first_time)[MOMENTS.index(share)]
    assert materialize(site, moment).returncode == -signal.SIGKILL
    if (site.target / "current").is_symlink():  # its command comes last
        found = envc("verify", "--target", site.target)
        assert found.status == 0 or found.stdout == "missing: target: bin/envc\n"
    assert_mended(site, built.materialize()["digest"])


@pytest.fixture(scope="module")
def upgrade(tmp_path_factory, recipes):
    """The digest that an upgrade ends with, and how many changes it makes."""
    site = SiteFolder(tmp_path_factory.mktemp("whole"), recipes).write()
    site.done("lock")
    site.materialize()
    upgraded(site)
    total = changes_of(site)
    return site.materialize()["digest"], total


def upgraded(site: SiteFolder) -> None:
    site.edit('"scipy==1.11.0"', '"scipy==1.14.0"')
    site.done("lock")


@pytest.mark.parametrize("share", MOMENTS)
def test_killed_while_it_upgrades(warm, upgrade, share):
    expected, total = upgrade
    warm.materialize()
    upgraded(warm)
    moment = moments(total)[MOMENTS.index(share)]
    assert materialize(warm, moment).returncode == -signal.SIGKILL
    assert warm.current() in {"generations/000001", "generations/000002"}
    assert envc("verify", "--target", warm.target).status == 0
    assert_mended(warm, expected)
    # one that was complete but had no name yet is built again; gc collects it
    assert len(os.listdir(warm.target / "generations")) in {2, 3}
