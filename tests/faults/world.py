"""A site so small that it is built in no time, and everything that envc does to a directory.

root/wheels/            the index: five wheels with scripts, data, an empty file, a namespace
root/site-1, site-2     one site before and after an upgrade of `alpha`, locked
root/site-3             the second, with an interpreter that it carries
root/target, overlay    what is written to
root/cache              envc's, with a small kit for targets to carry
root/sentinel           what nobody may touch
"""

import hashlib
import os
import pwd
import shutil
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from unittest.mock import patch

from envc.bundle import Bundle
from faults import oracle
from support.cores import file, tar_of
from support.kits import keep_small_kit
from support.sites import PYTHON, SITE_PACKAGES, Answer, envc
from support.wheels import Recipe, build_all

RECIPES = (
    Recipe(
        name="tool",
        version="1.0",
        files={
            "tool/__init__.py": "def main():\n    print('tool')\n",
            "tool-1.0.data/scripts/tool-shell": "#!python\nprint('shell')\n",
            "tool-1.0.data/data/share/tool/readme.txt": "read me\n",
        },
        console_scripts={"tool": "tool:main"},
    ),
    *(
        Recipe(
            name="alpha",
            version=version,
            files={
                "names/alpha/__init__.py": f"VERSION = {version!r}\n",
                "names/alpha/empty.py": "",
            },
        )
        for version in ("1.0", "2.0")
    ),
    Recipe(name="beta", version="1.0", files={"names/beta.py": "BETA = 1\n"}),
    Recipe(name="gamma", version="1.0", requires=["beta"], files={"gamma.py": "GAMMA = 1\n"}),
)

SPEC = """\
version = 1

[site]
name = "tiny"

[core]
python = "{python}"

[[index]]
name = "wheels"
path = "../wheels"

[layer.system]
requires = ["tool"]

[layer.user]
base = "system"
requires = ["alpha=={alpha}", "beta"]
"""
# An interpreter that is carried, as far as envc can tell: it calls the one that runs the tests.
PROGRAM = """\
#!/bin/sh
exec {interpreter} "$@"
"""
CORE = {
    f"python/bin/python{PYTHON}": PROGRAM,
    f"python/lib/python{PYTHON}/os.py": "NAME = 'core'\n",
    f"python/lib/python{PYTHON}/json/__init__.py": "VALUE = 1\n",
}

OVERLAY = """\
version = 1

[overlay]
name = "overlay"
base = "user"
requires = ["gamma"]
"""

# A file that every generation shares with the store.
SHARED = f"user/{SITE_PACKAGES}/names/beta.py"
# A folder with a file in it, of one generation.
FOLDER = f"user/{SITE_PACKAGES}/names/alpha"


@dataclass(frozen=True)
class World:
    """The folders of one site, below `root`."""

    root: Path

    @property
    def wheels(self) -> Path:
        return self.root / "wheels"

    @property
    def target(self) -> Path:
        return self.root / "target"

    @property
    def overlay(self) -> Path:
        return self.root / "overlay"

    def site(self, number: int) -> Path:
        return self.root / f"site-{number}"

    def generation(self, number: int) -> Path:
        return self.target / f"generations/{number:06d}"

    def materialize(self, number: int, *words: object) -> tuple[object, ...]:
        """The words that materialize a state of the site."""
        return "materialize", "--site", self.site(number), "--target", self.target, *words

    def envc(self, *words: object) -> Answer:
        """Call envc in this process."""
        with patch.dict(os.environ, self.environment):
            return envc(*words, cwd=self.root)

    def done(self, *words: object) -> Answer:
        """Call envc in this process; it must succeed."""
        answer = self.envc(*words)
        assert answer.status == 0, answer.stderr
        return answer

    @property
    def environment(self) -> Mapping[str, str]:
        """What an envc process of this world is told."""
        return {
            "ENVC_CACHE_DIR": str(self.root / "cache"),
            "HOME": str(self.root / "home"),
            "PYTHONDONTWRITEBYTECODE": "1",
        }


@contextmanager
def opened(folder: Path) -> Iterator[None]:
    """A published folder, open to its owner for a moment: root alone needs no such thing."""
    mode = folder.stat().st_mode
    folder.chmod(0o755)
    yield
    folder.chmod(mode)


