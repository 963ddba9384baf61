"""A store that has everything is read, whoever owns it and however it is mounted."""

import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from envc.model.digest import digest_of
from envc.model.lock import LockedWheel
from envc.ports import SilentReporter
from envc.store import Store, store_id
from hostile.snapshots import snapshot
from support.wheels import Recipe

PYTHON = f"{sys.version_info.major}.{sys.version_info.minor}"
FILES = {"bin/activate": b"# sh\n"}

PROGRAM = """\
import sys
from envc.errors import EnvcError
from envc.model.digest import digest_of
from envc.model.lock import LockedWheel
from envc.ports import SilentReporter
from envc.store import Store, store_id

root, python, *paths = sys.argv[1:]
store = Store(root)
for path in paths:
    with open(path, "rb") as file:
        digest = digest_of(file.read())
    wheel = LockedWheel(filename=path.rpartition("/")[2], digest=digest, path=path)
    core = {"python": python, "interpreter": sys.executable}
    try:
        store.ingest([(path, wheel)], **core, reporter=SilentReporter())
    except EnvcError as error:
        print(error.status, error)
        continue
    name = store_id(digest, python)
    with open(f"{store.tree(name)}/lib/python{python}/site-packages/demo/__init__.py") as file:
        text = file.read().strip()
    print(store.has(name), len(store.manifest(name).lines), store.facts(name).project, text)
"""


def wheel_of(folder: Path, name: str) -> Path:
    return Recipe(name=name, version="1.0").build(folder)


def ingest(store: Store, path: Path) -> str:
    digest = digest_of(path.read_bytes())
    wheel = LockedWheel(filename=path.name, digest=digest, path=str(path))
    store.ingest(
        [(str(path), wheel)], python=PYTHON, interpreter=sys.executable, reporter=SilentReporter()
    )
    return store_id(digest, PYTHON)


def test_what_is_there_is_served_without_a_write(tmp_path: Path) -> None:
    root = tmp_path / "store"
    store = Store(str(root))
    wheel = wheel_of(tmp_path, "demo")
    core = {"python": PYTHON, "interpreter": sys.executable}
    name, tree = ingest(store, wheel), store.add_tree("start", FILES, **core)
    store.keep_manifest(store.manifest(name))
    before = snapshot(root)
    again = Store(str(root))
    assert (ingest(again, wheel), again.add_tree("start", FILES, **core)) == (name, tree)
    again.keep_manifest(again.manifest(name))
    assert again.has(name)
    assert os.path.isdir(again.tree(name))
    assert again.facts(name).project == "demo"
    assert snapshot(root) == before


def modes_count(root: Path) -> list[str]:
    """What a program is started with so that the owner's modes bind it."""
    for path in (root, *root.rglob("*")):
        path.chmod(path.stat().st_mode & ~0o222)
    if os.geteuid() == 0:
        return ["setpriv", "--bounding-set=-all", "--inh-caps=-all"]
    return []


def read_only_mount(root: Path) -> list[str]:
    """What a program is started with so that the store is on a mount that nobody writes to."""
    script = 'mount --bind "$0" "$0" && mount -o remount,bind,ro "$0" && exec "$@"'
    return ["unshare", "--mount", "sh", "-c", script, str(root)]


@pytest.mark.slow
@pytest.mark.parametrize(
    ("closed", "reason", "mend"),
    [
        (modes_count, "Permission denied", "run envc as the owner of this folder"),
        (read_only_mount, "Read-only file system", "use a file system that can be written"),
    ],
)
def test_closed_store(
    tmp_path: Path, closed: Callable[[Path], list[str]], reason: str, mend: str
) -> None:
    """What it has is served; what it lacks ends with what is to be done about it."""
    root = tmp_path / "store"
    there, lacking = wheel_of(tmp_path, "demo"), wheel_of(tmp_path, "other")
    ingest(Store(str(root)), there)
    prefix = closed(root)
    if prefix and shutil.which(prefix[0]) is None:
        pytest.skip(f"{prefix[0]} is not here")
    if prefix[:1] == ["unshare"] and os.geteuid() != 0:
        pytest.skip("only the superuser may mount")
    before = snapshot(root)
    command = [*prefix, sys.executable, "-c", PROGRAM, str(root), PYTHON, str(there), str(lacking)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.stderr == ""
    assert done.stdout == (
        "True 12 demo __version__ = '1.0'\n"
        f"4 {root}: cannot write the store: {reason}\n  help: {mend}\n"
    )
    assert snapshot(root) == before
