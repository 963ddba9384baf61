"""How many files of the package `envc` each daily command enters.

    python benchmarks/journeys.py [--check | --record] [--files]

A file is entered when a function of it is called, or the body of a class is, as `sys.setprofile`
tells. How many files are imported stands beside that. Unlike seconds, the counts are the same in
every run: `make check` compares them with the bounds in `journeys.toml`. Everything stands on a
small site of recipes, in a folder of its own, and what is idle has been done just before.
"""

import argparse
import gc
import os
import sys
import tempfile
import threading
import tomllib
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import FrameType
from typing import NoReturn

from measure import ROOT

sys.path.insert(0, str(ROOT / "tests"))

from support.sites import SiteFolder, envc_process
from support.wheelhouse import RECIPES
from support.wheels import build_all

ANSWERS = "answers-v1"
BOUNDS = ROOT / "benchmarks" / "journeys.toml"
HEAD = "# How many files each journey may enter; `journeys.py --record` writes what it counts.\n\n"
FOREIGN = ("ENVC_", "PIP_", "UV_", "XDG_", "PYTHON", "VIRTUAL_ENV")
# What no version of Python has as a function of its own, or not every one.
NO_FUNCTIONS = {"<module>", "<listcomp>", "<setcomp>", "<dictcomp>"}


@dataclass(frozen=True)
class Journey:
    """A command, how few files would do, and what is done (uncounted) before; None: the same."""

    name: str
    wish: int
    words: tuple[object, ...]
    before: Callable[[], object] | None = None
    again: bool = False


@dataclass(frozen=True)
class Count:
    """The files that a journey enters, in order, and how many it imports."""

    entered: tuple[str, ...]
    imported: int

    def rooms(self) -> str:
        """How many of the files are in each room, the fullest room first."""
        found = Counter(os.path.dirname(file) or "envc" for file in self.entered)
        return ", ".join(f"{room} {count}" for room, count in found.most_common())


class World:
    """The site of the tests' story, locked and materialized, with overlays."""

    def __init__(self, root: Path) -> None:
        build_all(RECIPES, root / "wheels")
        self.root = root
        self.site = site = SiteFolder(root / "world", root / "wheels").write()
        site.done("lock")
        self.known = site.overlay("known", 'requires = ["theme"]')
        self.new = site.overlay("new", 'requires = ["six<1.17"]')
        for spec in (self.known, self.new):
            site.done("lock", "--overlay", spec)
        self.bundle = root / "world.envc"
        site.done("bundle", "-o", self.bundle)
        site.materialize()
        self.alice = root / "alice"
        place = ("--dir", self.alice, "--target", site.target)
        site.done("overlay", "init", *place)
        site.done("overlay", "add", "theme", *place)

    def journeys(self) -> tuple[Journey, ...]:
        materialize = ("materialize", "--target", self.site.target)
        idle = "materialize, nothing to do"
        run = ("run", "--overlay", self.alice, "--", "true")
        return (
            Journey("materialize, asked again", 6, materialize, again=True),
            Journey("check, asked again", 6, ("check", self.known), again=True),
            Journey("run, asked again", 6, run, again=True),
            Journey("lock, unchanged", 13, ("lock",)),
            Journey(idle, 15, materialize),
            Journey(f"{idle}, --layer", 15, (*materialize, "--layer", "user")),
            Journey(f"{idle}, --from a folder", 15, (*materialize, "--from", "wheels")),
            Journey(f"{idle}, --from a bundle", 15, (*materialize, "--from", self.bundle)),
            Journey(f"{idle}, after a comment", 15, materialize, self.comment),
            Journey("overlay sync, nothing to do", 20, ("overlay", "sync", "--dir", self.alice)),
            Journey("run, nothing to do", 15, run, lambda: envc_process(*run, cwd=self.root)),
            Journey("check, one overlay, unchanged", 30, ("check", self.known)),
            Journey("check, one overlay, fresh", 80, ("check", self.new), lambda: None),
            Journey("tree", 30, ("tree",)),
            Journey("why", 30, ("why", "six")),
            Journey("verify --fast", 30, ("verify", "--fast", "--target", self.site.target)),
            Journey("materialize, warm", 60, materialize, self.without_generations),
            Journey(
                "materialize, warm, --layer",
                60,
                (*materialize, "--layer", "system"),
                self.without_generations,
            ),
        )

    def comment(self) -> None:
        """Write a comment into the spec of what is materialized, and lock again."""
        self.site.materialize()
        with (self.site.folder / "envc.toml").open("a") as file:
            file.write("# a comment\n")
        self.site.done("lock")

    def without_generations(self) -> None:
        """Set the generations aside; the store stays."""
        aside = Path(tempfile.mkdtemp(dir=self.root))
        for name in ("generations", "current", "by-lock"):
            (self.site.target / name).rename(aside / name)

    def keep_answer(self, words: Sequence[object]) -> None:
        """Ask until the answer is kept: it is not where something has changed in this instant."""
        folder = Path(os.environ["ENVC_CACHE_DIR"]) / ANSWERS
        before = set(folder.glob("*"))
        while set(folder.glob("*")) == before:
            envc_process(*words, cwd=self.site.folder)

    def walked(self, journey: Journey) -> Count:
        """What a journey enters; it must succeed."""
        if journey.again:
            self.keep_answer(journey.words)
        elif journey.before is None:
            self.site.done(*journey.words)
        else:
            journey.before()
        told, said = self.root / "told", self.root / "said"
        child = os.fork()
        if not child:
            os.chdir(self.site.folder)
            walk([str(word) for word in journey.words], told, said, again=journey.again)
        _, status = os.waitpid(child, 0)
        if status:
            raise SystemExit(f"{journey.name} ended with {status}:\n{said.read_text()}")
        imported, *entered = told.read_text().splitlines()
        return Count(tuple(entered), int(imported))


