"""`envc check` on 1,000 overlays, beside uv resolving the same overlays one after another.

    python benchmarks/check.py [--overlays N] [--growth N…] [--sample N] [--described PYTHON]

The overlays stand on the sample site `sci` and have no locks: each is resolved, and the wheels that
it adds are looked into. Of ten, seven add projects, two shadow base projects, one is in conflict.
uv resolves a sample of them from the base's projects as names, with the overlay's requirements.

Measured are a first run (listings, metadata and wheel facts come over the network), one in which
only those are cached, one in which nothing has changed, and one after a pin of the base has moved.
With `--described`, the base is the environment of an interpreter, and the first three are measured.
"""

import argparse
import json
import os
import random
import resource
import shutil
import subprocess
import sys
import time
import tomllib
from pathlib import Path

from measure import RESULTS, ROOT, fresh_folder, installed, save

WORK = ROOT / "build" / "bench-check"
SHARES = (("adding", 7), ("shadowing", 2), ("conflicting", 1))
COLD_SECONDS, UNCHANGED_SECONDS = 10.0, 1.0

_NAMES = (
    "altair asteval astroid awkward bibtexparser black bokeh bottleneck cachetools cerberus "
    "cftime colorama corner deepdiff dill docutils emcee flask geopy hvplot humanize isort "
    "joblib lmfit loguru lxml markdown mpmath msgpack multidict natsort nltk nox numexpr orjson "
    "parso patsy pint plotly ply polars pycodestyle pydantic pyflakes pygments pymongo pyproj "
    "ruamel.yaml shapely simplejson sortedcontainers sphinx spyder-kernels tabulate tenacity "
    "termcolor textdistance tinydb toolz tqdm typer uncertainties ujson wcwidth websockets "
    "xlsxwriter xmltodict yarl zstandard "
)
ADDED = _NAMES.split()
SHADOWING = (
    ["networkx<3.5"],
    ["sympy<1.14"],
    ["requests<2.32"],
    ["pillow<12"],
    ["seaborn<0.13.2"],
    ["numpy<2.3"],
    ["pytest<9"],
)
CONFLICTING = (
    ["numpy<1.20"],
    ["pandas<1"],
    ["networkx>=99"],
    ["requests<2.30", "requests>2.31"],
    ["polars>=1", "polars<1"],
)


def write_overlays(folder: Path, count: int) -> dict[str, list[str]]:
    """Specs of `count` overlays, the same every time: name → requirements."""
    chance = random.Random(2013)
    kinds = [kind for kind, share in SHARES for _ in range(share)]
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    found: dict[str, list[str]] = {}
    for number in range(count):
        requires = chance.sample(ADDED, chance.randint(1, 3))
        kind = kinds[number % len(kinds)]
        if kind == "shadowing":
            requires = [*requires[:1], *chance.choice(SHADOWING)]
        elif kind == "conflicting":
            requires = [*requires[:1], *chance.choice(CONFLICTING)]
        name = f"{kind}-{number:05d}"
        lines = ["version = 1", "[overlay]", f'name = "{name}"', 'base = "user"', "requires = ["]
        lines += [f'    "{requirement}",' for requirement in requires]
        (folder / f"{name}.toml").write_text("\n".join([*lines, "]"]) + "\n")
        found[name] = requires
    return found


