"""Questions asked ahead of need: threads find the answers, each of which is kept for the run."""

import threading
from collections.abc import Callable, Hashable, Iterable
from contextlib import suppress
from functools import partial
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from envc.errors import EnvcError, OutsideError, TimeIsUpError

if TYPE_CHECKING:
    from concurrent.futures import Future
    from queue import SimpleQueue

WORKERS = 12
_M_ARENA_MAX = -8  # of glibc's malloc.h

Question = TypeVar("Question", bound=Hashable)
Reply = TypeVar("Reply")


class Workers:
    """Threads, started when questions need them; any thread may submit.

    They are daemons, not an executor's threads: whoever gives up, for an error or by Ctrl-C, waits
    for no server, and neither does the interpreter when it ends.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._tasks: SimpleQueue[Callable[[], None] | None] | None = None
        self._pending: set[Future[Any]] = set()
        self._threads: list[threading.Thread] = []
        self._working = 0
        self._last: Callable[[], None] = _nothing
        self.closed = False

    def submit(self, ask: Callable[[Question], Reply], question: Question) -> "Future[Reply]":
        """The reply that a thread will have; OutsideError when `close` came before it.

        Raises:
            OutsideError: `close` was called already.
        """
        from concurrent.futures import Future  # a warm run asks no threads
        from queue import SimpleQueue

        future: Future[Reply] = Future()
        with self._lock:
            if self.closed:
                raise ended()
            if self._tasks is None:
                _share_memory()
                self._tasks = SimpleQueue()
            tasks = self._tasks
            self._pending.add(future)
            if self._working < WORKERS:
                self._working += 1
                thread = threading.Thread(
                    target=self._work, args=(tasks,), name="envc-index", daemon=True
                )
                self._threads.append(thread)
                thread.start()
        tasks.put(partial(self._answer, future, ask, question))
        return future

    def close(self, last: Callable[[], None]) -> None:
        """Give up, at once, what has no reply yet; `last` runs when no thread works any more."""
        with self._lock:
            if self.closed:
                return
            self.closed = True
            given_up, self._pending = self._pending, set()
            for future in given_up:
                future.set_exception(ended())
            if self._threads:
                self._last = last
        if self._tasks is not None:
            for _ in self._threads:
                self._tasks.put(None)
        if not self._threads:
            last()
        elif not given_up:
            for thread in self._threads:
                thread.join()

    def _work(self, tasks: "SimpleQueue[Callable[[], None] | None]") -> None:
        while (task := tasks.get()) is not None:
            task()
        with self._lock:
            self._working -= 1
            is_last = not self._working
        if is_last:
            self._last()

    def _answer(
        self, future: "Future[Reply]", ask: Callable[[Question], Reply], question: Question
    ) -> None:
        if self.closed:
            return
        settle: Callable[[], None]
        try:
            settle = partial(future.set_result, ask(question))
        except BaseException as error:  # noqa: BLE001 - it belongs to whoever waits
            settle = partial(future.set_exception, error)
        with self._lock:
            if future in self._pending:
                self._pending.remove(future)
                settle()


class Ahead(Generic[Question, Reply]):
    """Replies by question. One thread asks; `ask` runs in any.

    `recall` answers from what is at hand, None when that does not do; `ask` may take its time
    and may raise.
    """

    def __init__(
        self,
        workers: Workers,
        *,
        recall: Callable[[Question], Reply | None],
        ask: Callable[[Question], Reply],
    ) -> None:
        self._workers = workers
        self._recall = recall
        self._ask = ask
        self._replies: dict[Question, Reply] = {}
        self._futures: dict[Question, Future[Reply]] = {}

    def prefetch(self, questions: Iterable[Question]) -> None:
        """Start on the questions that are new; errors wait until somebody wants the reply."""
        for question in questions:
            if question not in self._replies and question not in self._futures:
                self._start(question)

    def _start(self, question: Question) -> None:
        try:
            reply = self._recall(question)
            if reply is None:
                self._futures[question] = self._workers.submit(self._ask, question)
                return
        except EnvcError:
            return
        self._replies[question] = reply

    def get(self, question: Question, seconds: float | None = None) -> Reply:
        """The reply, waited for if need be, for so long. Raises what `ask` raised.

        Raises:
            TimeIsUpError: it was not there by then.
        """
        if question in self._replies:
            return self._replies[question]
        if seconds is not None:
            return self._get_within(question, seconds)
        future = self._futures.get(question)
        if future is not None:
            reply = future.result()
        else:
            recalled = self._recall(question)
            reply = self._ask(question) if recalled is None else recalled
        self._replies[question] = reply
        return reply

    @property
    def is_far(self) -> bool:
        """Whether a thread was asked anything."""
        return bool(self._futures)

    def arrived(self, question: Question) -> Reply | None:
        """The reply that a thread has found; None: none has yet, or none had to."""
        future = self._futures.get(question)
        has_reply = future is not None and future.done() and future.exception() is None
        return future.result() if future is not None and has_reply else None

    def _get_within(self, question: Question, seconds: float) -> Reply:
        self.prefetch([question])
        future = self._futures.get(question)
        if future is None:
            return self.get(question)
        try:
            return self._replies.setdefault(question, future.result(max(seconds, 0)))
        except TimeoutError:
            raise TimeIsUpError("the answer was not there in time") from None


def _share_memory() -> None:
    """Have threads take memory from one place: glibc gives each its own, and all keep what is free.

    A dozen that read pages kept 40 MB so. Where there is another C library, nothing is to be done.
    """
    with suppress(ImportError, OSError, AttributeError):
        import ctypes

        ctypes.CDLL(None).mallopt(_M_ARENA_MAX, 1)


def ended() -> OutsideError:
    """The error of whoever waits for what was given up."""
    return OutsideError("the run ended before the answer was there", mend="run the command again")


def _nothing() -> None:
    """No thread, nothing to do after it."""
