"""What this release made or changed, in the hands of 0.1: envc itself is rolled back.

0.1 may refuse, with a word that helps; nothing is lost by it.
"""

import json
import shutil
from collections.abc import Sequence

import pytest

from compat.releases import Release
from compat.worlds import World, edit, kept
from faults.oracle import listing

pytestmark = [pytest.mark.slow, pytest.mark.compat]

VERSION = "import numpy; print(numpy.__version__)"


@pytest.fixture
def ours(world: World) -> World:
    """The target and `plots` as this release would have made them, in the same two steps."""
    world.new.done("uninstall", "--target", world.target)
    world.site.edit('    "scipy==1.11.0",\n', '    "scipy==1.11.0",\n    "six==1.16.0",\n')
    world.new.done("lock")
    assert world.materialize().generation == 1
    world.site.edit('    "six==1.16.0",\n', "")
    world.new.done("lock", "--upgrade")
    assert world.materialize().generation == 2
    shutil.rmtree(world.plots)
    new = world.new.told(ENVC_TARGET=str(world.target))
    new.done("overlay", "init", "plots")
    new.done("overlay", "add", "polars", "--dir", world.plots)
    return world


def helps(release: Release, *words: object) -> bool:
    """Whether a call ends well; else it has to say why, and what to do."""
    answer = release.envc(*words)
    told = any(f"\n {word}: " in answer.stderr for word in ("help", "mend"))  # 0.1 says mend
    assert answer.status == 0 or told, (words, answer.stderr)
    return answer.status == 0


def calls(world: World) -> Sequence[tuple[object, ...]]:
    """What removes nothing, and changes nothing where both releases make equal trees."""
    target, plots = ("--target", world.target), ("--overlay", world.plots)
    python = ("--", "python", "-c", VERSION)
    return (
        ("generations", *target),
        ("verify", *target),
        ("verify", *target, "--fast"),
        ("run", *target, "--layer", "user", *python),
        ("doctor", *target),
        ("gc", *target, "--dry-run"),
        ("tree", "--site", world.target / "current/site", "--layer", "user"),
        ("diff", world.target, world.target),
        ("export", *target, "--layer", "user"),
        ("materialize", *target, "--site", world.site.folder),
        ("generations", "--target", world.plots),
        ("verify", "--target", world.plots),
        ("run", *plots, *python),
        ("doctor", *plots),
        ("overlay", "list", *target),
        ("overlay", "sync", "--dir", world.plots),
        ("export", *plots, "--flat"),
        ("repair", *target, "--offline"),
        ("repair", "--target", world.plots, "--offline"),
    )


@pytest.mark.parametrize("maker", ["this release", "both"])
def test_what_is_there_can_be_looked_at(
    request: pytest.FixtureRequest, world: World, maker: str
) -> None:
    """Made by this release alone, or begun by 0.1 and gone on with by this one."""
    if maker == "both":
        world.lock('"scipy==1.11.0"', '"scipy==1.14.0"')
        world.new.done("overlay", "add", "theme", "report", "--dir", world.plots)
        world.materialize()
        world.new.done("overlay", "sync", "--dir", world.plots)
    else:
        world = request.getfixturevalue("ours")
    folders = (world.target, world.plots)
    before = [listing(folder / "generations") for folder in folders]
    current = [world.current(folder) for folder in folders]
    old, new = world.old.within(world.root), world.new.within(world.root)
    refused = [words for words in calls(world) if not helps(old, *words)]
    assert not refused
    after = [listing(folder / "generations") for folder in folders]
    assert after == before or not world.alike
    assert all(map(kept, before, after))
    assert world.is_sound()
    assert new.json("verify", "--target", world.plots)["ok"]
    new.done("materialize", "--target", world.target, "--site", world.site.folder)
    new.done("overlay", "sync", "--dir", world.plots)
    for folder, number in zip(folders, current, strict=True):
        assert world.holds(number, world.current(folder), folder)


