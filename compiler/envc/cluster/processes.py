"""Commands as processes of this machine, so many at once, each with its own time."""

import os
import selectors
import signal
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from contextlib import suppress
from typing import IO

from envc.model.nodes import OUTPUT_BYTES, Commands, Heard, Limits, NodeAnswer, Places

_CHUNK_BYTES = 1 << 16


class LocalEngine:
    """`ports.Engine` for one machine: a node is a process, and its target a folder of its own."""

    name = "local"

    def run(self, commands: Commands, limits: Limits, heard: Heard) -> None:
        """As the port has it."""
        run_processes(commands, limits, heard)

    def copy(self, path: str, places: Places, limits: Limits, heard: Heard) -> None:
        """As the port has it."""
        copies = {node: ["cp", "--", path, place] for node, place in places.items()}
        run_processes(copies, limits, heard)


def run_processes(
    commands: Commands,
    limits: Limits,
    heard: Heard,
    *,
    read: Callable[[NodeAnswer], NodeAnswer] = lambda answer: answer,
) -> None:
    """Run each node's command here; `read` may understand an answer better before it is heard."""
    pool = ThreadPoolExecutor(max(1, min(limits.fan_out, len(commands))))
    try:
        futures = [
            pool.submit(_run, node, command, limits.timeout_seconds)
            for node, command in commands.items()
        ]
        for future in as_completed(futures):
            heard(read(future.result()))
    finally:
        pool.shutdown(cancel_futures=True)


def _run(node: str, command: Sequence[str], timeout_seconds: float) -> NodeAnswer:
    output, trouble = Said(), Said()
    is_late = False
    try:
        # In a session of its own: the whole of it is ended when it takes too long.
        with subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            start_new_session=True,
        ) as process:
            pipes = {process.stdout: output, process.stderr: trouble}
            try:
                _hear_out(process, pipes, time.monotonic() + timeout_seconds)
            except subprocess.TimeoutExpired:
                is_late = True
                with suppress(ProcessLookupError):
                    os.killpg(process.pid, signal.SIGKILL)
    except FileNotFoundError as error:  # as a shell has it
        return NodeAnswer(node=node, outcome="ended", status=127, trouble=str(error))
    except OSError as error:
        return NodeAnswer(node=node, outcome="unreachable", trouble=str(error))
    return NodeAnswer(
        node=node,
        outcome="late" if is_late else "ended",
        status=None if is_late else process.returncode,
        output=str(output),
        trouble=str(trouble),
    )


class Said:
    """The end of what a command writes; what is written before it is forgotten."""

    def __init__(self) -> None:
        self._bytes = bytearray()

    def add(self, more: bytes) -> None:
        """It goes on."""
        self._bytes += more
        if len(self._bytes) > 2 * OUTPUT_BYTES:
            del self._bytes[:-OUTPUT_BYTES]

    def __str__(self) -> str:
        return self._bytes[-OUTPUT_BYTES:].decode(errors="replace")


def _hear_out(
    process: "subprocess.Popen[bytes]", pipes: Mapping[IO[bytes] | None, Said], until: float
) -> None:
    """Read to the end of both; subprocess.TimeoutExpired where that does not come in time."""
    with selectors.DefaultSelector() as selector:
        for pipe, said in pipes.items():
            if pipe is not None:
                selector.register(pipe, selectors.EVENT_READ, said)
        while selector.get_map():
            left = until - time.monotonic()
            if left <= 0:
                raise subprocess.TimeoutExpired(process.args, 0)
            for key, _ in selector.select(left):
                more = os.read(key.fd, _CHUNK_BYTES)
                key.data.add(more)
                if not more:
                    selector.unregister(key.fileobj)
    process.wait(max(0, until - time.monotonic()))
