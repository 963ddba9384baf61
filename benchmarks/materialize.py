"""Materialize the sample site `sci`, side by side with `uv pip sync` on the same locks.

    python benchmarks/materialize.py [--runs N] [--without-slow-races]

Warm: every wheel is in envc's store and in uv's cache; the target (the virtual environment) is
new each time. envc places bytecode too, uv only with --compile-bytecode. Cold: store and cache are
empty; envc has a bundle, or a folder of wheels as uv has. Nothing is deleted while runs are timed:
the file system makes directories more slowly for minutes after it has removed many.
"""

import argparse
import shutil
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from functools import partial
from itertools import count
from pathlib import Path

from measure import ROOT, Contestant, installed, machine, race, report, save, version_of

from envc.disk.cache_place import default_cache

WORK = ROOT / "build" / "bench"
LAYERS = ("system", "user")
COLD_RUNS = 3


class Envc:
    """envc's side: a target whose generations are set aside before each run; the store stays."""

    def __init__(self, binaries: Path, site: Path) -> None:
        self.command = [binaries / "envc", "materialize", "-q", "--target", WORK / "Canopy"]
        self.site = site
        self.aside = (WORK / "aside" / str(number) for number in count())

    def contestant(self, name: str, *, fresh: bool) -> Contestant:
        before = self.set_aside if fresh else lambda: None
        return Contestant(name, self.command, before, self.site)

    def cold(self, source: Path) -> Contestant:
        command = [*self.command, "--offline", "--from", source]
        before = partial(self.set_aside, "store")
        kind = "wheels" if source.is_dir() else "a bundle"
        return Contestant(f"envc, from {kind}", command, before, self.site)

    def set_aside(self, *more: str) -> None:
        folder = next(self.aside)
        folder.mkdir(parents=True)
        for name in ("generations", "current", "by-lock", *more):
            path = WORK / "Canopy" / name
            if path.is_symlink() or path.exists():
                path.rename(folder / name)


class Uv:
    """uv's side: one new virtual environment a layer and run, made untimed."""

    def __init__(self, binaries: Path, site: Path) -> None:
        self.uv = binaries / "uv"
        self.site = site
        self.numbers: Iterator[int] = count()
        self.folder = WORK / "venvs" / "none"

    def contestant(self, name: str, *options: str, fresh: bool) -> Contestant:
        script = WORK / f"{name.replace(' ', '-')}.sh"
        lines = [
            f"{self.uv} pip sync -q --link-mode hardlink {' '.join(options)} "
            f'--python "$(cat {WORK}/uv-folder)/{layer}/bin/python" pylock.{layer}.toml'
            for layer in LAYERS
        ]
        script.write_text("\n".join(["set -e", *lines, ""]))
        before = self.new if fresh else lambda: None
        return Contestant(name, ["sh", script], before, self.site)

    def cold(self, wheelhouse: Path, *options: str) -> Contestant:
        """From requirements and a folder of wheels, with a cache that is new each time."""
        script = WORK / f"uv-cold{''.join(options)}.sh"
        lines = []
        for layer in LAYERS:
            lock = tomllib.loads((self.site / f"pylock.{layer}.toml").read_text())
            pins = [f"{pin['name']}=={pin['version']}\n" for pin in lock["packages"]]
            (WORK / f"{layer}.txt").write_text("".join(pins))
            lines.append(
                f'folder="$(cat {WORK}/uv-folder)"; {self.uv} pip sync -q --no-index '
                f'--find-links {wheelhouse} --cache-dir "$folder/cache" --link-mode hardlink '
                f'{" ".join(options)} --python "$folder/{layer}/bin/python" {WORK}/{layer}.txt'
            )
        script.write_text("\n".join(["set -e", *lines, ""]))
        name = f"uv pip sync, cold {' '.join(options)}".strip()
        return Contestant(name, ["sh", script], self.new, self.site)

    def new(self) -> None:
        self.folder = WORK / "venvs" / str(next(self.numbers))
        for layer in LAYERS:
            command = [self.uv, "venv", "-q", "--python", sys.executable, self.folder / layer]
            subprocess.run(list(map(str, command)), check=True)
        (WORK / "uv-folder").write_text(str(self.folder))


def gather(site: Path, wheelhouse: Path) -> None:
    """Put every wheel of the site's locks into one folder, out of envc's cache."""
    wheelhouse.mkdir(exist_ok=True)
    cache = Path(default_cache()) / "wheels-v1"
    for layer in LAYERS:
        for pin in tomllib.loads((site / f"pylock.{layer}.toml").read_text())["packages"]:
            for wheel in pin["wheels"]:
                source = cache / wheel["hashes"]["sha256"] / wheel["name"]
                shutil.copyfile(source, wheelhouse / wheel["name"])


def main() -> None:
    parser = argparse.ArgumentParser(description="Race envc materialize against uv pip sync.")
    parser.add_argument("--runs", type=int, default=5, metavar="N", help="default: 5")
    parser.add_argument(
        "--without-slow-races", action="store_true", help="leave out uv's bytecode, and cold"
    )
    arguments = parser.parse_args()
    shutil.rmtree(WORK / "venvs", ignore_errors=True)
    WORK.mkdir(parents=True, exist_ok=True)
    binaries = installed(WORK / "venv")
    site = WORK / "site"
    shutil.copytree(ROOT / "fixtures" / "sites" / "sci", site, dirs_exist_ok=True)
    subprocess.run([str(binaries / "envc"), "lock", "--site", str(site)], check=True)

    envc, uv = Envc(binaries, site), Uv(binaries, site)
    warm = [
        envc.contestant("envc (bytecode included)", fresh=True),
        uv.contestant("uv pip sync", fresh=True),
    ]
    results = [report("warm", race(warm, runs=arguments.runs), warm[0].name)]
    noop = [
        envc.contestant("envc, nothing to do", fresh=False),
        uv.contestant("uv pip sync, nothing to do", fresh=False),
    ]
    results.append(report("no-op", race(noop, runs=2 * arguments.runs), noop[0].name))
    if not arguments.without_slow_races:
        compiling = [
            warm[0],
            uv.contestant("uv pip sync --compile-bytecode", "--compile-bytecode", fresh=True),
        ]
        timings = race(compiling, runs=arguments.runs)
        results.append(report("warm, bytecode", timings, warm[0].name))
        wheelhouse = WORK / "wheelhouse"
        gather(site, wheelhouse)
        bundle = WORK / "sci.envc"
        words = ["bundle", "-q", "--site", site, "--from", wheelhouse, "-o", bundle]
        subprocess.run([str(binaries / "envc"), *map(str, words)], check=True)
        cold = [
            envc.cold(bundle),
            envc.cold(wheelhouse),
            uv.cold(wheelhouse),
            uv.cold(wheelhouse, "--compile-bytecode"),
        ]
        results.append(report("cold", race(cold, runs=COLD_RUNS), cold[0].name))
    save(
        "materialize",
        {
            "site": "sci",
            "versions": {
                "envc": version_of(binaries / "envc", "--version"),
                "uv": version_of(binaries / "uv", "--version"),
            },
            "races": results,
        },
    )
    print("removing what was set aside")
    shutil.rmtree(WORK / "aside", ignore_errors=True)
    shutil.rmtree(WORK / "venvs", ignore_errors=True)


if __name__ == "__main__":
    print(machine())
    main()
