"""Progress on stderr: bars on a terminal, a line a task elsewhere."""

import sys
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from typing import TYPE_CHECKING

from envc.cli.grammar import Arguments
from envc.cli.output import harmless_lines

if TYPE_CHECKING:
    from rich.progress import Progress, TaskID

_WORDS = {
    "build": "building",
    "bundle": "bundling",
    "check": "checking",
    "compile": "compiling",
    "download": "downloading",
    "explain": "explaining",
    "link": "linking",
    "receive": "unpacking",
    "unpack": "unpacking",
}
_LONG_SECONDS = 1.0
# What is over before is not drawn: a bar that flickers tells nothing, and rich takes 0.1 s to come.
_DRAWN_AFTER_SECONDS = 0.3


def reporter_of(arguments: Arguments) -> "LineReporter":
    """Bars on a terminal, lines elsewhere."""
    drawn = sys.stderr.isatty() and not (arguments.no_progress or arguments.quiet)
    return BarReporter() if drawn else LineReporter(quiet=arguments.quiet)


class LineReporter:
    """A line when a task that took a while has ended.

    `said` is what holds when somebody ends the run; "": nobody has told. `known` is the report of
    what is known by then.
    """

    def __init__(self, *, quiet: bool = False, clock: Callable[[], float] = time.monotonic) -> None:
        self._quiet = quiet
        self._clock = clock
        self._tasks: dict[str, _Task] = {}
        self._lock = threading.Lock()
        self.said: Callable[[], str] = str
        self.known: Callable[[], object] | None = None

    def start(self, task: str, total: int, unit: str) -> None:
        """Remember when."""
        with self._lock:
            self._tasks[task] = _Task(_WORDS.get(task, task), total, unit, self._clock())

    def advance(self, task: str, amount: int = 1) -> None:
        """So much further."""
        with self._lock:
            known = self._tasks.get(task)
            if known is not None:
                known.done += amount
                self._show(known, self._clock())

    def finish(self, task: str) -> None:
        """It has ended."""
        with self._lock:
            known = self._tasks.pop(task, None)
            if known is not None:
                self._hide(known, self._clock())

    def note(self, message: str) -> None:
        """A line, unless nobody wants to hear."""
        if not self._quiet:
            _tell(harmless_lines(message))

    def warn(self, message: str) -> None:
        """A line."""
        _tell(f"warning: {harmless_lines(message)}")

    def holds(self, said: Callable[[], str], known: Callable[[], object] | None = None) -> None:
        """Say this from now on."""
        self.said, self.known = said, known

    def _show(self, task: "_Task", now: float) -> None:
        """Nothing: a line comes at the end."""

    def _hide(self, task: "_Task", now: float) -> None:
        """Say what was done, and how fast, if it took a while."""
        if task.done and now - task.started >= _LONG_SECONDS:
            rate = task.rate(now)
            done = amount_of(task.done, task.unit)
            self.note(f"{task.words}: {done} in {now - task.started:.1f} s ({rate})")


def _tell(text: str) -> None:
    with suppress(OSError):  # nobody can be told
        sys.stderr.write(f"{text}\n")


class BarReporter(LineReporter):
    """A bar a task, drawn by rich once the task has taken a while."""

    _progress: "Progress | None" = None

    def _show(self, task: "_Task", now: float) -> None:
        if task.bar is None and now - task.started < _DRAWN_AFTER_SECONDS:
            return
        if self._progress is None:
            self._progress = _display()
            self._progress.start()
        is_new = task.bar is None
        if task.bar is None:
            task.bar = self._progress.add_task(task.words, total=task.total or None, amounts="")
        whole = f" of {amount_of(task.total, task.unit)}" if task.total else ""
        amounts = f"{amount_of(task.done, task.unit)}{whole}, {task.rate(now)}"
        self._progress.update(task.bar, completed=task.done, amounts=amounts, refresh=is_new)

    def _hide(self, task: "_Task", now: float) -> None:  # noqa: ARG002 - the base's form
        """Remove the bar; with the last one, the whole display."""
        if self._progress is None:
            return
        if task.bar is not None:
            self._progress.remove_task(task.bar)
        if not self._tasks:
            self._progress.stop()
            self._progress = None

    def note(self, message: str) -> None:
        """A line above the bars."""
        if self._progress is not None:
            self._progress.console.print(harmless_lines(message), markup=False, highlight=False)
        else:
            super().note(message)

    def warn(self, message: str) -> None:
        """A line above the bars."""
        self.note(f"warning: {message}")


class _Task:
    """A task: how far it is, and the bar that shows it."""

    def __init__(self, words: str, total: int, unit: str, started: float) -> None:
        self.words = words
        self.total = total
        self.unit = unit
        self.started = started
        self.done = 0
        self.bar: TaskID | None = None

    def rate(self, now: float) -> str:
        """How fast until now."""
        return f"{amount_of(self.done / max(now - self.started, 0.001), self.unit)}/s"


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
