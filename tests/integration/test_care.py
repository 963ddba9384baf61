"""verify and repair on a target that somebody has damaged.

Each damage tells whether `verify --fast` sees it too: it does not read contents, and so misses a
change of the same size whose modification time was set back.
"""

import json
import os
import shutil
import subprocess
from collections.abc import Callable
from dataclasses import dataclass

import pytest

from faults.oracle import incomplete, leftovers, listing, violations
from faults.world import FOLDER, SHARED, World, flip, new_world, opened
from support.index_server import IndexServer
from support.sites import PYTHON, SITE_PACKAGES

TAG = f"cpython-{PYTHON.replace('.', '')}"
BETA = f"{SITE_PACKAGES}/names/beta.py"


def edit(path, old, new):
    """Change a read-only file in place: every name of its inode shows it."""
    text = path.read_bytes()
    assert old in text
    path.chmod(0o644)
    path.write_bytes(text.replace(old, new))
    path.chmod(0o444)


def in_place(content):
    def damage(world):
        path = world.generation(2) / SHARED
        path.chmod(0o644)
        path.write_bytes(content)
        path.chmod(0o444)

    return damage


def flipped(world):
    flip(world.generation(2) / SHARED)


def unlinked(world):
    (world.generation(2) / SHARED).unlink()


def without_a_folder(world):
    shutil.rmtree(world.generation(2) / FOLDER)


def without_a_tree(world):
    with opened(world.generation(2)):
        shutil.rmtree(world.generation(2) / "system")


def executable(world):
    (world.generation(2) / SHARED).chmod(0o555)


def open_to_all(world):
    world.generation(2).chmod(0o777)
    (world.generation(2) / "user").chmod(0o777)


def with_more(world):
    (world.generation(2) / "user" / SITE_PACKAGES / "evil.pth").write_text("import evil\n")
    (world.generation(2) / "user/evil").mkdir()


def another_link(world):
    path = world.generation(2) / "user/bin/python3"
    path.unlink()
    path.symlink_to("/bin/sh")


def planted_file(world):
    """A symlink to the very same content, which somebody may change later."""
    path = world.generation(2) / SHARED
    shutil.copy2(path, world.root / "elsewhere.py")
    path.unlink()
    path.symlink_to(world.root / "elsewhere.py")


def planted_folder(world):
    path = world.generation(2) / FOLDER
    shutil.move(path, world.root / "elsewhere")
    path.symlink_to(world.root / "elsewhere")


def fifo(world):
    path = world.generation(2) / SHARED
    path.unlink()
    os.mkfifo(path, 0o444)


def edited_manifest(world):
    """In place, so that the store's copy is edited too."""
    edit(world.generation(2) / "manifests/user", b"0444", b"0555")


def fifo_for_a_manifest(world):
    path = world.generation(2) / "manifests/user"
    path.unlink()
    os.mkfifo(path)


def stored(world, content):
    """The stored tree that has such a content."""
    folders = (world.target / "store/wheels").iterdir()
    return next(folder for folder in folders if (folder / "tree" / content).exists())


def edited_store_manifest(world):
    edit(stored(world, BETA) / "manifest", b"0444", b"0555")


def edited_store(world):
    """A stored file and its manifest together."""
    tree = stored(world, BETA)
    old = tree / "tree" / BETA
    before = manifest_digest(tree, BETA)
    edit(old, b"BETA = 1", b"BETA = 2")
    edit(tree / "manifest", before, sha256(old))


def manifest_digest(tree, path):
    lines = (tree / "manifest").read_bytes().splitlines()
    (line,) = [line for line in lines if line.endswith(b"\t" + path.encode())]
    return line.split(b"\t")[3]


def sha256(path):
    return subprocess.check_output(["sha256sum", path]).split()[0]


def edited_lock(world):
    edit(world.generation(2) / "site/pylock.user.toml", b"beta", b"beth")


def edited_spec(world):
    edit(world.generation(2) / "site/envc.toml", b"[site]", b"[sitE]")


def without_a_spec(world):
    (world.generation(2) / "site/envc.toml").unlink()


def more_records(world):
    generation = world.generation(2)
    generation.chmod(0o755)
    (generation / "evil").mkdir()
    (generation / "evil/evil.py").write_text("")
    (generation / "manifests/evil").write_text("")
    (generation / "site/pylock.evil.toml").write_text("")
    generation.chmod(0o555)


