"""A target that 0.1 made, in the hands of this release."""

import os
import shutil
import tomllib
from pathlib import Path

import pytest

from compat.worlds import LAYERS, World, edit, includes, kept
from faults.oracle import listing
from faults.world import flip
from support.cores import file, tar_of
from support.sites import PYTHON, SITE_PACKAGES
from support.wheels import sha256_of

pytestmark = [pytest.mark.slow, pytest.mark.compat]

VERSIONS = "import numpy, scipy, six; print(numpy.__version__, scipy.__version__, six.__version__)"
FIRST, SECOND = "1.26.4 1.11.0 1.16.0", "1.26.4 1.11.0 1.17.0"


def without_wheels(world: World) -> tuple[object, ...]:
    (world.site.folder / "wheels").unlink()
    return ("--offline",)


def with_a_comment(world: World) -> tuple[object, ...]:
    world.site.edit("[layer.user]", "[layer.user]  # what everybody has")
    return ()


FORMS = {
    "plain": lambda world: (),
    "one layer": lambda world: ("--layer", "user"),
    "from a folder": lambda world: ("--from", world.root / "wheels", "--offline"),
    "without wheels": without_wheels,
    "after a comment": with_a_comment,
}


@pytest.mark.parametrize("form", FORMS)
def test_what_is_there_stays_the_generation_that_it_is(world: World, form: str) -> None:
    """Or it is brought along once: what is there stays, link for link, and processes see the same.

    Every other form finds nothing to do then.
    """
    before, audited = world.trees(), (world.target / "audit.jsonl").read_text()
    made = world.materialize(*FORMS[form](world))
    assert world.holds(2, made.generation)
    for words in ((), ("--layer", "user"), ("--from", world.root / "wheels", "--offline")):
        again = world.materialize(*words)
        assert (again.generation, again.digest, again.changed) == (
            made.generation,
            made.digest,
            False,
        )
    assert kept(before, world.trees())
    assert (world.target / "audit.jsonl").read_text().startswith(audited)
    assert world.program(world.target / "user", VERSIONS) == SECOND
    assert world.is_sound()


def test_an_upgrade_and_the_way_back(world: World) -> None:
    before = world.trees()
    world.lock('"scipy==1.11.0"', '"scipy==1.14.0"')
    assert world.materialize().generation == 3
    assert world.program(world.target / "user", VERSIONS) == "1.26.4 1.14.0 1.17.0"
    world.lock('"scipy==1.14.0"', '"scipy==1.11.0"')
    assert world.holds(2, world.materialize().generation)
    world.lock('"scipy==1.11.0"', '"scipy==1.14.0"')
    assert world.materialize().generation == 3
    assert kept(before, world.trees())
    assert world.is_sound()


def test_one_layer_is_built_and_those_of_the_first_release_are_carried_over(world: World) -> None:
    world.lock('requires = ["theme"]', 'requires = ["theme", "six"]')
    assert world.materialize("--layer", "tools").generation == 3
    assert world.program(world.target / "tools", "import six; print(six.__version__)") == "1.17.0"
    assert world.program(world.target / "user", VERSIONS) == SECOND
    assert world.is_sound()


def test_a_roll_back_and_the_way_forth(world: World) -> None:
    for words, number, versions in (
        ((), 1, FIRST),
        (("--to", 2), 2, SECOND),
        (("--to", 1), 1, FIRST),
    ):
        report = world.new.json("rollback", "--target", world.target, *words)
        assert (report["generation"], world.current()) == (number, number)
        assert world.program(world.target / "user", VERSIONS) == versions
        assert world.is_sound()
    assert world.holds(2, world.materialize().generation)


def test_what_the_first_release_pinned_is_kept_and_the_rest_goes(world: World) -> None:
    collect = ("gc", "--target", world.target, "--keep", 0)
    world.old.done("generations", "--target", world.target, "--pin", 1)
    report = world.new.json(*collect)
    assert (report["removed"], report["kept"]) == ([], {"1": "pinned", "2": "current"})
    world.new.done("generations", "--target", world.target, "--unpin", 1)
    report = world.new.json(*collect)
    assert report["removed"] == [1]
    assert len(report["stored_trees_removed"]) == 1  # six 1.16
    assert world.generation(1).is_symlink()  # leads on
    assert world.is_sound()
    assert world.holds(2, world.materialize().generation)


def shared(world: World) -> Path:
    """A file of both generations and of the store."""
    return world.generation(2) / "user" / SITE_PACKAGES / "pandas/__init__.py"


def with_more(world: World) -> None:
    (world.generation(2) / "user" / SITE_PACKAGES / "evil.pth").write_text("import evil\n")


def with_an_edited_spec(world: World) -> None:
    spec = world.generation(2) / "site/envc.toml"
    spec.chmod(0o644)
    edit(spec, "[site]", "[sitE]")


def without_a_record(world: World) -> None:
    (world.generation(1) / "manifest.json").unlink()
    (world.generation(2) / "manifests/user").unlink()


DAMAGES = {
    "a bit that is flipped": lambda world: flip(shared(world)),
    "a tree that is gone": lambda world: shutil.rmtree(world.generation(2) / "user"),
    "a file too many": with_more,
    "an edited spec": with_an_edited_spec,
    "records that are gone": without_a_record,
}