class Site:
    """The sample site, locked, and envc's calls on it."""

    def __init__(self, binaries: Path, described: str = "") -> None:
        self.envc = str(binaries / "envc")
        self.folder = WORK / "site"
        self.cache = WORK / "cache"
        self.folder.mkdir(parents=True)
        text = (ROOT / "fixtures/sites/sci/envc.toml").read_text()
        if described:
            layer = f'described = {{ python = "{described}", file = "base.json" }}'
            text = f"{text[: text.index('[layer.')]}[layer.user]\n{layer}\n"
        (self.folder / "envc.toml").write_text(f'{text}\n[overlays]\nspecs = ["overlays/*.toml"]\n')
        self.run("lock", "-q")

    def run(self, *words: str) -> subprocess.CompletedProcess[str]:
        environment = {**os.environ, "ENVC_CACHE_DIR": str(self.cache)}
        return subprocess.run(
            [self.envc, *words],
            cwd=self.folder,
            env=environment,
            capture_output=True,
            text=True,
            check=False,
        )

    def check(self) -> tuple[float, dict[str, object]]:
        """The seconds that a check takes, and its report."""
        start = time.perf_counter()
        done = self.run("check", "--json", "-q")
        seconds = time.perf_counter() - start
        if done.returncode not in (0, 1):
            raise SystemExit(done.stderr)
        report: dict[str, object] = json.loads(done.stdout)
        return seconds, report

    def forget_verdicts(self) -> None:
        """Leave listings, metadata and wheel facts in the cache, nothing else."""
        import sqlite3

        with sqlite3.connect(self.cache / "check-v1.sqlite") as connection:
            connection.execute("DELETE FROM verdicts")

    def pins(self, layer: str = "user") -> dict[str, str]:
        lock = tomllib.loads((self.folder / f"pylock.{layer}.toml").read_text())
        return {pin["name"]: pin["version"] for pin in lock["packages"]}


def verdicts(report: dict[str, object]) -> dict[str, object]:
    """The report's verdicts by name."""
    overlays: list[dict[str, object]] = report["overlays"]  # type: ignore[assignment]
    return {str(verdict["name"]): verdict for verdict in overlays}


def race_uv(site: Site, overlays: dict[str, list[str]], sample: int) -> float:
    """The seconds that uv takes for one overlay, caches warm."""
    uv = f"{os.path.dirname(sys.executable)}/uv"
    names = random.Random(7).sample(sorted(overlays), sample)
    base = "\n".join(sorted(site.pins()))
    constraints = WORK / "base.txt"
    constraints.write_text("")
    seconds = 0.0
    for turn in ("warm", "timed"):
        for name in names:
            given = f"{base}\n" + "\n".join(overlays[name])
            start = time.perf_counter()
            subprocess.run(
                [uv, "pip", "compile", "-", "--quiet", "--only-binary", ":all:"],
                input=given,
                env={**os.environ, "UV_CACHE_DIR": str(WORK / "uv")},
                capture_output=True,
                text=True,
                check=False,
            )
            if turn == "timed":
                seconds += time.perf_counter() - start
    return seconds / sample


def move_a_pin(site: Site) -> str:
    """Have the base lock an older release of a project that few overlays touch."""
    spec = site.folder / "envc.toml"
    spec.write_text(
        spec.read_text().replace('    "seaborn",', '    "seaborn",\n    "tornado<6.5",')
    )
    done = site.run("lock", "-q", "--layer", "user")
    if done.returncode:
        raise SystemExit(done.stderr)
    return "tornado"


