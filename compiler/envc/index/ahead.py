"""Questions asked ahead of need: threads find the answers, each of which is kept for the run."""

from collections.abc import Callable, Hashable, Iterable
from contextlib import suppress
from typing import TYPE_CHECKING, Generic, TypeVar

from envc.errors import EnvcError

if TYPE_CHECKING:
    from concurrent.futures import Future, ThreadPoolExecutor

WORKERS = 12

Question = TypeVar("Question", bound=Hashable)
Reply = TypeVar("Reply")


class Workers:
    """Threads, started when the first question needs them."""

    def __init__(self) -> None:
        self._pool: ThreadPoolExecutor | None = None

    def submit(self, ask: Callable[[Question], Reply], question: Question) -> "Future[Reply]":
        """The reply that a thread will have."""
        if self._pool is None:
            from concurrent.futures import ThreadPoolExecutor

            self._pool = ThreadPoolExecutor(WORKERS, thread_name_prefix="envc-index")
        return self._pool.submit(ask, question)

    def close(self) -> None:
        """Drop what has not begun, and wait for what has."""
        if self._pool is not None:
            self._pool.shutdown(cancel_futures=True)
            self._pool = None


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
            if question in self._replies or question in self._futures:
                continue
            with suppress(EnvcError):
                reply = self._recall(question)
                if reply is None:
                    self._futures[question] = self._workers.submit(self._ask, question)
                else:
                    self._replies[question] = reply

    def get(self, question: Question) -> Reply:
        """The reply, waited for if need be. Raises what `ask` raised."""
        if question in self._replies:
            return self._replies[question]
        future = self._futures.get(question)
        if future is not None:
            reply = future.result()
        else:
            recalled = self._recall(question)
            reply = self._ask(question) if recalled is None else recalled
        self._replies[question] = reply
        return reply
