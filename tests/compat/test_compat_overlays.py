"""Overlays that 0.1 made, in the hands of this release."""

import json
import os
import shutil
from pathlib import Path
from typing import Any

import pytest

from compat.releases import Release, answer_of
from compat.worlds import BUILDS, World, includes, kept
from faults.oracle import listing
from support.projects import write_project
from support.sites import SITE_PACKAGES
from support.wheels import Recipe

pytestmark = [pytest.mark.slow, pytest.mark.compat]

NAMES = ("plots", "group", "carol")
SEEN = """\
import importlib.metadata, importlib.util, json, sys
projects = {each.name: each.version for each in importlib.metadata.distributions()}
found = {name: importlib.util.find_spec(name) is not None for name in ("pandas", "polars", "mine")}
print(json.dumps([projects, found, sys.prefix]))
"""
OWN = {
    "plots": {"adds": ["polars"], "shadows": ["numpy"], "lifts": ["scipy"], "hides": ["pandas"]},
    "group": {"adds": ["theme"], "shadows": [], "lifts": [], "hides": []},
    "carol": {"adds": ["notebook"], "shadows": [], "lifts": [], "hides": []},
}
if BUILDS:
    OWN["plots"]["adds"] = ["mine", "polars", "theme"]


def user(world: World) -> Release:
    """This release as a user calls it, who has no checkout."""
    return world.new.within(world.root)


def seen(world: World, folder: Path) -> list[Any]:
    """What a process sees that runs in an overlay: projects, modules, and its prefix."""
    return json.loads(world.program(folder, SEEN))


@pytest.mark.parametrize("name", NAMES)
def test_nothing_is_to_be_done(world: World, name: str) -> None:
    """Or it is brought along once: what is there stays, link for link, and so does the lock."""
    folder = world.storage / name
    before, sees = listing(folder / "generations"), seen(world, folder)
    lock = (folder / f"pylock.{name}.toml").read_bytes()
    number = world.current(folder)
    report = user(world).json("overlay", "sync", "--dir", folder)
    assert world.holds(number, report["generation"], folder)
    assert OWN[name].items() <= report.items()
    again = user(world).json("overlay", "sync", "--dir", folder)
    assert (again["generation"], again["changed"]) == (report["generation"], False)
    assert kept(before, listing(folder / "generations"))
    assert (folder / f"pylock.{name}.toml").read_bytes() == lock
    assert seen(world, folder)[:2] == sees[:2]


def test_it_runs(world: World) -> None:
    projects, found, prefix = seen(world, world.plots)
    versions = {"numpy": "2.0.0", "scipy": "1.14.0", "polars": "1.0.0", "report": "1.0"}
    assert versions.items() <= projects.items()
    assert found == {"pandas": False, "polars": True, "mine": BUILDS}
    told = user(world).done("run", "--overlay", world.plots, "--", "python", "-c", SEEN)
    assert (json.loads(told.stdout), told.stderr) == ([projects, found, prefix], "")
    seen_by_a_command = json.loads(answer_of([world.plots / "bin/report"]).stdout)
    assert seen_by_a_command["projects"] == projects
    assert prefix == str((world.plots / "current").resolve())


@pytest.mark.skipif(not BUILDS, reason="0.1 does not build on this interpreter")
def test_an_editable_project_is_edited_and_rebuilt(world: World) -> None:
    package = world.root / "mine/src/mine/__init__.py"
    package.write_text("value = 2\n")
    assert world.program(world.plots, "import mine; print(mine.value)") == "2"
    before = world.current(world.plots)
    project = Recipe(name="mine", version="1.1", requires=["theme", "notebook"])
    write_project(world.root / "mine", project, "value = 33\n")
    warned = user(world).done("run", "--overlay", world.plots, "--", "python", "-c", "")
    assert "it requires notebook" in warned.stderr
    report = user(world).json("overlay", "sync", "--dir", world.plots)
    assert (report["generation"] > before, "notebook" in report["adds"]) == (True, True)
    assert world.program(world.plots, "import mine; print(mine.value)") == "33"


def test_it_is_edited_and_rolled_back(world: World) -> None:
    before, folder = world.current(world.plots), world.plots
    old = listing(folder / "generations")
    report = user(world).json("overlay", "add", "notebook", "--dir", folder)
    assert (report["generation"], "notebook" in report["adds"]) == (before + 1, True)
    user(world).done("overlay", "remove", "polars", "--dir", folder)
    assert world.program(folder, "import numpy; print(numpy.__version__)") == "1.26.4"
    user(world).done("rollback", "--target", folder, "--to", before)
    assert world.program(folder, "import numpy, polars; print(numpy.__version__)") == "2.0.0"
    assert user(world).json("verify", "--target", folder)["ok"]
    assert kept(old, listing(folder / "generations"))


def test_it_goes_on_while_the_base_moves_on_and_comes_along(world: World) -> None:
    sees = seen(world, world.plots)
    world.lock('"scipy==1.11.0"', '"scipy==1.14.0"')
    assert world.materialize().generation == 3
    world.new.done("gc", "--target", world.target, "--keep", 2)
    assert seen(world, world.plots) == sees
    listed = user(world).json("overlay", "list", "--target", world.target)["overlays"]
    assert {entry["name"]: entry["state"] for entry in listed}["plots"] == "base moved on"
    for name in NAMES:
        folder = world.storage / name
        assert user(world).json("overlay", "sync", "--dir", folder)["changed"]
    assert user(world).json("overlay", "sync", "--dir", world.plots)["lifts"] == []
    assert world.program(world.storage / "carol", "import scipy, theme, notebook") == ""


