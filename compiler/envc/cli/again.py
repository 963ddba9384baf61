"""A call that was answered before is answered the same, while all that it looked at is as it was.

    CACHE/answers-v1/<slot of a call>     the call, what was said, what is started, the sights

It is for calls that people and jobs repeat by the thousand. An answer is taken from a file of the
user's own alone, and for the very same call: words, folder, node, user, interpreter.
"""

import os
import sys
import time

from envc.disk.cache_place import default_cache
from envc.disk.sights import Sights, look

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping, Sequence
    from typing import Any

    # A program to become: its words, and the variables that are set and dropped for it.
    Started = tuple[Sequence[str], Mapping[str, str], Sequence[str]]

_FOLDER = "answers-v1"
_BEGAN_NS = time.time_ns()
# What took longer did something, or tells how long it took.
_LONGEST_NS = 1_000_000_000
_SLOTS = 2**127 - 1
_END = "end"


def again(words: "Sequence[str]", carriers: "Mapping[str, str | None]") -> int | None:
    """Answer as before; the exit status. None: nobody has asked so, or something has changed.

    Where the answer was to start a program, this process becomes that program.
    """
    try:
        call = _call(words, carriers)
        fields = _read(_slot(call)).split("\0")
        if fields[0] != call or fields[-1] != _END:
            return None
        return _answer(iter(fields[1:-1]))
    except (OSError, ValueError, StopIteration):
        return None


def _answer(fields: "Iterator[str]") -> int | None:
    status, until = int(next(fields)), float(next(fields))
    if time.time() >= until:
        return None
    said = list(_pairs(fields))
    command = [next(fields) for _ in range(int(next(fields)))]
    changed = dict(_pairs(fields))
    dropped = {next(fields) for _ in range(int(next(fields)))}
    for kind in fields:
        if look(kind, next(fields)) != next(fields):
            return None
    if command and not _is_found(command[0], changed["PATH"]):
        return None  # the long way says so
    for stream, text in said:
        (sys.stdout if stream == "out" else sys.stderr).write(text)
    if command:
        replace_process(command, changed, dropped)
    return status


def replace_process(
    command: "Sequence[str]", variables: "Mapping[str, str]", dropped: "Collection[str]"
) -> None:
    """Become a program, in this environment but for what differs.

    Raises:
        OSError: it is not found, or cannot be run.
    """
    sys.stdout.flush()  # what is still buffered would be lost with this process
    sys.stderr.flush()
    environment = {k: v for k, v in os.environ.items() if k not in dropped} | dict(variables)
    os.execvpe(command[0], list(command), environment)


def _pairs(fields: "Iterator[str]") -> "Iterator[tuple[str, str]]":
    for _ in range(int(next(fields))):
        yield next(fields), next(fields)


def _is_found(command: str, path: str) -> bool:
    folders = [""] if "/" in command else [f"{folder}/" for folder in path.split(":")]
    return any(os.access(f"{folder}{command}", os.X_OK) for folder in folders)


def _call(words: "Sequence[str]", carriers: "Mapping[str, str | None]") -> str:
    """Everything that makes two calls the same."""
    carried = [item for item in carriers.items() if item[1] is not None]
    told = (sys.stdout.isatty(), sys.stderr.isatty())
    person = (os.geteuid(), os.getegid(), os.getgroups(), os.uname().nodename)
    python = (sys.executable, sys.version)
    return repr((*words, os.getcwd(), *carried, told, person, python))


def _slot(call: str) -> str:
    number = int.from_bytes(call.encode(errors="surrogateescape"), "big") % _SLOTS
    return f"{_FOLDER}/{number:032x}"


def _read(slot: str) -> str:
    """A kept answer.

    Raises:
        OSError: there is none of the user's own.
    """
    flags = os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK | os.O_NOFOLLOW
    descriptor = os.open(f"{default_cache()}/{slot}", flags)
    with open(descriptor, encoding="utf-8", errors="surrogateescape", newline="") as file:
        status = os.fstat(descriptor)
        if status.st_uid != os.geteuid() or status.st_mode & 0o022:
            raise PermissionError
        return file.read()


def recording_of(
    words: "Sequence[str]", carriers: "Mapping[str, str | None]"
) -> "Recording | None":
    """A recording of this call's answer; None: it has no folder, and so no name."""
    try:
        return Recording(_call(words, carriers))
    except FileNotFoundError:  # the folder that the caller stands in is gone
        return None


class Recording:
    """The answer of the run that goes on, as it is said, and the sights that it rests on."""

    def __init__(self, call: str) -> None:
        self._call = call
        self._sights = Sights(default_cache(), _BEGAN_NS)
        self._said: list[tuple[str, str]] = []

    def begin(self) -> None:
        """Hear what is said, and note what is looked at."""
        sys.stdout = _Heard(sys.stdout, "out", self._said)
        sys.stderr = _Heard(sys.stderr, "err", self._said)
        self._sights.watch()

    def keep(self, status: int, launch: "Started | None") -> None:
        """Keep the answer, where it would do for the same call."""
        sights, cache = self._sights.found(), default_cache()
        if sights is None or time.time_ns() - _BEGAN_NS > _LONGEST_NS:
            return
        command, changed, dropped = launch or ((), {}, ())
        fields = [
            self._call,
            str(status),
            str(self._sights.until),
            *_counted([each for pair in self._said for each in pair], 2),
            *_counted(command),
            *_counted([each for pair in changed.items() for each in pair], 2),
            *_counted(dropped),
            *(text for (kind, name), seen in sights.items() for text in (kind, name, seen)),
            _END,
        ]
        text = "\0".join(fields)
        is_drawn = any("\x1b" in said or "\r" in said for _, said in self._said)
        if text.count("\0") == len(fields) - 1 and not is_drawn:
            from envc.disk.cache import Cache
            from envc.disk.ownership import exposure

            if exposure(cache) is not None:
                return
            content = text.encode(errors="surrogateescape")
            Cache(cache).write(_slot(self._call), content)


def _counted(texts: "Sequence[str]", each: int = 1) -> list[str]:
    return [str(len(texts) // each), *texts]


class _Heard:
    """A stream, and what was written to it."""

    def __init__(self, stream: "Any", name: str, said: list[tuple[str, str]]) -> None:
        self._stream = stream
        self._name = name
        self._said = said

    def write(self, text: str) -> int:
        """Write a text."""
        self._said.append((self._name, text))
        written: int = self._stream.write(text)
        return written

    def writelines(self, texts: "Any") -> None:
        """Write texts."""
        for text in texts:
            self.write(text)

    def __getattr__(self, name: str) -> "Any":
        return getattr(self._stream, name)
