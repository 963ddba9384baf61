"""Progress on stderr: bars on a terminal, a line a task elsewhere."""

import sys
import threading
import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rich.progress import Progress, TaskID

_WORDS = {
    "download": "downloading",
    "ingest": "unpacking",
    "compile": "compiling",
    "link": "linking",
}
_LONG_SECONDS = 1.0


class LineReporter:
    """A line when a task that took a while has ended."""

    def __init__(self, *, quiet: bool) -> None:
        self._quiet = quiet
        self._started: dict[str, tuple[float, str]] = {}
        self._done: dict[str, int] = {}
        self._lock = threading.Lock()

    def start(self, task: str, total: int, unit: str) -> None:  # noqa: ARG002 - the port's form
        """Remember when."""
        self._started[task] = (time.monotonic(), unit)
        self._done[task] = 0

    def advance(self, task: str, amount: int = 1) -> None:
        """Count."""
        with self._lock:
            self._done[task] = self._done.get(task, 0) + amount

    def finish(self, task: str) -> None:
        """Say what was done, if it took a while."""
        started, unit = self._started.pop(task, (time.monotonic(), ""))
        seconds = time.monotonic() - started
        done = self._done.pop(task, 0)
        if done and seconds >= _LONG_SECONDS and not self._quiet:
            amount = f"{done / 1e6:.1f} MB" if unit == "bytes" else f"{done} {unit}"
            sys.stderr.write(f"{_WORDS.get(task, task)}: {amount} in {seconds:.1f} s\n")

    def warn(self, message: str) -> None:
        """A line."""
        sys.stderr.write(f"warning: {message}\n")


class BarReporter:
    """A bar a task, drawn by rich."""

    def __init__(self) -> None:
        self._progress: Progress | None = None
        self._tasks: dict[str, TaskID] = {}
        self._lock = threading.Lock()

    def start(self, task: str, total: int, unit: str) -> None:
        """A new bar; the first one brings rich in."""
        with self._lock:
            if self._progress is None:
                self._progress = _bars()
                self._progress.start()
            words = _WORDS.get(task, task)
            self._tasks[task] = self._progress.add_task(words, total=total or None, unit=unit)

    def advance(self, task: str, amount: int = 1) -> None:
        """So much further."""
        progress, bar = self._progress, self._tasks.get(task)
        if progress is not None and bar is not None:
            progress.advance(bar, amount)

    def finish(self, task: str) -> None:
        """Remove the bar; with the last one, the whole display."""
        with self._lock:
            bar = self._tasks.pop(task, None)
            if self._progress is None or bar is None:
                return
            self._progress.remove_task(bar)
            if not self._tasks:
                self._progress.stop()
                self._progress = None

    def warn(self, message: str) -> None:
        """A line above the bars."""
        if self._progress is not None:
            self._progress.console.print(f"warning: {message}", markup=False, highlight=False)
        else:
            sys.stderr.write(f"warning: {message}\n")


def _bars() -> "Progress":
    from rich.console import Console
    from rich.progress import (
        BarColumn,
        MofNCompleteColumn,
        Progress,
        TextColumn,
        TimeRemainingColumn,
    )

    return Progress(
        TextColumn("{task.description:<12}"),
        BarColumn(bar_width=None),
        MofNCompleteColumn(),
        TextColumn("{task.fields[unit]}"),
        TimeRemainingColumn(compact=True),
        console=Console(stderr=True),
        transient=True,
    )