def edited_record(world):
    path = world.generation(2) / "manifest.json"
    record = json.loads(path.read_bytes())
    closure = record["layers"]["user"]["closure"]
    edit(path, closure.encode(), closure.translate(str.maketrans("0123", "1230")).encode())


NAMES = f"user: {SITE_PACKAGES}/names"
STORED = "user: ../../../store/wheels"


@dataclass(frozen=True)
class Damage:
    """What somebody does, the lines that verify prints, and whether `--fast` prints them too.

    Lines end where a digest would follow.
    """

    do: Callable[[World], None]
    lines: tuple[str, ...]
    fast: bool = True


DAMAGES = [
    Damage(flipped, (f"changed: {NAMES}/beta.py (beta)",), fast=False),
    Damage(in_place(b"BETA = 2\n"), (f"changed: {NAMES}/beta.py (beta)",)),
    Damage(in_place(b"BETA"), (f"changed: {NAMES}/beta.py (beta)",)),
    Damage(in_place(b""), (f"changed: {NAMES}/beta.py (beta)",)),
    Damage(unlinked, (f"missing: {NAMES}/beta.py (beta)",)),
    Damage(without_a_folder, (f"missing: {NAMES}/alpha",)),
    Damage(without_a_tree, ("missing: system: .",)),
    Damage(executable, (f"mode: {NAMES}/beta.py (beta)",)),
    Damage(open_to_all, ("mode: system: ..", "mode: user: ..", "mode: user: .")),
    Damage(with_more, ("extra: user: evil", f"extra: user: {SITE_PACKAGES}/evil.pth")),
    Damage(another_link, ("link: user: bin/python3",)),
    Damage(planted_file, (f"changed: {NAMES}/beta.py (beta)",)),
    Damage(planted_folder, (f"changed: {NAMES}/alpha",)),
    Damage(fifo, (f"changed: {NAMES}/beta.py (beta)",)),
    Damage(edited_manifest, ("changed: user: ../manifests/user",)),
    Damage(fifo_for_a_manifest, ("changed: user: ../manifests/user",)),
    Damage(edited_store_manifest, (f"changed: {STORED}/",)),
    Damage(edited_store, (f"changed: {NAMES}/beta.py", f"changed: {STORED}/")),
    Damage(edited_lock, ("changed: user: ../site/pylock.user.toml",)),
    Damage(edited_spec, ("changed: system: ../site/envc.toml",)),
    Damage(without_a_spec, ("missing: system: ../site/envc.toml",)),
    Damage(
        more_records,
        (
            "extra: system: ../evil",
            "extra: system: ../manifests/evil",
            "extra: system: ../site/pylock.evil.toml",
        ),
    ),
    Damage(edited_record, ("changed: system: ../manifest.json", "changed: user: ../manifest.json")),
]
IDS = [
    damage.do.__name__ if damage.do.__name__ != "damage" else name
    for damage, name in zip(
        DAMAGES, ["", "edited", "truncated", "emptied", *[""] * len(DAMAGES)], strict=False
    )
]


def verify(world, *words):
    return world.envc("verify", "--target", world.target, *words)


def repair(world, *words):
    return world.envc("repair", "--target", world.target, "--offline", *words)


def is_sound(world):
    directory = world.target
    found = [*violations(directory), *incomplete(directory), *leftovers(directory)]
    assert found == [], found


@pytest.mark.parametrize("damage", DAMAGES, ids=IDS)
def test_damage_is_found_and_mended(world, damage):
    """In every generation that shares the inode, and in the store."""
    sound = {number: listing(world.generation(number), inodes=False) for number in (1, 2)}
    damage.do(world)
    found = verify(world)
    assert found.status == 1, found.stderr
    printed = found.stdout.splitlines()
    for line in damage.lines:
        assert any(each.startswith(line) for each in printed), (line, printed)
    fast = verify(world, "--fast")
    assert fast.status == (1 if damage.fast else 0), fast.stdout
    mended = repair(world, "--from", world.wheels)
    assert (mended.status, "NOT" in mended.stdout) == (0, False), mended.stdout
    assert mended.stdout.startswith("repaired: ")
    assert verify(world).status == 0
    again = repair(world, "--from", world.wheels)
    assert (again.status, again.stdout) == (0, "")
    for number, listed in sound.items():
        assert listing(world.generation(number), inodes=False) == listed
    is_sound(world)


def torn_record(world):
    edit(world.generation(2) / "manifest.json", b"{", b"")


