"""Lock sample sites side by side with `uv pip compile`, and `sci` with `pip lock`, too.

    python benchmarks/lock.py [--runs N] [--without-pip]

All tools get the requirements of the layer `user`, for one kind of machine. Unchanged: what they
wrote last time is there. Warm: it is not, but all they need is in their caches; each tool asks the
index whether that still holds when its own rules say so. Offline: the same, and nobody asks. Cold:
the caches are empty; what is measured then is the network as much as the tool.
"""

import argparse
import shutil
import subprocess
import sys
import time
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


# An answer is kept only where what it rests on is older than its clock can tell apart.
SETTLED_SECONDS = 3
# With them, the site `airflow` has 320 projects instead of 150.
MORE_PROVIDERS = ("amazon", "celery", "cncf-kubernetes", "docker", "google", "redis")


class Side:
    """One tool's side of a race: what it is called with, what it writes, and where it caches."""

    def __init__(
        self, command: list[str | Path], output: Path, variable: str, *, folder: Path = WORK
    ) -> None:
        self.command = command
        self.output = output
        self.folder = folder
        self.variable = variable
        self.cache = output.parent / f"cache-{variable.lower()}"

    def contestant(self, name: str, *options: str, present: bool, cold: bool = False) -> Contestant:
        command = ["env", f"{self.variable}={self.cache}", *self.command, *options]

        def before() -> None:
            if not present:
                self.output.unlink(missing_ok=True)
            if cold:
                fresh_folder(self.cache)

        return Contestant(name, command, before, self.folder)


class Rivals:
    """envc and uv with the same requirements, those of a sample site."""

    def __init__(self, binaries: Path, name: str, *, more: tuple[str, ...] = ()) -> None:
        self.name = f"{name} and more" if more else name
        site = WORK / self.name.replace(" ", "-")
        shutil.copytree(ROOT / "fixtures" / "sites" / name, site)
        spec = site / "envc.toml"
        lines = "".join(f'    "{line}",\n' for line in more)
        spec.write_text(spec.read_text().replace("requires = [\n", f"requires = [\n{lines}"))
        layer = tomllib.loads(spec.read_text())["layer"][LAYER]
        self.asked = site / "requirements.in"
        asked = [*layer["requires"], *layer.get("constraints", [])]
        self.asked.write_text("".join(f"{line}\n" for line in asked))
        pins = site / "requirements.txt"
        python = ".".join(map(str, sys.version_info[:3]))  # of "3.11" alone, uv makes 3.11.0
        compile_ = [binaries / "uv", "pip", "compile", "-q", "--python-version", python]
        self.envc = Side(
            [binaries / "envc", "lock", "-q", "--layer", LAYER],
            site / f"pylock.{LAYER}.toml",
            "ENVC_CACHE_DIR",
            folder=site,
        )
        self.uv = Side([*compile_, self.asked, "-o", pins], pins, "UV_CACHE_DIR")

    def race(
        self, title: str, *options: str, runs: int, present: bool = False, cold: bool = False
    ) -> dict[str, object]:
        own = self.envc.contestant("envc lock", *options, present=present, cold=cold)
        peer = self.uv.contestant("uv pip compile", *options, present=present, cold=cold)
        return report(f"{self.name}, {title}", race([own, peer], runs=runs), own.name)


def with_pip(binaries: Path, rivals: Rivals) -> dict[str, object]:
    """The race with pip, which takes long, on what both have in their caches."""
    newer = [binaries / "python", "-m", "pip", "install", "-q", "--upgrade", OLDEST_PIP]
    subprocess.run(newer, check=True)
    pylock = WORK / "pylock.toml"
    lock = [binaries / "python", "-m", "pip", "lock", "-q", "-r", rivals.asked, "-o", pylock]
    pip = Side(lock, pylock, "PIP_CACHE_DIR").contestant("pip lock", present=False)
    own = rivals.envc.contestant("envc lock", present=False)
    return report(f"{rivals.name}, warm, pip", race([own, pip], runs=PIP_RUNS), own.name)


def main() -> None:
    parser = argparse.ArgumentParser(description="Race envc lock against uv pip compile.")
    parser.add_argument("--runs", type=int, default=7, metavar="N", help="default: 7")
    parser.add_argument("--without-pip", action="store_true", help="leave out pip: it takes long")
    arguments = parser.parse_args()
    fresh_folder(WORK)
    binaries = installed(ROOT / "build" / "bench" / "venv")
    runs = arguments.runs
    sci = Rivals(binaries, "sci")
    airflow = Rivals(binaries, "airflow")
    more = tuple(f"apache-airflow-providers-{name}" for name in MORE_PROVIDERS)
    large = Rivals(binaries, "airflow", more=more)
    results = [
        sci.race("cold", runs=runs, cold=True),
        sci.race("warm", runs=runs),
        sci.race("warm, offline", "--offline", runs=runs),
    ]
    time.sleep(SETTLED_SECONDS)
    results += [
        sci.race("unchanged", "--offline", runs=runs, present=True),
        airflow.race("cold", runs=runs, cold=True),
        large.race("cold", runs=runs, cold=True),
        large.race("warm, offline", "--offline", runs=runs),
    ]
    if not arguments.without_pip:
        results.append(with_pip(binaries, sci))
    save(
        "lock",
        {
            "site": f"layer {LAYER} of each site",
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
