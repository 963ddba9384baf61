"""Lock the sample site `sci`, side by side with `uv pip compile` and `pip lock`.

    python benchmarks/lock.py [--runs N] [--without-pip]

All of them get the requirements of the layer `user`, for one kind of machine. Unchanged: what they
wrote last time is there. Warm: it is not, but all they need is in their caches; each tool asks the
index whether that still holds when its own rules say so. Offline: the same, and nobody asks. Cold:
the caches are empty; what is measured then is the network as much as the tool.
"""

import argparse
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

from measure import (
    ROOT,
    Contestant,
    fresh_folder,
    installed,
    machine,
    race,
    report,
    save,
    version_of,
)

WORK = ROOT / "build" / "bench" / "lock"
LAYER = "user"
OLDEST_PIP = "pip>=25.1"  # the first with `pip lock`
PIP_RUNS = 1


class Envc:
    """envc's side, with a site and a cache of its own."""

    def __init__(self, binaries: Path, site: Path) -> None:
        self.envc = binaries / "envc"
        self.site = site
        self.cache = WORK / "cache-of-envc"

    def contestant(self, name: str, *options: str, present: bool, cold: bool = False) -> Contestant:
        command = [
            *("env", f"ENVC_CACHE_DIR={self.cache}"),
            *(self.envc, "lock", "-q", "--layer", LAYER, *options),
        ]

        def before() -> None:
            if not present:
                (self.site / f"pylock.{LAYER}.toml").unlink(missing_ok=True)
            if cold:
                fresh_folder(self.cache)

        return Contestant(name, command, before, self.site)


class Peer:
    """Another tool's side: it reads the layer's requirements and writes a file of pins."""

    def __init__(self, command: list[str | Path], output: Path, cache: str) -> None:
        self.command = command
        self.output = output
        self.cache = WORK / f"cache-of-{cache.lower()}"
        self.variable = cache

    def contestant(self, name: str, *options: str, present: bool, cold: bool = False) -> Contestant:
        command = ["env", f"{self.variable}={self.cache}", *self.command, *options]

        def before() -> None:
            if not present:
                self.output.unlink(missing_ok=True)
            if cold:
                fresh_folder(self.cache)

        return Contestant(name, command, before, WORK)


def requirements(site: Path) -> Path:
    """The layer's requirements as the file that the peers read."""
    layer = tomllib.loads((site / "envc.toml").read_text())["layer"][LAYER]
    path = WORK / "requirements.in"
    path.write_text("".join(f"{line}\n" for line in layer["requires"]))
    return path


def main() -> None:
    parser = argparse.ArgumentParser(description="Race envc lock against uv pip compile.")
    parser.add_argument("--runs", type=int, default=7, metavar="N", help="default: 7")
    parser.add_argument("--without-pip", action="store_true", help="leave out pip: it takes long")
    arguments = parser.parse_args()
    fresh_folder(WORK)
    binaries = installed(ROOT / "build" / "bench" / "venv")
    site = WORK / "site"
    shutil.copytree(ROOT / "fixtures" / "sites" / "sci", site)
    asked = requirements(site)
    envc = Envc(binaries, site)
    pins = WORK / "requirements.txt"
    python = ".".join(map(str, sys.version_info[:3]))  # of "3.11" alone, uv makes 3.11.0
    compile_ = [binaries / "uv", "pip", "compile", "-q", "--python-version", python, asked]
    uv = Peer([*compile_, "-o", pins], pins, "UV_CACHE_DIR")
    pylock = WORK / "pylock.toml"
    lock = [binaries / "python", "-m", "pip", "lock", "-q", "-r", asked, "-o", pylock]
    pip = Peer(lock, pylock, "PIP_CACHE_DIR")

    def both(title: str, *options: str, present: bool, cold: bool = False) -> list[Contestant]:
        own = envc.contestant(f"envc lock, {title}", *options, present=present, cold=cold)
        peer = uv.contestant(f"uv pip compile, {title}", *options, present=present, cold=cold)
        return [own, peer]

    results = []
    cold = both("cold", present=False, cold=True)
    results.append(report("cold", race(cold, runs=arguments.runs), cold[0].name))
    warm = both("warm", present=False)
    results.append(report("warm", race(warm, runs=arguments.runs), warm[0].name))
    offline = both("offline", "--offline", present=False)
    results.append(report("warm, offline", race(offline, runs=arguments.runs), offline[0].name))
    unchanged = both("unchanged", "--offline", present=True)
    results.append(report("unchanged", race(unchanged, runs=arguments.runs), unchanged[0].name))
    if not arguments.without_pip:
        newer = [binaries / "python", "-m", "pip", "install", "-q", "--upgrade", OLDEST_PIP]
        subprocess.run(newer, check=True)
        slow = [warm[0], pip.contestant("pip lock, warm", present=False)]
        results.append(report("warm, pip", race(slow, runs=PIP_RUNS), slow[0].name))
    save(
        "lock",
        {
            "site": f"sci, layer {LAYER}",
            "versions": {
                "envc": version_of(binaries / "envc", "--version"),
                "uv": version_of(binaries / "uv", "--version"),
                "pip": version_of(binaries / "python", "-m", "pip", "--version").split(" from")[0],
            },
            "races": results,
        },
    )


if __name__ == "__main__":
    print(machine())
    main()
