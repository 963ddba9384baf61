"""Questions asked ahead of need: the loop finds the answers, each of which is kept for the run."""

from collections.abc import Callable, Coroutine, Hashable, Iterable
from contextlib import suppress
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from envc.errors import EnvcError
from envc.index.loop import Loop, wait

if TYPE_CHECKING:
    from concurrent.futures import Future

Question = TypeVar("Question", bound=Hashable)
Reply = TypeVar("Reply")


class Ahead(Generic[Question, Reply]):
    """Replies by question, for one thread.

    `recall` answers from what is at hand, None when that does not do; `ask` runs in the loop, may
    take its time and may raise.
    """

    def __init__(
        self,
        loop: Loop,
        *,
        recall: Callable[[Question], Reply | None],
        ask: Callable[[Question], Coroutine[Any, Any, Reply]],
    ) -> None:
        self._loop = loop
        self._recall = recall
        self._ask = ask
        self._replies: dict[Question, Reply] = {}
        self._futures: dict[Question, Future[Reply]] = {}

    def prefetch(self, questions: Iterable[Question]) -> None:
        """Start on the questions that are new; errors wait until somebody wants the reply."""
        for question in questions:
            with suppress(EnvcError):
                self._begin(question)

    def get(self, question: Question) -> Reply:
        """The reply, waited for if need be. Raises what `recall` or `ask` raised."""
        self._begin(question)
        if question not in self._replies:
            self._replies[question] = wait(self._futures[question])
        return self._replies[question]

    def _begin(self, question: Question) -> None:
        """Have the reply, or a future of it."""
        if question in self._replies or question in self._futures:
            return
        reply = self._recall(question)
        if reply is None:
            self._futures[question] = self._loop.start(self._ask(question))
        else:
            self._replies[question] = reply
