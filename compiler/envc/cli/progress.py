"""Progress on stderr: bars on a terminal, a line a task elsewhere."""

import sys
import threading
import time
from collections.abc import Callable
from typing import TYPE_CHECKING

from envc.cli.grammar import Arguments

if TYPE_CHECKING:
    from rich.progress import Progress, TaskID

_WORDS = {
    "build": "building",
    "bundle": "bundling",
    "check": "checking",
    "compile": "compiling",
    "download": "downloading",
    "link": "linking",
    "receive": "unpacking",
    "unpack": "unpacking",
}
LONG_SECONDS = 1.0
# What is over before is not drawn: a bar that flickers tells nothing, and rich takes 0.1 s to come.
_DRAWN_AFTER_SECONDS = 0.3


def reporter_of(arguments: Arguments) -> "LineReporter | BarReporter":
    """Bars on a terminal, lines elsewhere."""
    drawn = sys.stderr.isatty() and not (arguments.no_progress or arguments.quiet)
    return BarReporter() if drawn else LineReporter(quiet=arguments.quiet)


class _Holding:
    """What both have: they know what holds when somebody ends the run; "": nobody has said."""

    def __init__(self) -> None:
        self.said: Callable[[], str] = str

    def holds(self, said: Callable[[], str]) -> None:
        """Say this from now on."""
        self.said = said


class LineReporter(_Holding):
    """A line when a task that took a while has ended."""

    def __init__(self, *, quiet: bool, clock: Callable[[], float] = time.monotonic) -> None:
        super().__init__()
        self._quiet = quiet
        self._clock = clock
        self._started: dict[str, tuple[float, str]] = {}
        self._done: dict[str, int] = {}
        self._lock = threading.Lock()

    def start(self, task: str, total: int, unit: str) -> None:  # noqa: ARG002 - the port's form
        """Remember when."""
        self._started[task] = (self._clock(), unit)
        self._done[task] = 0

    def advance(self, task: str, amount: int = 1) -> None:
        """Count."""
        with self._lock:
            self._done[task] = self._done.get(task, 0) + amount

    def finish(self, task: str) -> None:
        """Say what was done, and how fast, if it took a while."""
        started, unit = self._started.pop(task, (self._clock(), ""))
        seconds = self._clock() - started
        done = self._done.pop(task, 0)
        if done and seconds >= LONG_SECONDS and not self._quiet:
            rate = amount_of(done / seconds, unit)
            words = _WORDS.get(task, task)
            sys.stderr.write(f"{words}: {amount_of(done, unit)} in {seconds:.1f} s ({rate}/s)\n")

    def note(self, message: str) -> None:
        """A line, unless nobody wants to hear."""
        if not self._quiet:
            sys.stderr.write(f"{message}\n")

    def warn(self, message: str) -> None:
        """A line."""
        sys.stderr.write(f"warning: {message}\n")


class BarReporter(_Holding):
    """A bar a task, drawn by rich once the task has taken a while."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        super().__init__()
        self._clock = clock
        self._progress: Progress | None = None
        self._tasks: dict[str, _Bar] = {}
        self._lock = threading.Lock()

    def start(self, task: str, total: int, unit: str) -> None:
        """Remember when."""
        with self._lock:
            self._tasks[task] = _Bar(total, unit, self._clock())

    def advance(self, task: str, amount: int = 1) -> None:
        """So much further; what has taken a while is drawn from now on."""
        with self._lock:
            bar = self._tasks.get(task)
            if bar is None:
                return
            bar.done += amount
            if bar.drawn is None and self._clock() - bar.started < _DRAWN_AFTER_SECONDS:
                return
            if self._progress is None:
                self._progress = _display()
                self._progress.start()
            first = bar.drawn is None
            if bar.drawn is None:
                words = _WORDS.get(task, task)
                bar.drawn = self._progress.add_task(words, total=bar.total or None, amounts="")
            amounts = bar.amounts(self._clock())
            self._progress.update(bar.drawn, completed=bar.done, amounts=amounts, refresh=first)

    def finish(self, task: str) -> None:
        """Remove the bar; with the last one, the whole display."""
        with self._lock:
            bar = self._tasks.pop(task, None)
            if self._progress is None:
                return
            if bar is not None and bar.drawn is not None:
                self._progress.remove_task(bar.drawn)
            if not self._tasks:
                self._progress.stop()
                self._progress = None

    def note(self, message: str) -> None:
        """A line above the bars."""
        if self._progress is not None:
            self._progress.console.print(message, markup=False, highlight=False)
        else:
            sys.stderr.write(f"{message}\n")

    def warn(self, message: str) -> None:
        """A line above the bars."""
        self.note(f"warning: {message}")


class _Bar:
    """A task: how far it is, and what draws it."""

    def __init__(self, total: int, unit: str, started: float) -> None:
        self.total = total
        self.unit = unit
        self.started = started
        self.done = 0
        self.drawn: TaskID | None = None

    def amounts(self, now: float) -> str:
        """How much of how much, and how fast until now."""
        whole = f" of {amount_of(self.total, self.unit)}" if self.total else ""
        rate = amount_of(self.done / max(now - self.started, 0.001), self.unit)
        return f"{amount_of(self.done, self.unit)}{whole}, {rate}/s"


def amount_of(number: float, unit: str) -> str:
    """`12.3 MB`, `1,200 files`: so many of a unit."""
    return f"{number / 1e6:.1f} MB" if unit == "bytes" else f"{number:,.0f} {unit}"


def _display() -> "Progress":
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

    return Progress(
        TextColumn("{task.description:<12}"),
        BarColumn(bar_width=None),
        TextColumn("{task.fields[amounts]}"),
        TimeRemainingColumn(compact=True),
        console=Console(stderr=True),
        transient=True,
    )
