"""The `sci` site on sixteen real nodes, by sshd and by slurmd, and how little a delta reads.

Both kinds of daemons serve the same sixteen disks: what ssh has put there, Slurm upgrades. The
disks are folders of one compressed file system: sixteen full trees take 14 GB instead of 25.
"""

import json
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from cluster.daemons import needs
from cluster.slurm_nodes import SlurmNodes, slurm_nodes
from cluster.ssh_nodes import SshNodes, ssh_nodes
from envc.bundle import Bundle
from faults.images import mounted, why_not
from support.real_sites import CACHE, ROOT, envc
from support.sites import PYTHON, envc_process

pytestmark = [pytest.mark.network, pytest.mark.slow, pytest.mark.trial]

NUMBER = 16
ALL = f"n[1-{NUMBER}]"
GIBIBYTE = 1 << 30
ROOM_BYTES = 16 * GIBIBYTE
DISK_BYTES = 48 * GIBIBYTE  # sparse: what is not written takes no room
MOVED = "pandas"
IMPORTS = "import numpy, scipy, pandas; print(pandas.__version__)"
SECONDS = 600
# All nodes share the processors and one disk here: more at once only wait for each other.
FAN_OUT = 4


@dataclass(frozen=True)
class State:
    """A state of the site, and its bundle. `version` is that of the project that moves."""

    folder: Path
    bundle: Path
    version: str


@pytest.fixture(scope="module")
def states(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[State, State]]:
    """Two states of the site between which one project moves, the older first."""
    folder = tmp_path_factory.mktemp("states")
    text = (ROOT / "fixtures/sites/sci/envc.toml").read_text().replace('"3.11"', f'"{PYTHON}"')
    newer = state_of(folder / "newer", text)
    below = text.replace(f'"{MOVED}"', f'"{MOVED}<{newer.version}"')
    older = state_of(folder / "older", below)
    yield older, newer
    for state in (older, newer):
        state.bundle.unlink()


def state_of(folder: Path, spec: str) -> State:
    folder.mkdir()
    (folder / "envc.toml").write_text(spec)
    bundle = folder / "sci.envc"
    locked = envc(folder, "lock", "--json")
    bundled = envc(folder, "bundle", "-o", bundle)
    for answer in (locked, bundled):
        assert answer.status == 0, answer.stderr
    return State(folder, bundle, locked.json["layers"]["user"]["pins"][MOVED])


@contextmanager
def compressed(folder: Path) -> Iterator[None]:
    """The folder on a new disk that compresses; all of it is gone afterwards."""
    reason = why_not("btrfs")
    if reason is not None:
        pytest.skip(f"sixteen full trees need 25 GB without compression: {reason}")
    if shutil.disk_usage(folder.parent).free < ROOM_BYTES:
        pytest.skip(f"there are no {ROOM_BYTES // GIBIBYTE} GB left for sixteen trees")
    image = folder.parent / "image"
    with image.open("wb") as file:
        file.truncate(DISK_BYTES)
    try:
        subprocess.run(["mkfs.btrfs", "-q", image], check=True)
        folder.mkdir()
        with mounted(image, folder, "loop,compress=zstd:1"):
            yield
    finally:
        image.unlink()


def by_ssh(state: State, nodes: SshNodes, shared: Path) -> Any:
    words = ["rollout", "--nodes", ALL, "--target", nodes.target, "--from", state.bundle]
    words += ["--fan-out", FAN_OUT]
    environment = {**nodes.environment, "ENVC_CACHE_DIR": str(CACHE)}
    answer = envc_process(
        *words, "--state", shared, "--json", cwd=state.folder, environment=environment
    )
    assert answer.status == 0, answer.stderr
    return answer.json


def by_slurm(state: State, nodes: SlurmNodes, shared: Path) -> Any:
    words = ["rollout", "--nodes", ALL, "--target", nodes.target, "--from", state.bundle]
    words += ["--fan-out", FAN_OUT]
    done = nodes.run(
        *(sys.executable, "-m", "envc", *words, "--engine", "slurm"),
        *("--state", shared, "--json"),
        cwd=state.folder,
        environment={"ENVC_CACHE_DIR": str(CACHE)},
        seconds=SECONDS,
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def is_done(report: Any) -> bool:
    """Every node was switched, to the same trees."""
    digests = {node["digest"] for node in report["nodes"].values()}
    return report["sets"] == {"switched": ALL} and len(digests) == 1


def had_nothing_to_do(report: Any) -> bool:
    return report["sets"] == {"current": ALL} and not any(
        node["built"] for node in report["nodes"].values()
    )


def test_sci_on_every_node(states: tuple[State, State], tmp_path: Path) -> None:
    needs("sshd", "ssh", "ssh-keygen", "scp", "slurmd", "slurmctld", "srun", "munged", "ip")
    older, newer = states
    shared = tmp_path / "shared"
    with (
        compressed(tmp_path / "disks"),
        ssh_nodes(tmp_path, NUMBER) as ssh,
        slurm_nodes(tmp_path, NUMBER) as slurm,
        ThreadPoolExecutor(4) as pool,
    ):
        report = by_ssh(older, ssh, shared)
        assert is_done(report), report
        command = f"{ssh.target}/user/bin/python -c '{IMPORTS}'"
        said = pool.map(lambda node: ssh.ssh(node, command, seconds=SECONDS), ssh.names)
        assert [each.stdout for each in said] == [f"{older.version}\n"] * NUMBER
        assert had_nothing_to_do(by_ssh(older, ssh, shared))

        report = by_slurm(newer, slurm, shared)
        assert is_done(report), report
        python = slurm.target / "user/bin/python"
        done = slurm.run("srun", "-N", NUMBER, python, "-c", IMPORTS, seconds=SECONDS)
        assert done.stdout == f"{newer.version}\n" * NUMBER, done.stderr
        assert had_nothing_to_do(by_slurm(newer, slurm, shared))


def test_a_delta_reads_little_more_than_the_project_that_moved(
    states: tuple[State, State], tmp_path: Path
) -> None:
    needs("strace")
    older, newer = states
    target, traces = tmp_path / "Canopy", tmp_path / "traces"
    traces.mkdir()
    words = ["materialize", "--offline", "--target", target, "--from"]
    answer = envc(older.folder, *words, older.bundle)
    assert answer.status == 0, answer.stderr
    # A file a thread: lines of one file would be cut where another thread gets in between.
    watched = ["strace", "-ff", "-qq", "-y", "-e", "trace=read,pread64,readv", "-o", traces / "of"]
    command = [sys.executable, "-m", "envc", *words, newer.bundle, "--site", newer.folder]
    subprocess.run([*watched, *command], check=True, capture_output=True)
    with Bundle(str(older.bundle)) as had, Bundle(str(newer.bundle)) as has:
        (moved,) = (
            entry
            for entry in has.index.entries
            if entry.name.startswith("trees/") and had.index.entry(entry.name) is None
        )
    reads = rf"read\w*\(\d+<{re.escape(str(newer.bundle))}>.* = (\d+)$"
    text = "".join(trace.read_text() for trace in traces.iterdir())
    read = sum(map(int, re.findall(reads, text, re.MULTILINE)))
    assert moved.packed_bytes <= read < moved.packed_bytes * 1.02
    # What comes on top does not grow with the project: an index of some 150 trees.
    assert read - moved.packed_bytes < 48_000
