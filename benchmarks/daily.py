"""The commands of every day, side by side with what a user of uv would type.

    python benchmarks/daily.py [--runs N] [--recipes | --quick]

On the sample site `sci`; or, with `--recipes`, on one of its size that needs no index: 140
distributions of recipes, 48,000 files in two layers. Everything is locked and materialized before,
and a user has an overlay with one project more. uv has environments with the pins of the layers.
The run ends with 1 where a form of envc takes more of its peer's time than its bound says.

`--quick` takes a few recipes and three runs: it tells whether all forms work, not whether they are
quick enough, and saves nothing.
"""

import argparse
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, replace
from itertools import count
from pathlib import Path

from materialize import gather
from measure import ROOT, Contestant, fresh_folder, installed, machine, race, save, version_of

sys.path.insert(0, str(ROOT / "tests"))

from support.sites import SiteFolder, over_wheels
from support.wheels import Recipe, build_all

WORK = ROOT / "build" / "bench-daily"
LAYERS = ("system", "user")
ADDED = "humanize"  # by the overlay
ROOTS, BRANCHES = 20, 6  # of the recipes: projects that the layer `user` names, and what each needs
PARTS = ("a", "b", "c", "d", "e")
MODULES, DATA_FILES = 22, 18  # in each part of a distribution


@dataclass(frozen=True)
class Form:
    """A command of envc, and how many times its peer's time it may take; None: no bound."""

    name: str
    bound: float | None
    words: tuple[object, ...]
    before: Callable[[], object] = lambda: None


@dataclass(frozen=True)
class Race:
    """What uv's user or the system types, and the forms of envc that are held against it."""

    peer: str
    command: tuple[object, ...]
    forms: tuple[Form, ...]
    before: Callable[[], object] = lambda: None


@dataclass(frozen=True)
class Row:
    """The medians of a form and of its peer."""

    form: str
    envc_ms: float
    peer: str
    peer_ms: float
    ratio: float
    bound: float | None

    @property
    def holds(self) -> bool:
        return self.bound is None or self.ratio <= self.bound


class World:
    """A site, locked and materialized in a target, with an overlay; and uv's environments."""

    def __init__(self, binaries: Path, site: Path, wheelhouse: Path) -> None:
        self.binaries = binaries
        self.site = site
        self.wheelhouse = wheelhouse
        self.target = WORK / "Canopy"
        self.alice = WORK / "shared" / "alice"
        self.bundle = WORK / "site.envc"
        self.environments = WORK / "environments"
        self.asides = (WORK / "aside" / str(number) for number in count())
        self.checked = site / "overlays" / "checked.toml"
        self.own, self.carried = binaries / "envc", self.target / "bin" / "envc"
        self.sync = ("overlay", "sync", "--dir", self.alice)
        self.run = ("run", "--overlay", self.alice)

    def materialize(self, *options: object) -> tuple[object, ...]:
        return (self.own, "materialize", "--target", self.target, *options)

    def build(self) -> None:
        self.envc("materialize", "--target", self.target)
        self.envc("bundle", "--from", self.wheelhouse, "-o", self.bundle)
        self.envc("materialize", "--target", self.target, "--from", self.bundle)
        place = ("--dir", self.alice, "--target", self.target)
        self.envc("overlay", "init", *place)
        self.envc("overlay", "add", ADDED, *place)
        self.checked.parent.mkdir()
        self.checked.write_text(
            f'version = 1\n[overlay]\nname = "checked"\nbase = "user"\nrequires = ["{ADDED}"]\n'
        )
        self.envc("lock", "--overlay", self.checked)
        self.new_environments()
        for layer in LAYERS:
            self.call(self.uv_sync(layer))

    def envc(self, *words: object) -> None:
        self.call((self.own, *words, "-q"))

    def call(self, command: Sequence[object]) -> None:
        done = subprocess.run(
            list(map(str, command)), cwd=self.site, capture_output=True, text=True, check=False
        )
        if done.returncode:
            raise SystemExit(f"{' '.join(map(str, command))}\n{done.stdout}{done.stderr}")

    def uv_sync(self, layer: str) -> tuple[object, ...]:
        python = self.environments / layer / ".venv" / "bin" / "python"
        command = (self.binaries / "uv", "pip", "sync", "-q", "--link-mode", "hardlink")
        return (*command, "--python", python, self.site / f"pylock.{layer}.toml")

    def uv_sync_all(self) -> tuple[object, ...]:
        return ("sh", "-c", " && ".join(" ".join(map(str, self.uv_sync(e))) for e in LAYERS))

    def new_environments(self) -> None:
        """Empty environments for uv; the old ones are set aside, for to remove them takes time."""
        if self.environments.exists():
            self.environments.rename(self.aside() / "environments")
        for layer in LAYERS:
            folder = self.environments / layer / ".venv"
            self.call((self.binaries / "uv", "venv", "-q", "--python", sys.executable, folder))

    def without_generations(self) -> None:
        """A target that has its store, and no generation."""
        aside = self.aside()
        for name in ("generations", "current", "by-lock"):
            (self.target / name).rename(aside / name)

    def aside(self) -> Path:
        folder = next(self.asides)
        folder.mkdir(parents=True)
        return folder

    def comment(self) -> None:
        with (self.site / "envc.toml").open("a") as file:
            file.write("# a comment\n")
        self.envc("lock")


