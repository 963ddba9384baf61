"""A folder that answers late, as storage beyond a network does, and what programs take there.

A FUSE server (bindfs) hands every call on to the disk; `slow_storage.c`, preloaded into it, lets
each request wait. The kernel keeps names and attributes for a second, and the contents of files
that have not changed, as the clients of network file systems do; a new mount knows nothing.
"""

import os
import shutil
import subprocess
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

ANSWER_SECONDS = 0.0005
_READY_SECONDS = 30


def is_possible() -> bool:
    """Whether this machine can have such a folder."""
    return all(map(shutil.which, ("bindfs", "fusermount", "cc"))) and Path("/dev/fuse").exists()


@contextmanager
def mounted(source: Path, folder: Path) -> Iterator[None]:
    """The source, shown in the folder, each request answered after `ANSWER_SECONDS`."""
    folder.mkdir(exist_ok=True)
    server = subprocess.Popen(
        ["bindfs", "-f", "-o", "no_splice_read,auto_cache", str(source), str(folder)],
        env={
            **os.environ,
            "LD_PRELOAD": str(_library(source.parent)),
            "ANSWER_MICROSECONDS": str(round(ANSWER_SECONDS * 1_000_000)),
        },
    )
    try:
        end = time.monotonic() + _READY_SECONDS
        while not folder.is_mount():
            if server.poll() is not None or time.monotonic() > end:
                raise SystemExit(f"bindfs shows nothing in {folder}")
            time.sleep(0.01)
        yield
    finally:
        subprocess.run(["fusermount", "-u", "-z", str(folder)], check=True)
        server.wait()


def _library(folder: Path) -> Path:
    made = folder / "slow_storage.so"
    if not made.exists():
        source = Path(__file__).with_suffix(".c")
        subprocess.run(["cc", "-shared", "-fPIC", "-O2", "-o", made, source], check=True)
    return made


def seconds_of(command: Sequence[str | Path], *, processes: int) -> float:
    """From the start of the first of so many processes to the end of the last."""
    start = time.perf_counter()
    running = [subprocess.Popen(list(map(str, command))) for _ in range(processes)]
    statuses = [each.wait() for each in running]
    seconds = time.perf_counter() - start
    if any(statuses):
        raise SystemExit(f"{command[0]} ended with {max(statuses)}")
    return seconds