def processor_seconds() -> float:
    """What the programs called so far have used: other work on the machine does not count."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def drawing(points: list[tuple[int, float, float]]) -> str:
    """Processor seconds by number of overlays as an SVG, both axes logarithmic."""
    from startup import axis, scale

    width, height, left, top = 560, 320, 70, 40
    counts = [count for count, _, _ in points]
    slowest = max(seconds for _, *both in points for seconds in both)
    spans = (counts[0], counts[-1]), (0.1, max(100.0, slowest))

    def across(count: float) -> float:
        return left + width * scale(count, *spans[0])

    def down(seconds: float) -> float:
        return top + height * (1 - scale(seconds, *spans[1]))

    size = 'width="820" height="420" font-family="sans-serif" font-size="12"'
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" {size}>',
        '<rect width="820" height="420" fill="white"/>',
        f'<text x="{left}" y="22" font-size="14">envc check: processor seconds by overlays</text>',
    ]
    parts += axis(tuple(counts), lambda n: (across(n), top, across(n), top + height), "{:,}")
    ticks = (0.1, 1, 10, 100)
    parts += axis(ticks, lambda s: (left, down(s), left + width, down(s)), "{:g} s")
    for place, (name, colour) in enumerate((("facts cached", "#1f6fb2"), ("unchanged", "#2e8b57"))):
        line = " ".join(f"{across(p[0]):.1f},{down(p[place + 1]):.1f}" for p in points)
        last = points[-1]
        parts.append(f'<polyline points="{line}" fill="none" stroke="{colour}" stroke-width="2"/>')
        parts.append(
            f'<text x="{left + width + 8}" y="{down(last[place + 1]):.1f}" fill="{colour}">'
            f"{name}: {last[place + 1]:.2f} s</text>"
        )
    return "\n".join([*parts, "</svg>"]) + "\n"


def main() -> int:
    parser = argparse.ArgumentParser(description="Check many overlays, beside uv.")
    parser.add_argument("--overlays", type=int, default=1_000, metavar="N")
    parser.add_argument("--growth", type=int, nargs="*", default=[10, 100, 1_000, 10_000])
    parser.add_argument("--sample", type=int, default=20, metavar="N", help="overlays for uv")
    parser.add_argument("--described", default="", metavar="PYTHON", help="whose environment")
    options = parser.parse_args()
    fresh_folder(WORK)
    site = Site(installed(ROOT / "build" / "bench-check-venv"), options.described)
    overlays = write_overlays(site.folder / "overlays", options.overlays)

    first, report = site.check()
    print(f"first run      {first:7.2f} s   {report['received_bytes']:,} bytes received")
    site.forget_verdicts()
    before = processor_seconds()
    cold, report = site.check()
    print(
        f"facts cached   {cold:7.2f} s   checked {report['checked']}, reused {report['reused']}; "
        f"of processors {processor_seconds() - before:.2f} s"
    )
    before = processor_seconds()
    unchanged, again = site.check()
    print(
        f"unchanged      {unchanged:7.2f} s   checked {again['checked']}, "
        f"reused {again['reused']}; of processors {processor_seconds() - before:.2f} s"
    )
    if options.described:
        fresh_folder(WORK)
        return 0 if cold <= COLD_SECONDS and unchanged <= UNCHANGED_SECONDS else 1
    uv_seconds = race_uv(site, overlays, options.sample) * options.overlays
    print(f"uv, each       {uv_seconds:7.2f} s   (from a sample of {options.sample})")
    moved = move_a_pin(site)
    changed, after = site.check()
    print(
        f"{moved:<10} moved {changed:5.2f} s   checked {after['checked']}, reused {after['reused']}"
    )
    site.forget_verdicts()
    _, anew = site.check()
    same = verdicts(after) == verdicts(anew)
    print(f"the same verdicts as a cold run: {same}")

    points = []
    for count in options.growth:
        write_overlays(site.folder / "overlays", count)
        site.forget_verdicts()
        before = processor_seconds()
        cold_seconds, _ = site.check()
        middle = processor_seconds()
        same_seconds, _ = site.check()
        used = middle - before, processor_seconds() - middle
        points.append((count, *used))
        print(
            f"{count:>7} overlays {cold_seconds:8.2f} s cold {same_seconds:6.2f} s unchanged; "
            f"of processors {used[0]:.2f} s and {used[1]:.2f} s"
        )
    if len(points) > 1:
        RESULTS.mkdir(exist_ok=True)
        picture = RESULTS / f"check-{time.strftime('%Y-%m-%d')}.svg"
        picture.write_text(drawing(points))
    save(
        "check",
        {
            "site": "sci",
            "overlays": options.overlays,
            "seconds": {"first": first, "facts cached": cold, "unchanged": unchanged},
            "uv seconds": uv_seconds,
            "a pin moved": {
                "project": moved,
                "seconds": changed,
                "checked": after["checked"],
                "reused": after["reused"],
                "same verdicts": same,
            },
            "growth in processor seconds": points,
        },
    )
    fresh_folder(WORK)
    held = cold <= COLD_SECONDS and unchanged <= UNCHANGED_SECONDS and same
    return 0 if held else 1


if __name__ == "__main__":
    raise SystemExit(main())
