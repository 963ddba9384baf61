"""Real file systems that refuse: full, out of inodes, out of links, mounted apart."""

import os
from contextlib import contextmanager

import pytest

from faults import images
from faults.oracle import Before, changes, incomplete, leftovers, listing, violations
from faults.processes import Processes
from faults.sweep import copied
from support.sites import SITE_PACKAGES

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("can_mount")]

_KIBIBYTE = 1024

_FULL = [
    pytest.param("ext4", 20, marks=images.needs("ext4")),
    pytest.param("xfs", images.XFS_MEBIBYTES, marks=images.needs("xfs")),
]


@contextmanager
def on_image(template, folder, kind, mebibytes, *options):
    """A world whose target is on a file system of its own, and processes for it."""
    folder.mkdir()
    with images.made(folder, kind, mebibytes, *options) as image:
        world = copied(template, image.folder / "world")
        with Processes(world.environment) as processes:
            yield image, world, processes


def is_sound(directory):
    found = [*violations(directory), *incomplete(directory), *leftovers(directory)]
    assert found == [], found


def is_told(answer, cause, mend):
    """Status 4, and the three parts of the message; the place is where it happened to be."""
    assert answer.status == 4, answer.stderr
    what, where, how = answer.stderr.splitlines()
    assert (what.startswith("error: cannot "), what.endswith(f": {cause}")) == (True, True), what
    assert where.startswith("   at: /"), where
    assert how == f" help: {mend}"


NO_SPACE = ("No space left on device", "free space or inodes on this file system")


def link_often(path, folder):
    """Give a file more names than ext4 allows."""
    for number in range(65_001):
        os.link(path, folder / str(number))


def refused_then_done(world, processes, refusing):
    """Under each of these circumstances materialize fails and leaves no trace; then it works."""
    for circumstance in refusing:
        with circumstance:
            is_told(processes.run(*world.materialize(1)), *NO_SPACE)
            assert not (world.target / "current").is_symlink()
            assert list(violations(world.target)) == []
    assert processes.run(*world.materialize(1)).status == 0
    is_sound(world.target)


@pytest.mark.parametrize(
    ("kind", "mebibytes", "leaves"),
    [
        pytest.param("ext4", 20, (0, 32, 64, 128), marks=images.needs("ext4")),
        pytest.param("xfs", images.XFS_MEBIBYTES, (64, 256, 400), marks=images.needs("xfs")),
    ],
)
def test_a_full_disk(template, arena, kind, mebibytes, leaves):
    """It is full at once, or in the middle of ingest, or of linking; then there is space again."""
    with on_image(template, arena / f"full-{kind}", kind, mebibytes) as (image, world, processes):
        refusing = [image.filled(leave * _KIBIBYTE) for leave in leaves]
        refused_then_done(world, processes, refusing)


@images.needs("ext4")
def test_no_inodes_are_left(template, arena):
    folder = arena / "inodes"
    with on_image(template, folder, "ext4", 20, "-N", "512") as (image, world, processes):
        refused_then_done(world, processes, [image.crowded(leave) for leave in (0, 10, 40, 80)])


@pytest.mark.parametrize(("kind", "mebibytes"), _FULL)
def test_a_disk_that_is_full_at_an_upgrade(template, arena, kind, mebibytes):
    folder = arena / f"full-upgrade-{kind}"
    with on_image(template, folder, kind, mebibytes) as (image, world, processes):
        assert processes.run(*world.materialize(1)).status == 0
        before = Before.of(world.target, [world.root / "sentinel"])
        with image.filled(48 * _KIBIBYTE):
            is_told(processes.run(*world.materialize(2)), *NO_SPACE)
            assert os.readlink(world.target / "current") == "generations/000001"
            assert list(changes(before, world.target)) == []
            assert processes.run("verify", "--target", world.target).status == 0
        assert processes.run(*world.materialize(2)).status == 0
        is_sound(world.target)


@pytest.mark.parametrize(("kind", "mebibytes"), _FULL)
def test_gc_makes_room_on_a_full_disk(template, arena, kind, mebibytes):
    folder = arena / f"full-gc-{kind}"
    with on_image(template, folder, kind, mebibytes) as (image, world, processes):
        for number in (1, 2):
            assert processes.run(*world.materialize(number)).status == 0
        with image.filled(0):
            answer = processes.run("gc", "--target", world.target, "--keep", 1)
            assert answer.status == 0, answer.stderr
            assert not (world.generation(1) / "manifest.json").exists()
        is_sound(world.target)


@images.needs("ext4")
def test_a_file_with_as_many_links_as_it_may_have(template, arena):
    """The 65,001st name is a copy; verify finds nothing, and the others are still linked."""
    with on_image(template, arena / "links", "ext4", 64) as (image, world, processes):
        first = processes.run(*world.materialize(1), "--json").json["layers"]["user"]
        shared = world.generation(1) / "user" / SITE_PACKAGES / "names/beta.py"
        names = image.folder / "names"
        names.mkdir()
        with pytest.raises(OSError, match="Too many links"):
            link_often(shared, names)
        answer = processes.run(*world.materialize(2), "--link-mode", "hardlink", "--json")
        assert answer.status == 0, answer.stderr
        assert answer.stderr == ""
        user = answer.json["layers"]["user"]
        copy = world.generation(2) / "user" / SITE_PACKAGES / "names/beta.py"
        assert os.stat(copy).st_ino != os.stat(shared).st_ino
        assert os.stat(copy).st_nlink == 1
        assert user["copied"] == first["copied"] + 1
        is_sound(world.target)
        assert processes.run("verify", "--target", world.target).status == 0


@pytest.mark.parametrize("mode", ["auto", "hardlink"])
def test_a_store_that_is_mounted_apart(template, tmp_path, mode):
    """The device number is the same; only a trial link tells that links cannot cross."""
    world = copied(template, tmp_path / "world")
    world.done(*world.materialize(1))
    with images.bound(world.target / "store"), Processes(world.environment) as processes:
        answer = processes.run(*world.materialize(2), "--link-mode", mode)
        what = "hard links from the store do not work here: Invalid cross-device link"
        if mode == "hardlink":
            assert (answer.status, answer.stderr) == (
                4,
                (
                    f"error: {what}\n   at: {world.target}/generations\n"
                    " help: put store and generations on one mount, owned by one user, or use "
                    "--link-mode copy\n"
                ),
            )
            assert os.readlink(world.target / "current") == "generations/000001"
        else:
            assert answer.status == 0, answer.stderr
            warning, *_ = answer.stderr.splitlines()
            assert warning == (
                f"warning: {what}; copying instead, which takes the disk space again"
            )
            assert processes.run("verify", "--target", world.target).status == 0
            links = {
                os.stat(world.generation(2) / path).st_nlink
                for path, seen in listing(world.generation(2)).items()
                if seen[0] == 0o100000 and "site-packages" in path
            }
            assert links == {1}
