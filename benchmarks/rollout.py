"""A roll-out against the number of nodes: 1 to 64 real sshd on this machine.

    python benchmarks/rollout.py [--most N] [--folder DIR]

For each number of nodes, medians of runs in turn: ClusterShell's own no-op (`clush -w … true`), a
roll-out that finds nothing to do, and one ssh after another that asks each node's own envc; then
the roll-out of another generation, once. Budget: nothing to do takes at most 1.5 times the no-op.

The model is a straight line through the measured points, by least squares:

    seconds(N) = start + N x seconds a node

It holds for what one machine with flat ssh has to do for each node, which is why it may be drawn
on to 1,000 nodes for control; published runs of ClusterShell stand beside it. It says too much of
a roll-out that builds: here two processors do all nodes' work, nodes of their own do theirs side by
side. Needs root and openssh-server.
"""

import argparse
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from measure import RESULTS, ROOT, save
from startup import axis, scale

sys.path.insert(0, str(ROOT / "tests"))

from cluster.ssh_nodes import SshNodes, ssh_nodes
from support.sites import SiteFolder
from support.wheelhouse import RECIPES
from support.wheels import build_all

NUMBERS = (1, 2, 4, 8, 16, 32, 64)
MODELLED = 1_000
FAN_OUT = 64
REPEATS = 5
BUDGET = 1.5
NO_OP, NOTHING, LOOP, ROLL_OUT = "no-op", "nothing to do", "one after another", "roll-out"
COLOURS = {NO_OP: "#888888", NOTHING: "#1f6fb2", LOOP: "#c0392b", ROLL_OUT: "#2e8b57"}
# What others have published of ssh to many nodes, flat (clustershell issues 560 and 559).
PUBLISHED = {
    "ClusterShell, whoami, 1177 nodes": (1177, 60.0),
    "ClusterShell, ls, 1200 nodes": (1200, 48.0),
}


def main() -> int:
    parser = argparse.ArgumentParser()
    parser.add_argument("--most", type=int, default=NUMBERS[-1], help="no more nodes than this")
    parser.add_argument("--folder", help="where nodes have their disks")
    arguments = parser.parse_args()
    numbers = [number for number in NUMBERS if number <= arguments.most]
    with tempfile.TemporaryDirectory(dir=arguments.folder) as folder:
        rows = measured(Path(folder), numbers)
    print(f"{'nodes':>6}" + "".join(f"{name:>20}" for name in COLOURS) + f"   {NOTHING} / {NO_OP}")
    for row in rows:
        times = "".join(f"{row[name]:>18.2f} s" for name in COLOURS)
        print(f"{row['nodes']:>6}{times}   {row[NOTHING] / row[NO_OP]:.2f}")
    worst = max(row[NOTHING] / row[NO_OP] for row in rows)
    print(f"\nbudget: {BUDGET}; worst: {worst:.2f}: {'held' if worst <= BUDGET else 'MISSED'}")
    model = {name: line(rows, name) for name in COLOURS}
    print(
        f"model: seconds(N) = start + N x seconds a node; N = {MODELLED:,} if one machine did all"
    )
    for name, (start, each) in model.items():
        whole = start + each * MODELLED
        print(
            f"  {name:<18}{start:.2f} s + N x {each * 1000:.0f} ms; N = {MODELLED:,}: {whole:.0f} s"
        )
    for name, (_, seconds) in PUBLISHED.items():
        print(f"  published: {name}: {seconds:.0f} s")
    RESULTS.mkdir(exist_ok=True)
    picture = RESULTS / f"rollout-{time.strftime('%Y-%m-%d')}.svg"
    picture.write_text(drawing(rows, model))
    save(
        "rollout",
        {
            "fan_out": FAN_OUT,
            "budget": BUDGET,
            "worst": worst,
            "rows": rows,
            "model": {n: {"start": s, "a_node": e} for n, (s, e) in model.items()},
            "published": {name: seconds for name, (_, seconds) in PUBLISHED.items()},
        },
    )
    return 0 if worst <= BUDGET else 1


def measured(folder: Path, numbers: list[int]) -> list[dict[str, float]]:
    """One row a number of nodes; seconds."""
    wheels = folder / "wheels"
    wheels.mkdir()
    build_all(RECIPES, wheels)
    site = SiteFolder(folder / "world", wheels).write()
    # Nodes that were left out for some turns build one generation, like all others.
    site.edit("[overlays]", "[retain]\ngenerations = 1\n\n[overlays]")
    site.done("lock")
    rows = []
    with ssh_nodes(folder, max(numbers)) as nodes:
        roll_out(nodes, site, folder, max(numbers))  # everybody has the kit
        for turn, number in enumerate(numbers):
            site.edit("OMP_NUM_THREADS = ", f"X{turn} = '1', OMP_NUM_THREADS = ")
            site.done("lock")
            row = {"nodes": number, ROLL_OUT: roll_out(nodes, site, folder, number)}
            rows.append(row | in_turn(nodes, site, folder, number))
            print(rows[-1], file=sys.stderr)
    return rows


