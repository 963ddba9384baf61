"""What holds at each instant of publishing, told by runs that fail midway."""

import json
import os
from dataclasses import dataclass
from pathlib import Path

import pytest

from envc.disk.durable import temporary_beside
from envc.errors import OutsideError, UntrustedError
from envc.model.digest import Digest, digest_of, hex_of
from envc.model.manifest import (
    FILE_MODE,
    PUBLISHED_MTIME_SECONDS,
    Entry,
    directory_entry,
    manifest_of,
)
from envc.model.names import POLICY_FILE
from envc.model.plan import LinkTree, MakeSymlink, PathLines, TreePlan
from envc.model.publication import Publication, PublishedLayer
from envc.ports import SilentReporter
from envc.target.directory import GENERATION_MODE, Directory, Shape
from envc.target.publish import prepare, publish

FILE = "pyvenv.cfg"
# What else a tree needs to be whole.
FOLDERS = (b"bin", b"lib", b"lib/python3.11", b"lib/python3.11/site-packages")
PYTHON = MakeSymlink("bin/python", "/usr/bin/python3.11")


@dataclass
class World:
    """A target directory, and a store of trees that hold one file: without it, none is whole."""

    root: Path

    @property
    def directory(self) -> Directory:
        return Directory(f"{self.root}/target", Shape.TARGET)

    def tree(self, store_id: str) -> str:
        return f"{self.root}/store/{store_id}"

    def layer_manifest(self, digest: Digest) -> str:
        return f"{self.root}/store/{hex_of(digest)}"

    def layer(self, name: str, text: str) -> PublishedLayer:
        """A layer whose tree is a file with this text; it is stored."""
        content = text.encode()
        entry = Entry("f", FILE_MODE, len(content), hex_of(digest_of(content)), FILE)
        folders = [directory_entry(os.fsdecode(folder)) for folder in FOLDERS]
        link = Entry("l", 0o777, 0, PYTHON.destination, PYTHON.path)
        manifest = manifest_of([each.line() for each in (entry, *folders, link)])
        store_id = f"tree-{text}"
        file = Path(self.tree(store_id)) / FILE
        if not file.parent.exists():
            file.parent.mkdir(parents=True)
            file.write_bytes(content)
            os.chmod(file, FILE_MODE)
            os.utime(file, (PUBLISHED_MTIME_SECONDS, PUBLISHED_MTIME_SECONDS))
            Path(self.layer_manifest(manifest.digest())).write_bytes(manifest.text())
        files = LinkTree(store_id, b"", PathLines.of([]), PathLines.of([FILE.encode()]))
        plan = TreePlan(name, manifest.digest(), FOLDERS, (files,), (), (PYTHON,))
        closure = digest_of(f"{name} {text}".encode())
        return PublishedLayer(plan, digest_of(b"lock"), closure, (), store_id)

    def publication(self, **layers: str) -> Publication:
        """Layers by name, each with the text of its file."""
        made = tuple(self.layer(name, text) for name, text in layers.items())
        return Publication("site", "3.11", "/usr/bin/python3.11", made, ())

    def publish(self, policy: bytes = b"", **layers: str) -> tuple[int, bool]:
        done = publish(
            self.directory,
            self.publication(**layers)._replace(policy=policy),
            self,
            link_mode="auto",
            reporter=SilentReporter(),
        )
        return done.generation.generation, done.switched

    def prepare(self, **layers: str) -> tuple[int, bool]:
        generation, built = prepare(
            self.directory,
            self.publication(**layers),
            self,
            link_mode="auto",
            reporter=SilentReporter(),
        )
        return generation.generation, built

    def named(self, layer: str, text: str) -> str | None:
        """The generation that a layer's closure leads to."""
        link = self.directory.by_lock(self.layer(layer, text).closure)
        return os.path.basename(os.readlink(link)) if os.path.islink(link) else None

    def current(self) -> str:
        return os.readlink(f"{self.directory.path}/current")

    def mode(self, number: int) -> int:
        return os.stat(self.directory.generation(number)).st_mode & 0o777

    def events(self) -> list[str]:
        log = Path(f"{self.directory.path}/audit.jsonl")
        return [json.loads(line)["event"] for line in log.read_text().splitlines()]

    def blocked(self, layer: str, text: str) -> Path:
        """A folder that stands where the name of a layer's closure belongs."""
        folder = Path(self.directory.by_lock(self.layer(layer, text).closure))
        folder.mkdir()
        return folder


@pytest.fixture
def world(tmp_path: Path) -> World:
    (tmp_path / "target").mkdir()
    return World(tmp_path)


def test_closures_have_their_names_before_current_is_switched(world):
    world.publish(user="one")
    world.blocked("user", "two")
    with pytest.raises(OutsideError):
        world.publish(user="two")
    assert sorted(os.listdir(world.directory.generations)) == ["000001", "000002"]
    assert world.current() == "generations/000001"


def test_another_policy_holds_before_current_is_switched(world):
    world.publish(user="one")
    Path(world.directory.path, POLICY_FILE).mkdir()
    with pytest.raises(OutsideError):
        world.publish(user="two", policy=b"{}")
    assert world.current() == "generations/000001"