def nothing_to_do(world: World) -> Race:
    return Race(
        "uv pip sync, nothing to do",
        world.uv_sync("user"),
        (
            Form("materialize", 1.0, world.materialize()),
            Form("materialize --json", 1.0, world.materialize("--json")),
            Form("materialize --layer", 1.0, world.materialize("--layer", "user")),
            Form("materialize --from FOLDER", 1.0, world.materialize("--from", world.wheelhouse)),
        ),
    )


def from_a_bundle(world: World) -> Race:
    form = Form("materialize --from BUNDLE", 1.0, world.materialize("--from", world.bundle))
    return Race("uv pip sync, nothing to do", world.uv_sync("user"), (form,))


def after_a_comment(world: World) -> Race:
    form = Form("materialize, after a comment", 1.0, world.materialize(), world.comment)
    return Race("uv pip sync, nothing to do", world.uv_sync("user"), (form,))


def syncing(world: World) -> Race:
    return Race(
        "uv pip sync, nothing to do",
        world.uv_sync("user"),
        (
            Form("overlay sync", 1.0, (world.own, *world.sync)),
            Form("overlay sync --json", 1.0, (world.own, *world.sync, "--json")),
        ),
    )


def syncing_by_the_target(world: World) -> Race:
    form = Form("TARGET/bin/envc overlay sync", 1.0, (world.carried, *world.sync))
    return Race("uv pip sync, nothing to do", world.uv_sync("user"), (form,))


def running(world: World) -> Race:
    uv = (world.binaries / "uv", "run", "--no-project", "--directory", world.environments / "user")
    return Race(
        "uv run --no-project -- true",
        (*uv, "--", "true"),
        (
            Form("run -- true", 2.0, (world.own, *world.run, "--", "true")),
            Form("run --json -- true", 2.0, (world.own, *world.run, "--json", "--", "true")),
        ),
    )


def running_by_the_target(world: World) -> Race:
    form = Form("TARGET/bin/envc run -- true", 2.0, (world.carried, *world.run, "--", "true"))
    return replace(running(world), forms=(form,))


def looking(world: World) -> Race:
    doctor = f"{world.own} doctor --target {world.target} || :"  # it may find fault with the node
    return Race(
        "python -I -c pass",
        (world.binaries / "python", "-I", "-c", "pass"),
        (
            Form("tree", 5.0, (world.own, "tree")),
            Form("tree --json", 5.0, (world.own, "tree", "--json")),
            Form("why", 5.0, (world.own, "why", "ipython")),
            Form("why --json", 5.0, (world.own, "why", "ipython", "--json")),
            Form("check, one overlay, unchanged", 5.0, (world.own, "check", world.checked)),
            Form("check --json", 5.0, (world.own, "check", world.checked, "--json")),
            Form("--version", None, (world.own, "--version")),
            Form("--help", None, (world.own, "--help")),
            Form("doctor", None, ("sh", "-c", doctor)),
        ),
    )


def verifying(world: World) -> Race:
    verify = (world.own, "verify", "--fast", "--target", world.target)
    find = ("find", f"{world.target}/current/", "-printf", "%s %m %T@\\n")
    return Race(
        "find -printf '%s %m %T@'",
        find,
        (
            Form("verify --fast", 2.0, verify),
            Form("verify --fast --json", 2.0, (*verify, "--json")),
        ),
    )


def warm_layer(world: World) -> Race:
    words = world.materialize("--layer", "user")
    form = Form("materialize --layer, warm", 1.0, words, world.without_generations)
    uv = world.uv_sync("user")
    return Race("uv pip sync, an environment", uv, (form,), world.new_environments)


def warm(world: World) -> Race:
    form = Form("materialize, warm", 0.85, world.materialize(), world.without_generations)
    uv = world.uv_sync_all()
    return Race("uv pip sync, two environments", uv, (form,), world.new_environments)


# Forms of one race leave each other nothing to do: another envc, or a bundle, might not.
RACES = (
    nothing_to_do,
    from_a_bundle,
    after_a_comment,
    syncing,
    syncing_by_the_target,
    running,
    running_by_the_target,
    looking,
    verifying,
    warm_layer,
    warm,
)