@pytest.mark.parametrize("damage", DAMAGES)
def test_damage_is_found_and_mended_by_what_the_first_release_noted(
    world: World, damage: str
) -> None:
    before = {number: listing(world.generation(number), inodes=False) for number in (1, 2)}
    DAMAGES[damage](world)
    found = world.new.envc("verify", "--target", world.target, "--json")
    assert (found.status, found.json["ok"]) == (1, False)
    world.new.done("repair", "--target", world.target, "--from", world.root / "wheels", "--offline")
    assert world.is_sound()
    assert world.new.json("verify", "--target", world.target, "--fast")["ok"]
    after = {number: listing(world.generation(number), inodes=False) for number in before}
    assert after == before


def test_nothing_is_left_after_uninstall(world: World) -> None:
    around = listing(world.storage)
    world.new.done("uninstall", "--target", world.target)
    assert not world.target.exists()
    assert listing(world.storage) == around


def test_what_somebody_put_there_is_left_by_uninstall(world: World) -> None:
    (world.target / "notes.txt").write_text("mine\n")
    world.new.done("uninstall", "--target", world.target)
    assert os.listdir(world.target) == ["notes.txt"]


def test_looking_at_it_shows_what_it_showed(world: World) -> None:
    """In the checkout, and in the copy of the site that 0.1 has published."""
    copy = world.target / "current/site"
    looks = (
        ("tree", "--layer", "user"),
        ("tree", "--layer", "user", "--site", copy),
        ("why", "numpy", "--layer", "user"),
        ("diff", f"{world.target}@1", world.target),
        ("diff", copy / "pylock.user.toml", "pylock.user.toml"),
        ("generations", "--target", world.target),
        ("verify", "--target", world.target),
    )
    for words in looks:
        told, tells = (each.envc(*words, "--json") for each in (world.old, world.new))
        assert tells.status == told.status < 2, (words, tells.stderr)
        assert includes(tells.json, told.json), (told.stdout, tells.stdout)


def test_a_layer_is_exported_as_ever(world: World) -> None:
    users = [
        release.within(world.root).told(ENVC_TARGET=str(world.target))
        for release in (world.old, world.new)
    ]
    pins = [pins_of(each.done("export", "--layer", "user", "--flat").stdout) for each in users]
    assert pins[0] == pins[1] != {}
    users[1].done("export", "--layer", "user", "--to", world.root / "flat")
    assert world.program(world.root / "flat", VERSIONS) == SECOND


def pins_of(lock: str) -> dict[str, str]:
    return {each["name"]: each["version"] for each in tomllib.loads(lock)["packages"]}


def test_it_is_fit_and_runs(world: World) -> None:
    user = world.new.within(world.root)
    report = user.json("doctor", "--target", world.target)
    assert report["ok"], report
    for layer in LAYERS:
        words = ("--target", world.target, "--layer", layer, "--")
        told = user.done("run", *words, "python", "-c", "import sys; print(sys.prefix)")
        assert told.stdout == f"{world.generation(2)}/{layer}\n"
        assert told.stderr == ""


def test_its_own_envc_goes_on(world: World) -> None:
    """The one that 0.1 left there, and what this release makes of it."""
    for _ in range(2):
        assert world.own(world.target, "verify").status == 0
        listed = world.own(world.target, "generations", "--json").json["generations"]
        assert [entry["generation"] for entry in listed][:2] == [1, 2]
        world.materialize()


def test_what_it_says_about_overlays_holds(world: World) -> None:
    """Its policy stands in the copy of the site that 0.1 published."""
    user = world.new.within(world.root).told(ENVC_TARGET=str(world.target))
    for _ in range(2):
        refused = user.envc("overlay", "init", "mine", "--base", "closed")
        assert (refused.status, "closed" in refused.stderr) == (2, True), refused.stderr
        assert user.json("overlay", "init", "ours")["base"] == "user"
        shutil.rmtree(world.storage / "ours")
        world.materialize()


def test_what_it_says_about_overlays_is_changed(world: World) -> None:
    """Although nothing is to be built."""
    world.lock('mode = "managed"\n', "")
    world.materialize()
    user = world.new.within(world.root).told(ENVC_TARGET=str(world.target))
    assert user.json("overlay", "init", "mine", "--base", "closed")["base"] == "closed"


def test_a_carried_interpreter(world: World) -> None:
    """Any program will do here for an interpreter: what counts is what is noted of it."""
    program = f'#!/bin/sh\nexec {world.old.python} "$@"\n'.encode()
    place = f"lib/python{PYTHON}/os.py"
    content = tar_of(
        file(f"python/bin/python{PYTHON}", program, mode=0o755),
        file(f"python/{place}", b"NAME = 'core'\n"),
    )
    archive = world.site.folder / "core.tar"
    archive.write_bytes(content)
    carried = f'archive = {{ path = "core.tar", sha256 = "{sha256_of(archive)}" }}\n'
    world.site.edit("[[index]]", f"{carried}\n[[index]]")
    world.old.done("lock")
    assert world.materialize_with_the_first().generation == 3
    assert world.holds(3, world.materialize().generation)
    assert world.is_sound()
    core = world.target / "core" / sha256_of(archive)
    (core / place).unlink()
    assert world.new.envc("verify", "--target", world.target).status == 1
    world.new.done("repair", "--target", world.target, "--offline")
    assert (core / place).exists()
    assert world.is_sound()
    world.new.done("rollback", "--target", world.target, "--to", 2)
    world.materialize("--site", world.generation(2) / "site")
    world.new.done("gc", "--target", world.target, "--keep", 0)
    assert not core.exists()
    assert world.is_sound()