def test_the_log_has_a_switch_before_it_happens(world):
    world.publish(user="one")
    log = Path(world.directory.path, "audit.jsonl")
    log.unlink()
    log.mkdir()
    with pytest.raises(OutsideError):
        world.publish(user="two")
    assert world.current() == "generations/000001"


def test_a_generation_that_is_built_and_has_no_name_yet_is_not_built_again(world):
    world.publish(user="one")
    folder = world.blocked("user", "two")
    with pytest.raises(OutsideError):
        world.publish(user="two")
    folder.rmdir()
    assert world.publish(user="two") == (2, True)
    assert world.named("user", "two") == "000002"


def test_a_generation_that_a_killed_run_left_open_is_closed_as_it_is_switched_to(world):
    world.publish(user="one")
    assert world.mode(1) == GENERATION_MODE
    world.publish(user="two")
    os.chmod(world.directory.generation(1), 0o755)
    assert world.publish(user="one") == (1, True)
    assert world.mode(1) == GENERATION_MODE


def test_a_record_that_is_not_what_its_digest_says_is_not_switched_to(world):
    world.publish(user="one")
    record = Path(world.directory.generation(1), "manifest.json")
    text = record.read_text()
    closure = world.layer("user", "one").closure
    assert text.count(closure) == 1
    os.chmod(record, 0o644)
    record.write_text(text.replace(closure, digest_of(b"another")))
    assert world.publish(user="one") == (2, True)


def test_a_generation_of_which_a_tree_is_gone_is_not_switched_to(world):
    world.publish(user="one")
    world.publish(user="two")
    os.unlink(f"{world.directory.tree(1, 'user')}/{FILE}")
    assert world.publish(user="one") == (3, True)


def test_a_number_is_not_given_twice_after_a_gap(world):
    world.publish(user="one")
    world.publish(user="two")
    os.chmod(world.directory.generation(1), 0o755)
    os.rename(world.directory.generation(1), world.root / "collected")
    assert world.publish(user="three") == (3, True)


def test_what_is_current_is_not_switched_to(world):
    world.publish(user="one")
    assert world.publish(user="one") == (1, False)
    assert world.events() == ["switch"]


def test_a_tree_that_cannot_be_built_leaves_nothing(world):
    world.publish(user="one")
    os.unlink(world.layer_manifest(world.layer("user", "two").plan.digest))
    with pytest.raises(OutsideError):
        world.publish(user="two")
    assert os.listdir(world.directory.generations) == ["000001"]


def test_what_killed_runs_left_is_removed(world):
    world.publish(user="one")
    generations = Path(world.directory.generations)
    (generations / ".staging-000002-7" / "user").mkdir(parents=True)
    (generations / ".trial-link-7").touch()
    half_written = [
        Path(temporary_beside(f"{world.directory.path}/{name}"))
        for name in ("by-lock/name", "modulefiles/site/user.lua")
    ]
    for path in half_written:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.symlink_to("anywhere")
    world.publish(user="two")
    assert sorted(os.listdir(generations)) == ["000001", "000002"]
    assert not any(map(os.path.lexists, half_written))


def test_what_must_be_linked_and_cannot_be_is_not_copied(world):
    (layer,) = world.publication(user="one").layers
    file = Path(world.tree(layer.runtime), FILE)
    file.unlink()
    file.mkdir()  # has one name, wherever the store is
    with pytest.raises(OutsideError, match="hard links from the store do not work here"):
        publish(
            world.directory,
            world.publication(user="one"),
            world,
            link_mode="hardlink",
            reporter=SilentReporter(),
        )


def test_what_is_prepared_takes_no_name_away_and_switches_nothing(world):
    world.publish(system="one", user="one")
    assert world.prepare(system="one", user="two") == (2, True)
    assert (world.current(), world.mode(2)) == ("generations/000001", GENERATION_MODE)
    assert (world.named("system", "one"), world.named("user", "two")) == ("000001", "000002")
    assert world.publish(system="one", user="two") == (2, True)
    assert world.named("system", "one") == "000002"


def test_what_was_prepared_before_is_named_again(world):
    world.publish(user="one")
    world.prepare(user="two")
    os.unlink(world.directory.by_lock(world.layer("user", "two").closure))
    assert world.prepare(user="two") == (2, False)
    assert world.named("user", "two") == "000002"


@pytest.mark.parametrize("damaged", ["file", "manifest"])
def test_what_is_prepared_from_a_damaged_store_gets_no_name(world, damaged):
    world.publish(user="one")
    (layer,) = world.publication(user="two").layers
    if damaged == "file":
        path = Path(world.tree(layer.runtime), FILE)
        os.chmod(path, 0o644)
        path.write_text("2wo")
    else:
        path = Path(world.layer_manifest(layer.plan.digest))
        path.write_bytes(path.read_bytes() * 2)  # what is in the tree, said twice
    with pytest.raises(UntrustedError, match="not what was planned"):
        world.prepare(user="two")
    assert os.listdir(world.directory.generations) == ["000001"]
    assert world.named("user", "two") is None
