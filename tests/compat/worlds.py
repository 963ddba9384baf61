"""What 0.1 made for people: a target with its layers, and overlays of all kinds.

root/wheels                   the index
root/site                     the checkout: locked in two states, the second is there
root/target                   generations 1 and 2, one for each of them; the second is current
root/storage/USER/plots       on `user`: adds, shadows, lifts and hides; with an editable project
root/storage/USER/{group,carol}   the second stands on the first
root/storage/USER/.scripts    of root/plot.py, a script that says what it needs
root/mine                     the editable project
"""

import getpass
import os
import subprocess
import tarfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from compat.releases import Release, answer_of
from faults.oracle import Listing, listing
from support.projects import write_project
from support.sites import Answer, SiteFolder, over_wheels
from support.wheelhouse import RECIPES
from support.wheels import Recipe, build_all

SPEC = over_wheels("""\
[layer.system]
requires = ["report"]

[layer.user]
base = "system"
requires = [
    "numpy<2",
    "pandas",
    "scipy==1.11.0",
    "six==1.16.0",
]
env = {{ OMP_NUM_THREADS = "1" }}

[layer.tools]
requires = ["theme"]

[layer.closed]
base = "system"
mode = "managed"
requires = ["notebook"]

[overlays]
storage = "{storage}"
specs = ["overlays/*.toml"]
""")
LAYERS = ("closed", "system", "tools", "user")
SCRIPT = """\
# /// script
# dependencies = ["polars"]
# ///
import numpy, polars, sys
print(numpy.__version__, polars.__version__, sys.prefix)
"""
# 0.1 unpacks sources with what came to Python's tarfile later than this interpreter.
BUILDS = hasattr(tarfile, "data_filter")


@dataclass(frozen=True)
class World:
    """The folders below `root`, and both releases, called in the checkout."""

    root: Path
    old: Release
    new: Release

    @property
    def site(self) -> SiteFolder:
        return SiteFolder(self.root, self.root / "wheels")

    @property
    def target(self) -> Path:
        return self.root / "target"

    @property
    def storage(self) -> Path:
        """The folder of the caller's own overlays."""
        return self.root / "storage" / getpass.getuser()

    @property
    def plots(self) -> Path:
        return self.storage / "plots"

    def generation(self, number: int) -> Path:
        return self.target / f"generations/{number:06d}"

    def current(self, folder: Path | None = None) -> int:
        """The number of the generation that is current in the target, or in an overlay."""
        return int(os.path.basename(os.readlink((folder or self.target) / "current")))

    def materialize(self, *words: object) -> "Made":
        """Materialize with this release."""
        return Made(**self._materialized(self.new, *words))

    def materialize_with_the_first(self, *words: object) -> "Made":
        """Materialize with 0.1."""
        return Made(**self._materialized(self.old, *words))

    def _materialized(self, release: Release, *words: object) -> dict[str, object]:
        report = release.json("materialize", "--target", self.target, *words)
        return {name: report[name] for name in ("generation", "digest", "changed")}

    def lock(self, old: str, new: str) -> None:
        """Change the spec, and lock it with this release."""
        self.site.edit(old, new)
        self.new.done("lock")

    @property
    def alike(self) -> bool:
        """Whether both releases start environments by the same files, and so make equal trees."""
        first, now = (
            {path.name: path.read_bytes() for path in (release.source / "runtime").glob("*.py")}
            for release in (self.old, self.new)
        )
        return first == now

    def holds(self, number: int, made: int, folder: Path | None = None) -> bool:
        """Whether what this release made of a generation of 0.1 is that one, or the like of it.

        The like of it has the same projects; it is started by files of this release.
        """
        if self.alike:
            return made == number
        folder = folder or self.target
        equal = self.new.json("diff", f"{folder}@{number}", f"{folder}@{made}")["equal"]
        return bool(equal) and self.current(folder) == made

    def trees(self) -> Listing:
        """All that the generations of the target are, inodes and times included."""
        return listing(self.target / "generations")

    def is_sound(self) -> bool:
        """Whether this release finds the target as it was published."""
        return bool(self.new.json("verify", "--target", self.target)["ok"])

    def program(self, tree: Path, code: str) -> str:
        """What a program prints in a tree, whose own interpreter runs it."""
        answer = answer_of([f"{tree}/bin/python", "-c", code])
        assert answer.status == 0, answer.stderr
        return answer.stdout.strip()

    def own(self, folder: Path, *words: object) -> Answer:
        """How a call of a target's own envc ended."""
        return answer_of([f"{folder}/bin/envc", *map(str, words)], environment=self.new.environment)


@dataclass(frozen=True)
class Made:
    """What materialize reported, as far as it counts here."""

    generation: int
    digest: str
    changed: bool


def write_world(root: Path, old: Release, new: Release) -> World:
    """The index and the checkout; nothing is locked."""
    world = World(root, old.within(root / "site"), new.within(root / "site"))
    build_all(RECIPES, root / "wheels")
    world.site.write(SPEC)
    return world


def make_target(world: World) -> None:
    """Lock and materialize both states with 0.1."""
    world.old.done("lock")
    assert world.materialize_with_the_first().generation == 1
    world.site.edit('    "six==1.16.0",\n', "")
    world.old.done("lock", "--upgrade")
    assert world.materialize_with_the_first().generation == 2


def make_overlays(world: World) -> None:
    """Make the overlays and run the script with 0.1."""
    old = world.old.told(ENVC_TARGET=str(world.target))
    old.done("overlay", "init", "plots")
    old.done("overlay", "add", "polars", "--dir", world.plots)
    edit(world.plots / "overlay.toml", 'base = "user"', 'base = "user"\nhide = ["pandas"]')
    if BUILDS:
        project = Recipe(name="mine", version="1.0", requires=["theme"])
        mine = write_project(world.root / "mine", project, "value = 1\n")
        old.done("overlay", "add", "-e", mine, "--dir", world.plots)
    else:
        old.done("overlay", "sync", "--dir", world.plots)
    old.done("overlay", "init", "group")
    old.done("overlay", "add", "theme", "--dir", world.storage / "group")
    carol = world.storage / "carol"
    carol.mkdir()
    (carol / "overlay.toml").write_text(
        'version = 1\n[overlay]\nname = "carol"\nbase = "group"\nbase-dir = "../group"\n'
        'requires = ["notebook"]\n'
    )
    old.done("overlay", "sync", "--dir", carol)
    (world.root / "plot.py").write_text(SCRIPT)
    old.done("run", world.root / "plot.py")


def edit(path: Path, old: str, new: str) -> None:
    """Replace a piece of a file, which must be there."""
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new))


def keep(root: Path) -> Path:
    """A copy of a folder, to bring it back from as often as one likes."""
    kept = Path(f"{root}.kept")
    subprocess.run(["cp", "-a", root, kept], check=True)
    return kept


def kept(before: Listing, after: Listing) -> bool:
    """Whether all that was listed is there as it was."""
    return {path: after.get(path) for path in before} == before


def leftovers(folder: Path) -> Sequence[str]:
    """What of a killed run stands beside the generations."""
    return [name for name in os.listdir(folder / "generations") if not name.isdigit()]


def includes(report: object, before: object) -> bool:
    """Whether a report says what one did before, and perhaps more; messages in other words."""
    if isinstance(report, dict) and isinstance(before, dict):
        return report.keys() >= before.keys() and all(
            name == "message" or includes(report[name], before[name]) for name in before
        )
    if isinstance(report, list) and isinstance(before, list):
        pairs = zip(report, before, strict=False)
        return len(report) == len(before) and all(includes(*pair) for pair in pairs)
    return report == before
