"""Caches that tools keep by path, time and size, with the real numba and stevedore."""

import os
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from envc.index import default_index
from envc.model.manifest import PUBLISHED_MTIME_SECONDS
from support.sites import PYTHON, SITE_PACKAGES, envc_process
from support.wheels import Recipe

CACHE = Path(__file__).resolve().parents[2] / "build/network/cache"
# Read before the fixtures hide the person's configuration from the tests.
INDEX = default_index().url or ""

pytestmark = [pytest.mark.network, pytest.mark.slow]

CACHED = """\
version = 1
[site]
name = "caches"
[core]
python = "{python}"
[[index]]
name = "wheels"
path = "wheels"
[[index]]
name = "public"
url = "{index}"
[layer.user]
requires = ["numba<0.62", "stevedore", "kernels"]
"""


KERNELS = """\
from numba import njit

@njit(cache=True)
def answer():
    return {number}
"""
ASKED = """\
import kernels, stevedore
print(kernels.answer(), *sorted(stevedore.ExtensionManager("kernels.plugins").names()))
"""


@pytest.fixture
def place() -> Iterator[Path]:
    """A folder that is not in /tmp: for an interpreter there, stevedore caches nothing."""
    folder = Path(tempfile.mkdtemp(dir="/var/tmp"))
    yield folder
    remove(folder)


def test_what_is_cached_by_path_time_and_size_is_of_one_release(place: Path) -> None:
    """A node's generation 1, and another node's: one path, one size, two releases, one home.

    Where all files have one time, as the control has it, numba takes one for the other (0.62 and
    later read the source). stevedore goes by the names of metadata folders, too.
    """
    found, control = [], []
    for number in (1, 2):
        tree = materialized(place, number)
        found.append(asked(tree, place / "caches"))
        for path in tree.glob(f"{SITE_PACKAGES}/kernels*"):
            for each in (path, *path.glob("*")):
                os.utime(each, (PUBLISHED_MTIME_SECONDS, PUBLISHED_MTIME_SECONDS))
        control.append(asked(tree, place / "others"))
    assert list((place / "caches").rglob("*.nbi"))
    assert list((place / "caches/python-entrypoints").iterdir())
    assert found == [["1", "plugin-1"], ["2", "plugin-2"]]
    assert control == [["1", "plugin-1"], ["1", "plugin-2"]]


def materialized(place: Path, number: int) -> Path:
    """The layer with that release, in a target that is made anew."""
    for old in ("wheels", "target", "pylock.user.toml"):
        remove(place / old)
    (place / "wheels").mkdir()
    Recipe(
        name="kernels",
        version=f"{number}.0",
        files={"kernels.py": KERNELS.format(number=number)},
        entry_points=f"[kernels.plugins]\nplugin-{number} = kernels:answer\n",
    ).build(place / "wheels")
    (place / "envc.toml").write_text(CACHED.format(python=PYTHON, index=INDEX))
    surroundings = {"ENVC_CACHE_DIR": str(CACHE), "ENVC_INDEX_URL": INDEX}
    for words in (("lock",), ("materialize", "--target", "target")):
        answer = envc_process(*words, cwd=place, environment=surroundings)
        assert answer.status == 0, answer.stderr
    return place / "target/user"


def asked(tree: Path, caches: Path) -> list[str]:
    """What the function answers, and which plugins there are."""
    done = subprocess.run(
        [tree / "bin/python", "-c", ASKED],
        env={**os.environ, "NUMBA_CACHE_DIR": f"{caches}/numba", "XDG_CACHE_HOME": str(caches)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.split()


def remove(folder: Path) -> None:
    if folder.exists():
        subprocess.run(["chmod", "-R", "u+w", folder], check=True)
        subprocess.run(["rm", "-rf", folder], check=True)