def in_turn(nodes: SshNodes, site: SiteFolder, folder: Path, number: int) -> dict[str, float]:
    """What changes nothing: medians of runs in turn; the loop, which is slow and steady, once."""
    pairs = [(no_op(nodes, number), roll_out(nodes, site, folder, number)) for _ in range(REPEATS)]
    bare, nothing = map(statistics.median, zip(*pairs, strict=True))
    return {NO_OP: bare, NOTHING: nothing, LOOP: loop(nodes, number)}


def timed(command: list[str], nodes: SshNodes, folder: Path) -> float:
    start = time.perf_counter()
    subprocess.run(
        command,
        cwd=folder,
        env={**os.environ, **nodes.environment},
        check=True,
        capture_output=True,
    )
    return time.perf_counter() - start


def roll_out(nodes: SshNodes, site: SiteFolder, folder: Path, number: int) -> float:
    words = ["rollout", "--nodes", f"n[1-{number}]", "--target", str(nodes.target), "--canary", "0"]
    words += ["--state", str(folder / "state"), "--fan-out", str(FAN_OUT)]
    return timed([sys.executable, "-m", "envc", *words], nodes, site.folder)


def no_op(nodes: SshNodes, number: int) -> float:
    """What ClusterShell takes for a command that does nothing."""
    words = ["-f", str(FAN_OUT), "-w", f"n[1-{number}]", "true"]
    return timed([sys.executable, "-m", "ClusterShell.CLI.Clush", *words], nodes, nodes.folder)


def loop(nodes: SshNodes, number: int) -> float:
    """One ssh after another, each asking the node's own envc."""
    start = time.perf_counter()
    for node in nodes.names[:number]:
        done = nodes.ssh(node, f"{nodes.target}/bin/envc converge --check")
        assert done.returncode == 0, done.stderr
    return time.perf_counter() - start


def line(rows: list[dict[str, float]], name: str) -> tuple[float, float]:
    """Seconds to begin, and seconds for each node: least squares."""
    fit = statistics.linear_regression([row["nodes"] for row in rows], [row[name] for row in rows])
    return max(0.0, fit.intercept), fit.slope


def drawing(rows: list[dict[str, float]], model: dict[str, tuple[float, float]]) -> str:
    """What was measured as dots, the model as lines, what others published as crosses: an SVG."""
    width, height, left, top = 560, 320, 70, 40
    seconds_span, nodes_span = (0.1, 1_000.0), (1, 2_000)

    def across(nodes: float) -> float:
        return left + width * scale(nodes, *nodes_span)

    def down(seconds: float) -> float:
        return top + height * (1 - scale(max(seconds, seconds_span[0]), *seconds_span))

    size = 'width="860" height="430" font-family="sans-serif" font-size="12"'
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" {size}>',
        '<rect width="860" height="430" fill="white"/>',
        f'<text x="{left}" y="22" font-size="14">A roll-out to N nodes over flat ssh</text>',
        *axis((1, 10, 100, 1_000), lambda n: (across(n), top, across(n), top + height), "N = {:,}"),
        *axis(
            (0.1, 1, 10, 100, 1_000),
            lambda s: (left, down(s), left + width, down(s)),
            "{:g} s",
        ),
    ]
    ends = sorted((down(start + each * MODELLED), name) for name, (start, each) in model.items())
    label = 0.0
    for level, name in ends:
        start, each = model[name]
        steps = (1, 2, 4, 8, 16, 32, 64, 128, 256, 512, MODELLED)
        points = " ".join(f"{across(n):.1f},{down(start + n * each):.1f}" for n in steps)
        colour, label = COLOURS[name], max(level, label + 16)
        parts.append(
            f'<polyline points="{points}" fill="none" stroke="{colour}" stroke-dasharray="4 3"/>'
        )
        parts += [
            f'<circle cx="{across(row["nodes"]):.1f}" cy="{down(row[name]):.1f}" r="3"'
            f' fill="{colour}"/>'
            for row in rows
        ]
        parts.append(
            f'<text x="{left + width + 8}" y="{label:.1f}" fill="{colour}">{name}:'
            f" {start + each * MODELLED:.0f} s at {MODELLED:,}</text>"
        )
    parts += [
        f'<text x="{across(nodes):.1f}" y="{down(seconds) + 5:.1f}" text-anchor="middle">+</text>'
        for nodes, seconds in PUBLISHED.values()
    ]
    parts.append(
        f'<text x="{left}" y="{top + height + 40}">Dots: measured, all nodes on one machine of two'
        " processors. Lines: the model. Crosses: published runs of ClusterShell.</text>"
    )
    return "\n".join([*parts, "</svg>"]) + "\n"


if __name__ == "__main__":
    raise SystemExit(main())
