"""What starting Python costs the storage that an overlay stands on, counted with strace.

    python benchmarks/startup.py

Counted are the system calls that name a path in the environment's folder: open, stat, readlink,
opendir; not fstat or getdents on what is open, nor the one exec. Three environments stand on the
same storage: an empty venv, a venv with a `.pth` file that names the common layer (plain layering),
and an envc overlay that adds one project and shadows another. The common layer is the sample site
`sci`, on the node's disk. The budget: at most 5 more than the empty venv, whatever is imported from
the common layer; what the imported projects themselves ask for is counted, too.

The drawing is a model, not a measurement. N nodes start at the same time; each of a process's calls
waits for the network once, and the server answers a fixed number of calls a second:

    seconds(N) = calls x ROUND_TRIP_SECONDS + N x calls / SERVER_CALLS_PER_SECOND

The round trip is what a published measurement comes to: EESSI's tutorial imports TensorFlow, about
4,200 calls, in 4.3 s from a local SSD and in 6.4 s over NFS. The server's rate is the 10,000
requests a second that the python-mpi-bcast paper (SciPy 2016) reckons with for a whole file system.
"""

import argparse
import os
import re
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

from measure import RESULTS, ROOT, fresh_folder, installed, save

WORK = ROOT / "build" / "bench-startup"
BUDGET = 5
ROUND_TRIP_SECONDS = 0.0005
SERVER_CALLS_PER_SECOND = 10_000
NODES = (1, 10, 100, 1_000, 10_000)

PROGRAMS = {
    "python -c pass": "pass",
    "numpy, scipy, pandas": "import numpy, scipy, pandas",
    "sixteen projects": (
        "import numpy, scipy.optimize, pandas, matplotlib.pyplot, sklearn.linear_model, h5py,"
        " numba, sympy, dask.array, xarray, statsmodels.api, seaborn, sqlalchemy, requests, yaml,"
        " PIL.Image"
    ),
}
EMPTY, PLAIN, ENVC = "empty venv", "plain .pth", "envc overlay"
COLOURS = {EMPTY: "#888888", PLAIN: "#c0392b", ENVC: "#1f6fb2"}


def build() -> dict[str, Path]:
    """The three environments."""
    fresh_folder(WORK)
    envc = str(installed(ROOT / "build" / "bench" / "venv") / "envc")
    site, target = WORK / "site", WORK / "Canopy"
    site.mkdir()
    (site / "envc.toml").write_text((ROOT / "fixtures/sites/sci/envc.toml").read_text())
    overlay = WORK / "shared" / "alice"
    for words in (
        ("lock", "-q", "--site", site),
        ("materialize", "-q", "--site", site, "--target", target, "--layer", "user"),
        ("overlay", "init", "-q", "--dir", overlay, "--target", target),
        ("overlay", "add", "-q", "humanize", "networkx<3.5", "--dir", overlay),
    ):
        subprocess.run([envc, *map(str, words)], check=True)
    core = os.path.realpath(overlay / "bin/python")
    empty, plain = WORK / "shared" / "empty", WORK / "shared" / "plain"
    for folder in (empty, plain):
        subprocess.run([core, "-m", "venv", "--without-pip", str(folder)], check=True)
    (base,) = (target / "user/lib").glob("python3*/site-packages")
    (own,) = (plain / "lib").glob("python3*/site-packages")
    (own / "base.pth").write_text(f"{base}\n")
    return {EMPTY: empty, PLAIN: plain, ENVC: overlay}


def calls(folder: Path, program: str) -> int:
    """How many calls name a path in the folder."""
    log = WORK / "trace"
    command = ["strace", "-f", "-s", "999", "-e", "trace=%file", "-o", str(log)]
    surroundings = {**os.environ, "MPLBACKEND": "agg", "MPLCONFIGDIR": str(WORK / "matplotlib")}
    python = [str(folder / "bin/python"), "-c", program]
    subprocess.run(python, check=True, env=surroundings)  # what programs cache is there by now
    subprocess.run([*command, *python], check=True, env=surroundings)
    named = rf'^\d+ +(?!execve)\w+\([^"\n]*"{re.escape(str(folder))}[/"]'
    return len(re.findall(named, log.read_text(), re.MULTILINE))


def measure(environments: dict[str, Path]) -> dict[str, dict[str, int]]:
    """Program → environment → calls; printed as a table."""
    print("\npath operations on shared storage")
    rows: dict[str, dict[str, int]] = {}
    for title, program in PROGRAMS.items():
        rows[title] = {}
        for name, folder in environments.items():
            if name == EMPTY and program != "pass":
                continue
            rows[title][name] = calls(folder, program)
            print(f"  {title:<21}{name:<13}{rows[title][name]:>6}")
    return rows