def test_an_overlay_below_another_one_is_rebuilt(world: World) -> None:
    group, carol = world.storage / "group", world.storage / "carol"
    user(world).done("overlay", "add", "polars", "--dir", group)
    assert (
        world.program(carol, "import notebook, theme, numpy; print(numpy.__version__)") == "1.26.4"
    )
    assert user(world).json("overlay", "sync", "--dir", carol)["changed"]
    assert world.program(carol, "import polars, numpy; print(numpy.__version__)") == "2.0.0"


def test_what_is_said_of_it_is_what_was_said(world: World) -> None:
    first, now = (
        release.within(world.root).told(ENVC_TARGET=str(world.target))
        for release in (world.old, world.new)
    )
    spec = world.plots / "overlay.toml"
    looks = (
        ("overlay", "list"),
        ("tree", "--overlay", spec, "--site", world.site.folder),
        ("why", "scipy", "--overlay", spec, "--site", world.site.folder),
        ("generations", "--target", world.plots),
        ("diff", f"{world.plots}@1", world.plots),
        ("check", spec, "--site", world.site.folder),
    )
    for words in looks:
        told, tells = first.envc(*words, "--json"), now.envc(*words, "--json")
        assert (told.status, tells.status) in ((0, 0), (1, 1)), (words, tells.stderr)
        assert includes(tells.json, told.json), (words, told.stdout, tells.stdout)
    texts = [
        each.done("export", "--overlay", world.plots, "--flat").stdout for each in (first, now)
    ]
    assert texts[0] == texts[1]
    assert now.json("doctor", "--overlay", world.plots)["ok"]


def test_damage_is_found_and_mended(world: World) -> None:
    before = listing(world.plots / "generations", inodes=False)
    current = world.plots / "current"
    (current / "bin/activate").unlink()
    edited = current / SITE_PACKAGES / "polars/__init__.py"
    edited.chmod(0o644)
    edited.write_text("edited\n")
    assert user(world).envc("verify", "--target", world.plots).status == 1
    user(world).done("repair", "--target", world.plots, "--from", world.root / "wheels")
    assert user(world).json("verify", "--target", world.plots)["ok"]
    assert listing(world.plots / "generations", inodes=False) == before


def test_what_nothing_keeps_goes(world: World) -> None:
    number = world.current(world.plots)
    report = user(world).json("gc", "--target", world.plots, "--keep", 1)
    assert report["removed"] == [*range(1, number)]
    assert user(world).json("verify", "--target", world.plots)["ok"]
    report = user(world).json("overlay", "sync", "--dir", world.plots)
    assert world.holds(number, report["generation"], world.plots)


@pytest.mark.parametrize("packer", ["old", "new"])
def test_it_is_packed_and_staged(world: World, packer: str) -> None:
    """By 0.1 or by this release, and staged by this one."""
    packs: Release = getattr(world, packer)
    sees, _, _ = seen(world, world.plots)
    packed = packs.json("overlay", "pack", "--dir", world.plots)["path"]
    moved = Path(shutil.copy(packed, world.root / "packed.envc"))
    node = user(world).told(ENVC_STAGE=str(world.root / "scratch"))
    staged = node.json("stage", moved)
    assert staged["changed"]
    assert node.json("stage", world.plots) == staged | {"changed": False}
    assert seen(world, Path(staged["path"]))[0] == sees
    packs.done("overlay", "pack", "--dir", world.plots, "--alone")
    shutil.rmtree(world.root / "scratch")
    told = node.done("run", "--overlay", world.plots, "--", "python", "-c", SEEN)
    projects, _, prefix = json.loads(told.stdout)
    assert (projects, prefix) == (sees, f"{staged['path']}/generations/000001")
    assert user(world).json("overlay", "sync", "--dir", world.plots)["changed"]
    assert seen(world, world.plots)[0] == sees


def test_what_the_first_release_staged_is_used(world: World) -> None:
    scratch = {"ENVC_STAGE": str(world.root / "scratch")}
    place = world.old.told(**scratch).json("stage", world.plots)["path"]
    node = user(world).told(**scratch)
    told = node.done("run", "--overlay", world.plots, "--", "python", "-c", SEEN)
    assert json.loads(told.stdout)[2].startswith(f"{place}/")
    assert node.json("stage", world.plots)["changed"] is False


def test_a_script_runs_in_the_overlay_that_was_made_for_it(world: World) -> None:
    (name,) = os.listdir(world.storage / ".scripts")
    before = listing(world.storage / ".scripts" / name / "generations")
    (world.site.folder / "wheels").unlink()  # nothing can be resolved or fetched again
    told = user(world).told(ENVC_TARGET=str(world.target)).done("run", world.root / "plot.py")
    assert told.stdout.startswith("2.0.0 1.0.0 ")
    assert os.listdir(world.storage / ".scripts") == [name]
    assert listing(world.storage / ".scripts" / name / "generations") == before


def test_specs_and_locks_are_collected_for_ci(world: World) -> None:
    world.site.edit('specs = ["overlays/*.toml"]', 'specs = ["overlays/*/*/overlay.toml"]')
    world.old.done("lock")
    world.materialize()
    collected = world.new.json("overlay", "collect")["overlays"]
    assert {each["name"] for each in collected} >= {"plots", "group"}
    verdicts = world.new.json("check")["overlays"]
    assert all(verdict["ok"] for verdict in verdicts)
    assert not [
        each
        for verdict in verdicts
        for each in verdict["findings"]
        if each["code"].startswith("ENVC3")
    ]
