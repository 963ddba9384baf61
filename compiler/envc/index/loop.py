"""One event loop in a thread of its own: threads without a loop start coroutines there.

Whatever HTTP/2 streams of one connection share is touched by that thread alone. asyncio is
imported for the first coroutine: a run that the cache satisfies has none.
"""

import threading
from collections.abc import Awaitable, Callable, Coroutine
from typing import TYPE_CHECKING, Any, TypeVar

from envc.errors import OutsideError

if TYPE_CHECKING:
    import asyncio
    from concurrent.futures import Future

Reply = TypeVar("Reply")


class Loop:
    """Runs coroutines for any thread; its own thread begins with the first of them."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._thread: threading.Thread | None = None
        self._worker: asyncio.Lock | None = None
        self._closed = False

    def start(self, work: Coroutine[Any, Any, Reply]) -> "Future[Reply]":
        """The reply that will come.

        Raises:
            OutsideError: the loop was closed.
        """
        import asyncio

        with self._lock:
            if self._closed:
                work.close()
                raise _ended()
            if self._loop is None:
                self._loop = asyncio.new_event_loop()
                self._thread = threading.Thread(
                    target=self._loop.run_forever, name="envc-index", daemon=True
                )
                self._thread.start()
            return asyncio.run_coroutine_threadsafe(work, self._loop)

    def run(self, work: Coroutine[Any, Any, Reply]) -> Reply:
        """The reply, waited for. Raises what `work` raises, and as `wait` and `start`."""
        return wait(self.start(work))

    async def in_worker(self, work: Callable[[], Reply]) -> Reply:
        """What `work` returns; a thread does it, so that the loop goes on.

        One at a time: several would only take the interpreter from each other, and from the loop.
        """
        import asyncio

        if self._worker is None:
            self._worker = asyncio.Lock()
        async with self._worker:
            return await asyncio.to_thread(work)

    def close(self, last: Callable[[], Awaitable[None]]) -> None:
        """Cancel what still runs, at once, and end the thread; `last` runs in it after the rest."""
        with self._lock:
            self._closed = True
            loop, thread = self._loop, self._thread
            self._loop = self._thread = None
        if loop is None or thread is None:
            return
        import asyncio

        asyncio.run_coroutine_threadsafe(_end(last), loop).result()
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        loop.close()


def wait(future: "Future[Reply]") -> Reply:
    """The reply of something started. Raises what it raised.

    Raises:
        OutsideError: the loop was closed before the reply came.
    """
    from concurrent.futures import CancelledError

    try:
        return future.result()
    except CancelledError:
        raise _ended() from None


async def _end(last: Callable[[], Awaitable[None]]) -> None:
    import asyncio

    tasks = asyncio.all_tasks() - {asyncio.current_task()}
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
    await last()
    await asyncio.get_running_loop().shutdown_asyncgens()


def _ended() -> OutsideError:
    return OutsideError("the run ended before the answer was there", mend="run the command again")