def expected_seconds(count: int, nodes: int) -> float:
    """The model of the module's docstring."""
    return count * ROUND_TRIP_SECONDS + nodes * count / SERVER_CALLS_PER_SECOND


def drawing(counts: dict[str, int]) -> str:
    """The model as an SVG, both axes logarithmic, one line for each environment."""
    width, height, left, top = 560, 320, 70, 40
    decades = (0.001, 1_000.0)

    def across(nodes: float) -> float:
        return left + width * scale(nodes, NODES[0], NODES[-1])

    def down(seconds: float) -> float:
        return top + height * (1 - scale(seconds, *decades))

    title = "Expected start-up on shared storage: sixteen scientific projects, N nodes at once"
    size = 'width="820" height="430" font-family="sans-serif" font-size="12"'
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" {size}>',
        '<rect width="820" height="430" fill="white"/>',
        f'<text x="{left}" y="22" font-size="14">{title}</text>',
    ]
    parts += axis(NODES, lambda n: (across(n), top, across(n), top + height), "N = {:,}")
    ticks = (0.001, 0.01, 0.1, 1, 10, 100, 1_000)
    parts += axis(ticks, lambda s: (left, down(s), left + width, down(s)), "{:g} s")
    for name, count in counts.items():
        points = " ".join(
            f"{across(nodes):.1f},{down(expected_seconds(count, nodes)):.1f}" for nodes in NODES
        )
        last = down(expected_seconds(count, NODES[-1]))
        colour = COLOURS[name]
        parts.append(
            f'<polyline points="{points}" fill="none" stroke="{colour}" stroke-width="2"/>'
        )
        parts.append(
            f'<text x="{left + width + 8}" y="{last:.1f}" fill="{colour}">{name}: {count}</text>'
        )
    parts.append(
        f'<text x="{left}" y="{top + height + 40}">Model: seconds(N) = calls x '
        f"{ROUND_TRIP_SECONDS * 1000:g} ms + N x calls / {SERVER_CALLS_PER_SECOND:,} a second;"
        " nothing cached; not a measurement</text>"
    )
    return "\n".join([*parts, "</svg>"]) + "\n"


def scale(value: float, lowest: float, highest: float) -> float:
    """Where a value stands between two others, from 0 to 1, by its logarithm."""
    import math

    return math.log(value / lowest) / math.log(highest / lowest)


def axis(
    ticks: tuple[float, ...], line: Callable[[float], tuple[float, ...]], label: str
) -> list[str]:
    """Grid lines, each with its label: below an upright one, beside a level one."""
    parts = []
    for tick in ticks:
        x1, y1, x2, y2 = line(tick)
        upright = x1 == x2
        x, y, anchor = (x1, y2 + 18, "middle") if upright else (x1 - 6, y1 + 4, "end")
        parts.append(f'<line x1="{x1}" y1="{y1}" x2="{x2}" y2="{y2}" stroke="#dddddd"/>')
        parts.append(f'<text x="{x}" y="{y}" text-anchor="{anchor}">{label.format(tick)}</text>')
    return parts


def main() -> int:
    argparse.ArgumentParser(description="Count path operations on shared storage.").parse_args()
    rows = measure(build())
    first, *_, last = rows
    limit = rows[first][EMPTY] + BUDGET
    worst = max(row[ENVC] for row in rows.values())
    print(f"\nbudget: {limit}; envc's worst: {worst}: {'held' if worst <= limit else 'MISSED'}")
    counts = {EMPTY: rows[first][EMPTY]} | {name: rows[last][name] for name in (PLAIN, ENVC)}
    RESULTS.mkdir(exist_ok=True)
    picture = RESULTS / f"startup-{time.strftime('%Y-%m-%d')}.svg"
    picture.write_text(drawing(counts))
    model = {
        "round trip seconds": ROUND_TRIP_SECONDS,
        "server calls per second": SERVER_CALLS_PER_SECOND,
        "seconds": {
            name: {str(nodes): expected_seconds(count, nodes) for nodes in NODES}
            for name, count in counts.items()
        },
    }
    save("startup", {"site": "sci", "calls": rows, "budget": limit, "model": model})
    fresh_folder(WORK)
    return 0 if worst <= limit else 1


if __name__ == "__main__":
    raise SystemExit(main())