def rows_of(raced: Race, site: Path, runs: int) -> list[Row]:
    """What a race comes to; it is printed, too."""
    contestants = [Contestant(raced.peer, raced.command, raced.before, site)]
    contestants += [Contestant(form.name, form.words, form.before, site) for form in raced.forms]
    timings = race(contestants, runs=runs)
    peer_ms = timings[raced.peer].median * 1000
    print(f"\n{raced.peer:<34}{peer_ms:>9.1f} ms")
    rows = []
    for form in raced.forms:
        own_ms = timings[form.name].median * 1000
        row = Row(form.name, own_ms, raced.peer, peer_ms, own_ms / peer_ms, form.bound)
        bound = "" if form.bound is None else f"   bound {form.bound:.2f}"
        verdict = "" if form.bound is None else "   holds" if row.holds else "   MISSED"
        print(f"  {form.name:<32}{own_ms:>9.1f} ms{row.ratio:>8.2f} x{bound}{verdict}")
        rows.append(row)
    return rows


def world_of_sci() -> World:
    """The site `sci`, from the index; its wheels are in envc's cache once they were needed."""
    binaries = installed(ROOT / "build" / "bench" / "venv")
    world = World(binaries, WORK / "site", WORK / "wheelhouse")
    shutil.copytree(ROOT / "fixtures" / "sites" / "sci", world.site)
    world.envc("lock")
    world.envc("materialize", "--target", world.target)
    gather(world.site, world.wheelhouse)
    return world


def world_of_recipes(roots: int) -> World:
    """A site of recipes, with caches of its own; this environment's envc and uv."""
    os.environ |= {"ENVC_CACHE_DIR": f"{WORK}/cache", "UV_CACHE_DIR": f"{WORK}/uv-cache"}
    build_all(recipes(roots), WORK / "wheels")
    names = ["ipython", *(f"root-{number}" for number in range(1, roots))]
    site = SiteFolder(WORK, WORK / "wheels").write(
        over_wheels(f'[layer.system]\nrequires = ["ipython"]\n[layer.user]\nrequires = {names}\n')
    )
    world = World(Path(sys.executable).parent, site.folder, WORK / "wheels")
    world.envc("lock")
    return world


def recipes(roots: int) -> list[Recipe]:
    """`ipython` and other roots, each with projects that it alone needs; and what is added."""
    found = [Recipe(name=ADDED, version="1.0")]
    for number in range(roots):
        root = f"root-{number}" if number else "ipython"
        branches = [f"{root}-needs-{branch}" for branch in range(BRANCHES)]
        found.append(Recipe(name=root, version="1.0", requires=branches, files=files_of(root)))
        found += [Recipe(name=name, version="1.0", files=files_of(name)) for name in branches]
    return found


def files_of(project: str) -> dict[str, str]:
    """The files of a package with a few parts."""
    package = project.replace("-", "_")
    files = {f"{package}/__init__.py": ""}
    for part in PARTS:
        files[f"{package}/{part}/__init__.py"] = ""
        for number in range(MODULES):
            text = f"def f{number}(x):\n    return x + {number}\n" * 10
            files[f"{package}/{part}/m{number}.py"] = text
        for number in range(DATA_FILES):
            files[f"{package}/{part}/data/{number}.txt"] = f"{project} {part} {number}\n" * 10
    return files


def main() -> int:
    parser = argparse.ArgumentParser(description="Race the daily commands against uv's.")
    parser.add_argument("--runs", type=int, default=9, metavar="N", help="default: 9")
    which = parser.add_mutually_exclusive_group()
    which.add_argument("--recipes", action="store_true", help="a site that needs no index")
    which.add_argument("--quick", action="store_true", help="a small one, three runs, not saved")
    arguments = parser.parse_args()
    fresh_folder(WORK)
    if arguments.recipes or arguments.quick:
        world = world_of_recipes(2 if arguments.quick else ROOTS)
    else:
        world = world_of_sci()
    world.build()
    runs = 3 if arguments.quick else arguments.runs
    rows = [row for made in RACES for row in rows_of(made(world), world.site, runs)]
    if not arguments.quick:
        save(
            "daily",
            {
                "site": "recipes" if arguments.recipes else "sci",
                "versions": {
                    "envc": version_of(world.own, "--version"),
                    "uv": version_of(world.binaries / "uv", "--version"),
                },
                "runs": runs,
                "forms": [asdict(row) | {"holds": row.holds} for row in rows],
            },
        )
    fresh_folder(WORK)
    missed = [row.form for row in rows if not row.holds]
    print(f"\nmissed: {', '.join(missed) or 'none'}")
    return 1 if missed and not arguments.quick else 0


if __name__ == "__main__":
    print(machine())
    raise SystemExit(main())
