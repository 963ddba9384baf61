"""Which pins an overlay keeps, and which it gives up with the request for them."""

import tomllib

import pytest

from support.projects import write_project
from support.sites import SiteFolder, envc, over_wheels
from support.wheels import Recipe, build_all

pytestmark = pytest.mark.slow

SPEC = over_wheels("""\
[layer.user]
requires = ["num<2", "pan", "box<2", "boxed<2"]
""")
LOOSE = [Recipe(name=name, version=version) for name in ("num", "arr") for version in "12"]
BOUND = [Recipe(name="pan", version=version, requires=[f"num=={version}"]) for version in "12"]
# Two projects that share a package directory.
SHARED = [
    Recipe(name=name, version=version, files={"box/__init__.py": "", f"box/{name}.py": ""})
    for name in ("box", "boxed")
    for version in "12"
]


@pytest.fixture(scope="module")
def base(tmp_path_factory):
    """A base whose `num` and `pan` only move together; to read only."""
    root = tmp_path_factory.mktemp("bound")
    (root / "wheels").mkdir()
    build_all([*LOOSE, *BOUND, *SHARED], root / "wheels")
    found = SiteFolder(root, root / "wheels").write(SPEC)
    found.done("lock")
    found.materialize()
    return found


@pytest.fixture
def alice(base, tmp_path):
    """Syncs an overlay with what it requires, and gives what it installs."""
    folder = tmp_path / "alice"
    folder.mkdir()

    def synced(*requires: str, more: str = "", folder=folder, lower: str = 'base = "user"'):
        text = f'version = 1\n[overlay]\nname = "{folder.name}"\n{lower}\n'
        (folder / "overlay.toml").write_text(f"{text}requires = {list(requires)}\n{more}\n")
        answer = envc("overlay", "sync", "--dir", folder, "--target", base.target)
        assert answer.status == 0, answer.stderr
        lock = tomllib.loads((folder / f"pylock.{folder.name}.toml").read_text())
        return {each["name"]: each.get("version", "-") for each in lock.get("packages", [])}

    return synced


def test_with_the_line_its_lifts_go(alice, tmp_path):
    assert alice("num>=2", "arr") == {"arr": "2", "num": "2", "pan": "2"}
    assert alice("num>=1", "arr") == {"arr": "2"}
    assert envc("overlay", "add", "num>=2", "--dir", tmp_path / "alice").status == 0
    report = envc("overlay", "remove", "num", "--dir", tmp_path / "alice", "--json").json
    assert (report["adds"], report["shadows"], report["lifts"]) == (["arr"], [], [])


def test_with_an_editable_project_that_asks_for_less(alice, tmp_path):
    mine = Recipe(name="mine", version="1", requires=["num>=2"])
    folder = write_project(tmp_path / "mine", mine, "")
    editable = f'editable = ["{folder}"]'
    assert alice(more=editable) == {"mine": "-", "num": "2", "pan": "2"}
    write_project(folder, Recipe(name="mine", version="1", requires=["num"]), "")
    assert alice(more=editable) == {"mine": "-"}


def test_what_shares_a_directory_follows_the_base(alice):
    assert alice("box>=2", "boxed>=2") == {"box": "2", "boxed": "2"}
    assert alice("box>=2") == {"box": "2", "boxed": "1"}
    assert alice() == {}


def test_an_overlay_on_an_overlay_comes_back_to_it(alice, tmp_path):
    carol = tmp_path / "carol"
    carol.mkdir()
    lower = 'base = "alice"\nbase-dir = "../alice"'
    assert alice("num>=2") == {"num": "2", "pan": "2"}
    assert alice("num<2", folder=carol, lower=lower) == {"num": "1", "pan": "1"}
    assert alice("num", folder=carol, lower=lower) == {}


def test_what_the_base_has_moved_to_is_no_lift_any_more(tmp_path, base):
    moving = SiteFolder(tmp_path / "moving", base.wheels).write(SPEC)
    moving.done("lock")
    moving.materialize()
    folder = moving.root / "bob"
    assert envc("overlay", "init", "--dir", folder, "--target", moving.target).status == 0
    assert envc("overlay", "add", "num>=2", "--dir", folder).status == 0
    moving.edit("num<2", "num>=2")
    moving.done("lock")
    moving.materialize()
    report = envc("overlay", "sync", "--dir", folder, "--json").json
    assert (report["shadows"], report["lifts"], report["adds"]) == ([], [], [])


def test_pins_stay_where_the_lock_was_lost(alice, tmp_path):
    assert alice("arr<2") == {"arr": "1"}
    (tmp_path / "alice/pylock.alice.toml").unlink()
    assert alice("arr") == {"arr": "1"}
    assert alice("arr") == {"arr": "1"}


def test_a_lost_lock_is_stale_until_it_is_written(base, alice, tmp_path):
    assert alice("arr<2") == {"arr": "1"}
    lock, words = tmp_path / "alice/pylock.alice.toml", ("--overlay", "alice/overlay.toml")
    text = lock.read_bytes()
    lock.unlink()
    ask = ("lock", "--site", base.folder, *words)
    assert envc(*ask, "--check", cwd=tmp_path).status == 1
    assert envc(*ask, cwd=tmp_path).status == 0
    assert lock.read_bytes() == text
    assert envc(*ask, "--check", cwd=tmp_path).status == 0
