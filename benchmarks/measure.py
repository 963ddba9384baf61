"""Shared by the benchmarks: alternating runs, medians, ratios, and what machine it was."""

import json
import os
import platform
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).resolve().parent.parent
RESULTS = ROOT / "benchmarks" / "results"


@dataclass(frozen=True)
class Contestant:
    """One way to do the work: a command, and what to do (untimed) before each run."""

    name: str
    command: Sequence[str | Path]
    before: Callable[[], None] = lambda: None
    cwd: Path = ROOT


@dataclass(frozen=True)
class Timing:
    """The seconds of every run of a contestant, by the clock and of all processors.

    `peak_bytes` is the most that it had in memory at a time, in each run.
    """

    name: str
    seconds: tuple[float, ...]
    cpu_seconds: tuple[float, ...]
    peak_bytes: tuple[int, ...]

    @property
    def median(self) -> float:
        return statistics.median(self.seconds)

    @property
    def cpu_median(self) -> float:
        return statistics.median(self.cpu_seconds)

    @property
    def peak_median(self) -> float:
        return statistics.median(self.peak_bytes)


def race(contestants: Sequence[Contestant], *, runs: int) -> dict[str, Timing]:
    """Run the contestants in turn, `runs` times each after one run that does not count."""
    taken: dict[str, list[Run]] = {each.name: [] for each in contestants}
    for number in range(runs + 1):
        for contestant in contestants:
            contestant.before()
            os.sync()
            run = _run(contestant)
            if number:
                taken[contestant.name].append(run)
    return {name: Timing(name, *zip(*runs, strict=True)) for name, runs in taken.items()}


class Run(NamedTuple):
    """One run, from the process's start to its end, with the processes that it waited for."""

    seconds: float
    cpu_seconds: float
    peak_bytes: int


def timed(contestant: Contestant) -> float:
    """The seconds of one run, from the process's start to its end."""
    return _run(contestant).seconds


def _run(contestant: Contestant) -> Run:
    command = list(map(str, contestant.command))
    start = time.perf_counter()
    with tempfile.TemporaryFile() as said:
        child = subprocess.Popen(
            command, cwd=contestant.cwd, stdout=subprocess.DEVNULL, stderr=said
        )
        _, status, usage = os.wait4(child.pid, 0)
        seconds = time.perf_counter() - start
        child.returncode = os.waitstatus_to_exitcode(status)
        if child.returncode:
            said.seek(0)
            raise subprocess.CalledProcessError(child.returncode, command, stderr=said.read())
    return Run(seconds, usage.ru_utime + usage.ru_stime, usage.ru_maxrss * 1024)


def report(title: str, timings: Mapping[str, Timing], base: str) -> dict[str, object]:
    """Print a table of medians and ratios to `base`; the same as data."""
    own, own_cpu = timings[base].median, timings[base].cpu_median
    print(f"\n{title} (median of {len(timings[base].seconds)})")
    rows = {}
    for name, timing in timings.items():
        ratio = timing.median / own
        spread = f"{min(timing.seconds):.3f} to {max(timing.seconds):.3f}"
        cpu = f"{timing.cpu_median:.3f} s, {timing.cpu_median / own_cpu:.2f} x"
        peak = f"{timing.peak_median / (1 << 20):.0f} MiB"
        print(
            f"  {name:<34}{timing.median:>9.3f} s   {ratio:>7.2f} x   ({spread}; CPU {cpu}; {peak})"
        )
        rows[name] = {
            **asdict(timing),
            "median": timing.median,
            "ratio": ratio,
            "cpu median": timing.cpu_median,
            "cpu ratio": timing.cpu_median / own_cpu,
            "peak median": timing.peak_median,
        }
    return {"title": title, "base": base, "timings": rows}


def machine() -> dict[str, object]:
    """What the figures were measured on."""
    model = next(
        (
            line.split(":", 1)[1].strip()
            for line in Path("/proc/cpuinfo").read_text().splitlines()
            if line.startswith("model name")
        ),
        platform.machine(),
    )
    return {
        "cpu": model,
        "cores": os.cpu_count(),
        "kernel": platform.release(),
        "python": platform.python_version(),
        "file system": subprocess.run(
            ["stat", "-f", "-c", "%T", str(ROOT)], capture_output=True, text=True, check=True
        ).stdout.strip(),
    }


def version_of(*command: str | Path) -> str:
    """The first line that a program prints of its version."""
    output = subprocess.run(list(map(str, command)), capture_output=True, text=True, check=True)
    return output.stdout.splitlines()[0]


def save(name: str, body: Mapping[str, object]) -> Path:
    """Write a result where results are kept, under its name and today's date."""
    RESULTS.mkdir(exist_ok=True)
    path = RESULTS / f"{name}-{time.strftime('%Y-%m-%d')}.json"
    path.write_text(json.dumps({"machine": machine(), **body}, indent=1) + "\n")
    print(f"\nwritten to {path.relative_to(ROOT)}")
    return path


def fresh_folder(folder: Path) -> None:
    """An empty folder, whatever closed directories an earlier run left in it."""
    if folder.exists():
        subprocess.run(["chmod", "-R", "u+w", str(folder)], check=True)
        subprocess.run(["rm", "-rf", str(folder)], check=True)
    folder.mkdir(parents=True)


def installed(folder: Path) -> Path:
    """A virtual environment with this envc and its peers, installed as a user would: its bin."""
    binaries = folder / "bin"
    if not binaries.exists():
        subprocess.run([sys.executable, "-m", "venv", str(folder)], check=True)
    pip = [str(binaries / "python"), "-m", "pip", "install", "-q", "--disable-pip-version-check"]
    subprocess.run([*pip, "uv", str(ROOT)], check=True, stderr=subprocess.DEVNULL)
    again = ["--force-reinstall", "--no-deps", str(ROOT)]
    subprocess.run([*pip, *again], check=True, stderr=subprocess.DEVNULL)
    return binaries