def new_world(root: Path) -> World:
    """A world whose site is written and locked in both states; nothing is materialized."""
    world = World(root)
    build_all(RECIPES, world.wheels)
    keep_small_kit(world.root / "cache")
    for number in (1, 2):
        world.site(number).mkdir()
        text = SPEC.format(python=PYTHON, alpha=f"{number}.0")
        (world.site(number) / "envc.toml").write_text(text)
        world.done("lock", "--site", world.site(number))
    _carry(world)
    sentinel = root / "sentinel"
    (sentinel / "folder").mkdir(parents=True)
    (sentinel / "file").write_text("mine\n")
    (sentinel / "folder/private").write_text("also mine\n")
    (sentinel / "folder/private").chmod(0o600)
    (sentinel / "link").symlink_to("file")
    return world


def _carry(world: World) -> None:
    """Write and lock a third state of the site, which carries an interpreter."""
    world.site(3).mkdir()
    members = [
        file(name, text.format(interpreter=sys.executable).encode(), mode=0o755)
        for name, text in CORE.items()
    ]
    content = tar_of(*members)
    (world.site(3) / "core.tar").write_bytes(content)
    archive = f'archive = {{ path = "core.tar", sha256 = "{hashlib.sha256(content).hexdigest()}" }}'
    text = SPEC.format(python=PYTHON, alpha="2.0").replace("[[index]]", f"{archive}\n\n[[index]]")
    (world.site(3) / "envc.toml").write_text(text)
    world.done("lock", "--site", world.site(3))


def _nothing(world: World) -> None:
    """The world is as new."""


def one(world: World) -> None:
    world.done(*world.materialize(1))


def two(world: World) -> None:
    world.done(*world.materialize(1))
    world.done(*world.materialize(2))


def _flipped(world: World) -> None:
    two(world)
    flip(world.generation(2) / SHARED)


def _lacking(world: World) -> None:
    two(world)
    folder = world.generation(2) / FOLDER
    shutil.rmtree(folder)
    (world.generation(1) / SHARED).unlink()


def overlaid(world: World) -> None:
    one(world)
    write_overlay(world)


def write_overlay(world: World) -> None:
    world.overlay.mkdir()
    (world.overlay / "overlay.toml").write_text(OVERLAY)


def flip(path: Path) -> None:
    """Change one bit of a file in place: every name of its inode shows it; its times stay."""
    status = os.stat(path)
    content = bytearray(path.read_bytes())
    content[0] ^= 1
    os.chmod(path, 0o644)
    with path.open("r+b") as file:
        file.write(content)
    os.chmod(path, status.st_mode & 0o7777)
    os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns))


@dataclass(frozen=True)
class Operation:
    """Something that envc does: what is there before, how it is called, what may be current then.

    `ends` are the generations that `current` may name at any instant (None: it is absent), the
    last one that of a run that is not disturbed. `leaving` are the generations that it removes.
    `alone`: it shares its work out, and is to be on one processor.
    """

    name: str
    prepare: Callable[[World], None]
    words: Callable[[World], Sequence[object]]
    ends: Sequence[int | None]
    leaving: frozenset[int] = field(default=frozenset())
    overlay: bool = False
    repairs: bool = False
    alone: bool = False

    def folder(self, world: World) -> Path:
        """The directory that it writes to."""
        return world.overlay if self.overlay else world.target


@dataclass(frozen=True)
class Elsewhere(Operation):
    """Something that leaves no directory with generations at `place`, below the world's root.

    `faults` tells what is wrong there at any instant, with the words of the oracle.
    """

    place: str = ""
    faults: Callable[[World], Iterator[str]] = lambda _: iter(())

    def folder(self, world: World) -> Path:
        return world.root / self.place


def _repair(world: World) -> Sequence[object]:
    return "repair", "--target", world.target, "--from", world.wheels, "--offline"