def test_the_first_release_goes_on_with_it_and_this_one_again(ours: World) -> None:
    world, old, new = ours, ours.old.within(ours.root), ours.new.within(ours.root)
    before = listing(world.generation(2))
    world.site.edit('"scipy==1.11.0"', '"scipy==1.14.0"')
    world.site.edit('mode = "managed"\n', "")
    world.old.done("lock")
    assert world.materialize_with_the_first().generation == 3
    old.done("overlay", "add", "notebook", "--dir", world.plots)
    old.done("overlay", "sync", "--dir", world.plots)
    assert world.holds(3, world.materialize().generation)
    assert world.materialize().changed is False
    assert world.is_sound()
    for changed in ((True, False), (False,)):
        assert new.json("overlay", "sync", "--dir", world.plots)["changed"] in changed
    assert world.program(world.plots, "import notebook, polars, numpy") == ""
    on_closed = ("overlay", "init", "mine", "--base", "closed", "--target", world.target)
    assert new.json(*on_closed)["base"] == "closed"  # as 0.1 has published
    old.done("rollback", "--target", world.target, "--to", 2)
    assert listing(world.generation(2)) == before
    assert world.is_sound()
    old.done("gc", "--target", world.target, "--keep", 9)
    assert world.is_sound()
    assert world.own(world.target, "verify").status == 0
    world.new.done("uninstall", "--target", world.target)
    assert not world.target.exists()


def test_the_first_release_collects_nothing_that_is_needed(ours: World) -> None:
    old = ours.old.within(ours.root)
    if helps(old, "gc", "--target", ours.target, "--keep", 0):
        assert not ours.generation(1).exists()
    assert ours.is_sound()
    assert ours.own(ours.target, "verify").status == 0
    assert ours.materialize().generation == 2
    helps(old, "gc", "--target", ours.plots, "--keep", 0)
    assert ours.new.json("verify", "--target", ours.plots)["ok"]
    assert ours.program(ours.plots, VERSION) == "2.0.0"


def test_the_first_release_takes_its_locks(ours: World) -> None:
    old = ours.old
    for words in (("lock", "--check"), ("lock",)):
        assert old.json(*words)["changed"] is False
        assert old.json(*words, "--overlay", ours.plots / "overlay.toml")["changed"] is False
    fresh = ours.root / "fresh"
    assert old.json("materialize", "--target", fresh)["generation"] == 1
    assert ours.new.json("diff", fresh, ours.target)["equal"]


def test_the_first_release_stages_what_this_one_packed(ours: World) -> None:
    packed = ours.new.json("overlay", "pack", "--dir", ours.plots)["path"]
    moved = shutil.copy(packed, ours.root / "packed.envc")
    node = ours.old.within(ours.root).told(ENVC_STAGE=str(ours.root / "scratch"))
    place = node.json("stage", moved)["path"]
    told = node.done(
        "run",
        "--overlay",
        ours.plots,
        "--",
        "python",
        "-c",
        "import sys, polars; print(sys.prefix)",
    )
    assert told.stdout.startswith(f"{place}/")


def test_an_overlay_of_this_release_on_what_only_the_first_one_knows(world: World) -> None:
    """The base is of 0.1 and was never touched; both releases' users stand on it side by side."""
    assert world.old.json("overlay", "sync", "--dir", world.plots)["changed"] is False
    new = world.new.within(world.root).told(ENVC_TARGET=str(world.target))
    new.done("overlay", "init", "mine")
    new.done("overlay", "add", "polars", "--dir", world.storage / "mine")
    edit(
        world.storage / "carol/overlay.toml",
        '"group"\nbase-dir = "../group"',
        '"mine"\nbase-dir = "../mine"',
    )
    world.old.within(world.root).done("overlay", "sync", "--dir", world.storage / "carol")
    code = "import json, notebook, numpy, sys; print(json.dumps(numpy.__version__))"
    assert json.loads(world.program(world.storage / "carol", code)) == "2.0.0"
    assert world.program(world.storage / "mine", VERSION) == "2.0.0"
