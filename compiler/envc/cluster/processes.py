"""Commands as processes of this machine, so many at once, each with its own time."""

import os
import signal
import subprocess
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from contextlib import suppress

from envc.model.nodes import Commands, Heard, Limits, NodeAnswer, Places


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
    try:
        # In a session of its own: the whole of it is ended when it takes too long.
        with subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            errors="replace",
            start_new_session=True,
        ) as process:
            try:
                output, trouble = process.communicate(timeout=timeout_seconds)
            except subprocess.TimeoutExpired:
                with suppress(ProcessLookupError):
                    os.killpg(process.pid, signal.SIGKILL)
                output, trouble = process.communicate()
                return NodeAnswer(node=node, outcome="late", output=output, trouble=trouble)
    except FileNotFoundError as error:  # as a shell has it
        return NodeAnswer(node=node, outcome="ended", status=127, trouble=str(error))
    except OSError as error:
        return NodeAnswer(node=node, outcome="unreachable", trouble=str(error))
    return NodeAnswer(
        node=node, outcome="ended", status=process.returncode, output=output, trouble=trouble
    )