OPERATIONS = {
    operation.name: operation
    for operation in (
        Operation("first", _nothing, lambda world: world.materialize(1), [None, 1]),
        Operation("upgrade", one, lambda world: world.materialize(2), [1, 2]),
        Operation("carry", one, lambda world: world.materialize(3), [1, 2]),
        Operation("rollback", two, lambda w: ["rollback", "--target", w.target, "--to", 1], [2, 1]),
        Operation(
            "gc",
            two,
            lambda world: ["gc", "--target", world.target, "--keep", 1],
            [2],
            leaving=frozenset({1}),
        ),
        Operation("repair-flip", _flipped, _repair, [2], repairs=True),
        Operation("repair-missing", _lacking, _repair, [2], repairs=True),
        Operation(
            "overlay",
            overlaid,
            lambda w: ["overlay", "sync", "--dir", w.overlay, "--target", w.target],
            [None, 1],
            overlay=True,
        ),
    )
}


def _staged(world: World) -> None:
    overlaid(world)
    world.done("overlay", "sync", "--dir", world.overlay, "--target", world.target)


def _faults_of_copies(world: World) -> Iterator[str]:
    """A copy on the stage is whole, or not there."""
    for copy in (world.root / "scratch").glob("overlay-*"):
        yield from oracle.violations(copy)
        yield from oracle.incomplete(copy)


def _faults_of_going(world: World) -> Iterator[str]:
    """As long as a target has something in use, all of it is whole."""
    if (world.target / "current").is_symlink():
        yield from oracle.violations(world.target)


def _faults_of_packing(world: World) -> Iterator[str]:
    """The overlay's generation is whole where it was built, or else in the packed file."""
    if (world.overlay / "current").is_symlink():
        yield from oracle.violations(world.overlay)
        return
    with Bundle(str(world.overlay / "packed.envc")) as bundle:
        for entry in bundle.index.entries:
            for _ in bundle.chunks(entry.name):
                pass  # each is compared with its digest


def _stored(world: World) -> None:
    """A site whose storage has an overlay of the user who runs this, locked."""
    _staged(world)
    name = pwd.getpwuid(os.geteuid()).pw_name
    folder = world.root / f"storage/{name}/overlay"
    folder.mkdir(parents=True)
    for each in ("overlay.toml", "pylock.overlay.toml"):
        shutil.copy(world.overlay / each, folder)
    with (world.site(1) / "envc.toml").open("a") as spec:
        spec.write(
            f'\n[overlays]\nstorage = "{world.root}/storage"\nspecs = ["overlays/*/*/*.toml"]\n'
        )


def _faults_of_collecting(world: World) -> Iterator[str]:
    """What was copied is what its owner has, or not there."""
    copies = world.site(1) / "overlays"
    for path in copies.rglob("*.toml"):
        if path.read_bytes() != (world.root / "storage" / path.relative_to(copies)).read_bytes():
            yield f"{path.relative_to(copies)} is not what its owner has"


def _behind(world: World) -> None:
    """A target with the first state, while a wanted state names the second."""
    one(world)
    words = ("--engine", "local", "--nodes", os.uname().nodename, "--state", world.root / "state")
    world.done("rollout", "--site", world.site(2), "--target", world.root / "other", *words)
    shutil.rmtree(world.root / "other")


FURTHER: dict[str, Operation] = {
    operation.name: operation
    for operation in (
        Operation(
            "converge",
            _behind,
            lambda w: ["converge", "--target", w.target, "--state", w.root / "state"],
            [1, 2],
        ),
        Elsewhere(
            "stage",
            _staged,
            lambda world: ["stage", world.overlay, "--to", world.root / "scratch"],
            [],
            place="scratch",
            alone=True,
            faults=_faults_of_copies,
        ),
        Elsewhere(
            "uninstall",
            two,
            lambda world: ["uninstall", "--target", world.target, "--yes"],
            [],
            place="target",
            faults=_faults_of_going,
        ),
        Elsewhere(
            "pack",
            _staged,
            lambda world: ["overlay", "pack", "--alone", "--dir", world.overlay],
            [],
            place="overlay",
            faults=_faults_of_packing,
        ),
        Elsewhere(
            "collect",
            _stored,
            lambda world: ["overlay", "collect", "--site", world.site(1)],
            [],
            place="site-1/overlays",
            faults=_faults_of_collecting,
        ),
    )
}
