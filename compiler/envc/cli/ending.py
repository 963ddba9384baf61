"""Ctrl-C, and SIGTERM: the run ends within a second, whatever it is at, and says what holds.

1. The programs that it has started are ended, with their groups: who waits for them waits no more.
2. `KeyboardInterrupt` unwinds the run: what is private is removed. Where Python passes it over (in
   what runs when an object goes), it is raised again.
3. What takes too long for that (a server that does not answer, a thread in the middle of a large
   wheel) is left: what envc writes survives a kill at any instant, and the next run removes it.
"""

import _thread
import os
import signal
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from typing import Any, NoReturn

# After so long programs that were asked to end are killed; after as long again, so is this one.
_PATIENCE_SECONDS = 0.4


class Ending:
    """The end of a run before its end; `say` tells what holds.

    A thread watches: no handler runs while the first thread is in a call that no signal reaches,
    such as the look-up of a server's name, or where a signal reached another thread.
    """

    def __init__(self, say: Callable[[], object]) -> None:
        self._say = say
        self._process = os.getpid()
        self._number = int(signal.SIGINT)
        self._is_said = False
        self._is_lost = _thread.allocate_lock()  # free: it was raised where Python passes it over
        self._is_lost.acquire()
        self.is_heard = False

    @property
    def status(self) -> int:
        """The exit status, as a shell has it."""
        return 128 + self._number

    def listen(self) -> None:
        """Hear of signals, but of those that are to be ignored: nohup, and jobs of scripts."""
        reader, writer = os.pipe()
        os.set_blocking(writer, False)
        signal.set_wakeup_fd(writer, warn_on_full_buffer=False)
        os.register_at_fork(after_in_child=lambda: signal.set_wakeup_fd(-1))
        for number in (signal.SIGINT, signal.SIGTERM):
            if signal.getsignal(number) is not signal.SIG_IGN:
                signal.signal(number, self._hear)
        sys.unraisablehook = self._pass_over
        _thread.start_new_thread(self._watch, (reader,))

    def said(self) -> int:
        """Say once what holds; the exit status."""
        if not self._is_said:
            self._is_said = True
            self._say()
        return self.status

    def _hear(self, number: int, _frame: Any) -> None:
        if os.getpid() != self._process:  # a fork ends as any process does
            signal.signal(number, signal.SIG_DFL)
            os.kill(os.getpid(), number)
        self._number, self.is_heard = number, True
        raise KeyboardInterrupt

    def _pass_over(self, what: "sys.UnraisableHookArgs") -> None:
        if what.exc_type is not KeyboardInterrupt:
            sys.__unraisablehook__(what)
        elif self._is_lost.locked():
            self._is_lost.release()

    def _watch(self, reader: int) -> None:
        (self._number,) = os.read(reader, 1)
        self.is_heard = True
        _end_children(signal.SIGTERM)
        self._wait()
        _end_children(signal.SIGKILL)
        self._wait()
        self._end()

    def _wait(self) -> None:
        until = time.monotonic() + _PATIENCE_SECONDS
        while (left := until - time.monotonic()) > 0:
            if self._is_lost.acquire(timeout=left):
                _thread.interrupt_main(signal.Signals(self._number))

    def _end(self) -> NoReturn:
        with suppress(OSError):
            if sys.stderr.isatty():
                sys.stderr.write("\x1b[?25h")  # a bar may have hidden the cursor
            self.said()
            sys.stdout.flush()
        os._exit(self.status)


def _end_children(number: signal.Signals) -> None:
    """Send a signal to all processes that this one has started, and to their groups."""
    for child in _children():
        with suppress(ProcessLookupError, PermissionError):
            leads = os.getpgid(child) == child
            (os.killpg if leads else os.kill)(child, number)


def _children() -> Iterator[int]:
    """The processes that threads of this one have started. Source: proc_pid_task(5)"""
    for thread in os.listdir("/proc/self/task"):
        with (
            suppress(OSError),
            open(f"/proc/self/task/{thread}/children", encoding="ascii") as file,
        ):
            yield from map(int, file.read().split())
