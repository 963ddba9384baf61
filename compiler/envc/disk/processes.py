"""Works shared out between this process and forks of it: each takes the next one when it is ready.

For work that is mostly the kernel's, on many small files: threads of one interpreter wait for each
other there (measured: two threads that unpack trees take twice the processor time of one).
"""

import json
import os
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from itertools import takewhile
from typing import Any, TypeVar

from envc.errors import InternalError, OutsideError

Work = TypeVar("Work")
# What becomes JSON.
Answer = TypeVar("Answer")

# A pipe holds as many numbers of so many bytes, whatever the system.
_NUMBER_BYTES = 4
_NUMBERS = 65_536 // _NUMBER_BYTES


Share = Callable[[Iterator[Work]], Answer]


def share_out(
    works: Sequence[Work],
    *,
    here: Share[Work, Answer],
    in_forks: Share[Work, Answer],
    most: int,
) -> list[Answer]:
    """Carry out all works in `most` processes at most; the answer of each, this process's first.

    Each is given works until none is left. A fork has this process's memory as it is now and the
    files that are open; its answer becomes JSON on its way. Where there are threads already nothing
    is forked, since fork and threads do not mix.

    Raises:
        OutsideError: a fork was killed.
        BaseException: whatever was raised, here or in a fork; no further work was begun.
    """
    others = min(most, len(os.sched_getaffinity(0)), len(works)) - 1
    if others < 1 or threading.active_count() > 1 or len(works) > _NUMBERS:
        return [here(iter(works))]
    numbers = _pipe_of_numbers(len(works))
    forks = [_fork(works, numbers, in_forks) for _ in range(others)]
    try:
        answers = [here(_taken(works, numbers))]
    except BaseException:
        for _ in _taken(works, numbers):
            pass
        raise
    finally:
        os.close(numbers)
        told = [_wait(*fork) for fork in forks]
    return answers + [_understood(text) for text in told]


def _pipe_of_numbers(count: int) -> int:
    """A pipe from which every process reads the number of the work that it takes."""
    reader, writer = os.pipe()
    with os.fdopen(writer, "wb") as file:
        file.write(b"".join(number.to_bytes(_NUMBER_BYTES, "big") for number in range(count)))
    return reader


def _taken(works: Sequence[Work], numbers: int) -> Iterator[Work]:
    while number := os.read(numbers, _NUMBER_BYTES):
        yield works[int.from_bytes(number, "big")]


def _fork(works: Sequence[Work], numbers: int, do: Share[Work, Answer]) -> tuple[int, int]:
    """A process that does its share; its number, and where its answer is to be read.

    It begins no further work when this process is gone.
    """
    reader, writer = os.pipe()
    parent = os.getpid()
    process = os.fork()
    if process:
        os.close(writer)
        return process, reader
    os.close(reader)
    try:
        taken = takewhile(lambda _: os.getppid() == parent, _taken(works, numbers))
        text = b"J" + json.dumps(do(taken)).encode()
    except BaseException as error:  # noqa: BLE001 - the process that forked raises it again
        text = _as_bytes(error)
        for _ in _taken(works, numbers):  # so that nobody begins another
            pass
    with suppress(BrokenPipeError), os.fdopen(writer, "wb") as file:
        file.write(text)
    os._exit(0)


def _as_bytes(error: BaseException) -> bytes:
    import pickle  # few runs fail

    try:
        return b"P" + pickle.dumps(error)
    except Exception:  # noqa: BLE001 - whatever a value in it says to being pickled
        return b"P" + pickle.dumps(InternalError(f"a forked process failed: {error!r}"))


def _wait(process: int, reader: int) -> bytes:
    with os.fdopen(reader, "rb") as file:
        text = file.read()
    os.waitpid(process, 0)
    return text


def _understood(text: bytes) -> Any:
    """The answer of a fork; its error is raised."""
    if text.startswith(b"J"):
        return json.loads(text[1:])
    if not text:
        raise OutsideError(
            "a process of this run was killed", mend="run the command again; nothing was switched"
        )
    import pickle

    raise pickle.loads(text[1:])  # noqa: S301 - it comes from our own fork