def walk(words: Sequence[str], told: Path, said: Path, *, again: bool) -> NoReturn:
    """Be a new process `envc` with these words; write the files that are entered.

    Other packages stay imported: that saves most of the time, and nothing of them is counted.
    """
    for name in list(sys.modules):
        if name.partition(".")[0] == "envc":
            del sys.modules[name]
    descriptor = os.open(said, os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
    os.dup2(descriptor, sys.stdout.fileno())
    os.dup2(descriptor, sys.stderr.fileno())
    import envc
    from envc.cli.main import main

    found: set[str] = set()
    prefix = f"{os.path.dirname(envc.__file__)}/"

    def enter(frame: FrameType, event: str, _: object) -> None:
        if event == "call" and frame.f_code.co_name not in NO_FUNCTIONS:
            found.add(frame.f_code.co_filename)

    def tell() -> None:
        sys.setprofile(None)
        entered = sorted(path.removeprefix(prefix) for path in found if path.startswith(prefix))
        imported = sum(name.partition(".")[0] == "envc" for name in sys.modules)
        told.write_text("\n".join([str(imported), *entered]))

    def hear(event: str, _: object) -> None:
        if event == "os.exec":
            tell()

    sys.addaudithook(hear)
    gc.disable()  # what the set-up left would be ended as it is collected, and counted
    threading.setprofile(enter)
    sys.setprofile(enter)
    status = main(words, listening=again)
    tell()
    sys.stdout.flush()
    os._exit(status)


def isolate(home: Path) -> None:
    """Hide what the person who runs this has configured: what is entered depends on it."""
    for name in list(os.environ):
        if name.startswith(FOREIGN):
            del os.environ[name]
    os.environ |= {"HOME": str(home), "ENVC_CACHE_DIR": str(home / "cache")}


def counted() -> dict[Journey, Count]:
    """Every journey, walked."""
    with tempfile.TemporaryDirectory() as folder:
        isolate(Path(folder) / "home")
        world = World(Path(folder))
        return {journey: world.walked(journey) for journey in world.journeys()}


def main() -> int:
    parser = argparse.ArgumentParser(description="Count the files that daily commands enter.")
    what = parser.add_mutually_exclusive_group()
    what.add_argument("--check", action="store_true", help="end with 1 where a bound is exceeded")
    what.add_argument("--record", action="store_true", help="write today's counts as the bounds")
    parser.add_argument("--files", action="store_true", help="name each file")
    arguments = parser.parse_args()
    bounds = tomllib.loads(BOUNDS.read_text()) if BOUNDS.exists() else {}
    counts = counted()
    exceeded = False
    for journey, count in counts.items():
        entered, bound = len(count.entered), bounds.get(journey.name, 0)
        exceeded |= entered > bound
        if arguments.check and entered <= bound:
            continue
        print(
            f"{journey.name:<46}{entered:>4} entered (bound {bound}, wish {journey.wish}), "
            f"{count.imported} imported\n    {count.rooms()}"
        )
        if arguments.files:
            print("".join(f"        {file}\n" for file in count.entered), end="")
    if arguments.record:
        lines = [f'"{journey.name}" = {len(count.entered)}\n' for journey, count in counts.items()]
        BOUNDS.write_text(HEAD + "".join(lines))
    if not (arguments.check and exceeded):
        return 0
    print("more files than journeys.toml has: --files names them; --record where that is right")
    return 1


if __name__ == "__main__":
    raise SystemExit(main())
