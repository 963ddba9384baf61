"""A roll-out against the number of nodes: 1 to 64 real sshd on this machine.

    python benchmarks/rollout.py [--most N] [--folder DIR]

For each number: ClusterShell's own no-op, one ssh after another, a roll-out of another generation,
and one that finds nothing to do. A line through the measured points tells what 1,000 nodes would
take if this one machine did all of their work; nodes of their own do theirs side by side.
Needs root and openssh-server.
"""

import argparse
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from measure import ROOT, save

sys.path.insert(0, str(ROOT / "tests"))

from cluster.ssh_nodes import SshNodes, ssh_nodes
from support.sites import SiteFolder
from support.wheelhouse import RECIPES
from support.wheels import build_all

NUMBERS = (1, 2, 4, 8, 16, 32, 64)
FAN_OUT = 64
REPEATS = 2
# What others have published of ssh to many nodes, flat (clustershell issues 560 and 559).
PUBLISHED = {"ClusterShell, whoami, 1177 nodes": 60.0, "ClusterShell, ls, 1200 nodes": 48.0}


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--most", type=int, default=NUMBERS[-1], help="no more nodes than this")
    parser.add_argument("--folder", help="where nodes have their disks")
    arguments = parser.parse_args()
    numbers = [number for number in NUMBERS if number <= arguments.most]
    with tempfile.TemporaryDirectory(dir=arguments.folder) as folder:
        rows = measured(Path(folder), numbers)
    columns = ("no-op", "one after another", "nothing to do", "roll-out")
    print(f"{'nodes':>6}" + "".join(f"{name:>20}" for name in columns) + "   ratio to no-op")
    for row in rows:
        times = "".join(f"{row[name]:>18.2f} s" for name in columns)
        print(f"{row['nodes']:>6}{times}   {row['nothing to do'] / row['no-op']:.2f}")
    model = {name: line(rows, name) for name in columns}
    for name, (start, each) in model.items():
        whole = start + each * 1000
        print(f"{name}: {start:.2f} s + {each * 1000:.0f} ms a node; 1000: {whole:.0f} s")
    for name, seconds in PUBLISHED.items():
        print(f"published: {name}: {seconds:.0f} s")
    save(
        "rollout",
        {
            "fan_out": FAN_OUT,
            "rows": rows,
            "model": {n: {"start": s, "a_node": e} for n, (s, e) in model.items()},
            "published": PUBLISHED,
        },
    )


def measured(folder: Path, numbers: list[int]) -> list[dict[str, float]]:
    """One row a number of nodes; seconds."""
    wheels = folder / "wheels"
    wheels.mkdir()
    build_all(RECIPES, wheels)
    site = SiteFolder(folder / "world", wheels).write()
    site.done("lock")
    rows = []
    with ssh_nodes(folder, max(numbers)) as nodes:
        roll_out(nodes, site, folder, max(numbers))  # everybody has the kit
        for turn, number in enumerate(numbers):
            site.edit("OMP_NUM_THREADS = ", f"X{turn} = '1', OMP_NUM_THREADS = ")
            site.done("lock")
            first = roll_out(nodes, site, folder, number)
            again = [roll_out(nodes, site, folder, number) for _ in range(REPEATS)]
            bare = [no_op(nodes, number) for _ in range(REPEATS)]
            rows.append(
                {
                    "nodes": number,
                    "no-op": statistics.median(bare),
                    "one after another": loop(nodes, number),
                    "nothing to do": statistics.median(again),
                    "roll-out": first,
                }
            )
            print(rows[-1], file=sys.stderr)
    return rows


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


if __name__ == "__main__":
    main()