def no_record(world):
    with opened(world.generation(2)):
        (world.generation(2) / "manifest.json").unlink()


def dangling(world):
    (world.target / "current").unlink()
    (world.target / "current").symlink_to("generations/000009")


def astray(world):
    (world.target / "current").unlink()
    (world.target / "current").symlink_to("/etc")


def a_folder(world):
    (world.target / "current").unlink()
    shutil.copytree(world.generation(2), world.target / "current", symlinks=True)


LOST = {
    torn_record: (2, "manifest.json", "repaired: changed: generation 2: manifest.json\n"),
    no_record: (4, "manifest.json", "repaired: changed: generation 2: manifest.json\n"),
    dangling: (4, "manifest.json", "repaired: link: target: current\n"),
    astray: (2, "current", "repaired: link: target: current\n"),
    a_folder: (2, "current", "repaired: link: target: current\n"),
}


@pytest.mark.parametrize("damage", LOST, ids=lambda damage: damage.__name__)
def test_what_says_which_generation_it_is(world, damage):
    """Without it verify cannot begin: it says what is wrong, and repair mends it."""
    status, name, line = LOST[damage]
    damage(world)
    found = verify(world)
    assert (found.status, found.stdout) == (status, "")
    what, where, mend = found.stderr.splitlines()
    assert what.startswith("error: ")
    assert where.endswith(name)
    assert mend.startswith(" help: ")
    mended = repair(world, "--from", world.wheels)
    assert (mended.status, mended.stdout) == (0, line)
    assert os.readlink(world.target / "current") == "generations/000002"
    assert verify(world).status == 0
    is_sound(world)


def test_a_missing_file_comes_from_the_store(world):
    """No wheel is needed for it."""
    unlinked(world)
    shutil.rmtree(world.wheels)
    answer = repair(world)
    assert (answer.status, answer.stdout) == (
        0,
        f"repaired: missing: generation 2, layer {NAMES}/beta.py\n",
    )
    assert os.path.samefile(world.generation(2) / SHARED, stored(world, BETA) / "tree" / BETA)


@pytest.mark.slow
def test_a_damaged_stored_file_comes_from_the_cache(tmp_path):
    """The wheels were downloaded once; the index is gone."""
    world = new_world(tmp_path / "world")
    with IndexServer(world.wheels) as server:
        spec = world.site(1) / "envc.toml"
        spec.write_text(spec.read_text().replace('path = "../wheels"', f'url = "{server.url}"'))
        world.done("lock", "--site", world.site(1))
        world.done(*world.materialize(1))
    flip(world.generation(1) / SHARED)
    answer = repair(world)
    assert answer.status == 0, answer.stdout + answer.stderr
    assert verify(world).status == 0
    is_sound(world)


@pytest.fixture
def alone(tmp_path):
    """A world of one generation, and nothing to mend it from but itself."""
    world = new_world(tmp_path / "alone")
    world.done(*world.materialize(1))
    shutil.rmtree(world.wheels)
    return world


@pytest.mark.slow
def test_what_cannot_be_mended_is_named_and_the_rest_is_mended(alone):
    flip(alone.generation(1) / SHARED)
    (alone.generation(1) / "user/bin/activate").unlink()
    answer = repair(alone)
    tree = stored(alone, BETA).name
    assert (answer.status, answer.stdout) == (
        1,
        (
            f"NOT repaired: changed: store: {tree}/{BETA}\n"
            f"NOT repaired: changed: generation 1, layer {NAMES}/beta.py\n"
            "repaired: missing: generation 1, layer user: bin/activate\n"
        ),
    )
    assert answer.stderr == (
        f"warning: {alone.wheels}/beta-1.0-py3-none-any.whl: the wheel is not "
        "there\n"
        "  help: put it there, or name its folder with `--from`\n"
        f"{alone.target}: 1 path repaired, 2 left\n"
    )
    assert verify(alone).stdout == f"changed: {NAMES}/beta.py (beta)\n"


@pytest.mark.slow
def test_a_record_that_nothing_fits_is_named(alone):
    torn_record_of_the_first = alone.generation(1) / "manifest.json"
    edit(torn_record_of_the_first, b"{", b"")
    shutil.rmtree(alone.target / "store/plans")
    answer = repair(alone)
    assert (answer.status, answer.stdout) == (
        1,
        "NOT repaired: changed: generation 1: manifest.json\n",
    )
