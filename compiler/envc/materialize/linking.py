"""The files of stored trees, linked (or copied) into the trees of a generation by two processes.

Measured on ext4: Python makes over 200,000 links a second; two processes make 1.7 times as many
as one, two threads do not. So the stored trees are shared out between this process and a forked
one (only while this process has a single thread: fork and threads do not mix). Each tree brings
the directories that nothing else needs, so neither waits for the other; they get their time when
they are full. Paths are looked up from
two open directories, not from the root: a tenth less time.
"""

import errno
import json
import os
import stat
import threading
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, NamedTuple

from envc.disk.durable import syncing
from envc.errors import InternalError, OutsideError
from envc.model.manifest import PUBLISHED_MTIME_SECONDS
from envc.model.plan import LinkTree
from envc.ports import Reporter, SilentReporter

# A stored tree's folder, the folder of the tree to build, and what to link into it.
Work = tuple[bytes, bytes, LinkTree]
_Numbered = tuple[int, Work]

_FORK_FROM = 2_000
# What making a directory costs, in links.
_DIRECTORY_COST = 4
# From here on the disk takes what is linked already, and the last flush has little left to do.
_SYNC_AT = 0.65
_DIRECTORY = os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC
_PUBLISHED = (PUBLISHED_MTIME_SECONDS, PUBLISHED_MTIME_SECONDS)


class Built(NamedTuple):
    """How many files were hard-linked, and how many are copies of their own."""

    linked: int
    copied: int


def link_all(trees: Sequence[Sequence[Work]], *, copy: bool, reporter: Reporter) -> list[Built]:
    """Carry out all works; what was placed, for each of the trees to build.

    The reporter hears of the task `link`, in files.

    Raises:
        OSError: the disk refused; `filename2` is what could not be made.
        OutsideError: the second process was killed.
    """
    works = [(number, work) for number, tree in enumerate(trees) for work in tree]
    placed = [[0, 0] for _ in trees]
    reporter.start("link", sum(link.paths.length for _, (_, _, link) in works), "files")
    try:
        _share(works, placed, copy=copy, reporter=reporter)
    finally:
        reporter.finish("link")
    return [Built(linked, copied) for linked, copied in placed]


def _share(
    works: Sequence[_Numbered], placed: list[list[int]], *, copy: bool, reporter: Reporter
) -> None:
    """Carry out the works, in two processes where they are many; the rows of `placed` count."""
    few = sum(map(_cost, works)) < _FORK_FROM
    if few or threading.active_count() > 1 or (os.cpu_count() or 1) == 1:
        _place_all(works, placed, copy=copy, reporter=reporter)
        return
    ours, theirs = _halves(works)
    reader, writer = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(reader)
        _answer_and_exit(writer, theirs, placed, copy=copy)
    os.close(writer)
    with os.fdopen(reader, "rb") as answers:
        try:
            _place_and_sync(ours, placed, copy=copy, reporter=reporter)
        finally:
            answer = answers.read()
            os.waitpid(child, 0)
    for mine, others in zip(placed, _parse_answer(answer), strict=True):
        mine[0] += others[0]
        mine[1] += others[1]
    reporter.advance("link", sum(link.paths.length for _, (_, _, link) in theirs))


def _cost(numbered: _Numbered) -> int:
    link = numbered[1][2]
    return link.paths.length + _DIRECTORY_COST * link.directories.length


def _halves(works: Iterable[_Numbered]) -> tuple[list[_Numbered], list[_Numbered]]:
    """The works in two parts that cost about the same, the large ones shared out first."""
    parts: tuple[list[_Numbered], list[_Numbered]] = ([], [])
    costs = [0, 0]
    for work in sorted(works, key=_cost, reverse=True):
        lighter = 0 if costs[0] <= costs[1] else 1
        parts[lighter].append(work)
        costs[lighter] += _cost(work)
    return parts


def _place_and_sync(
    works: Sequence[_Numbered], placed: list[list[int]], *, copy: bool, reporter: Reporter
) -> None:
    """Carry out the works, the last of them while the disk takes what is there already."""
    early = _count_until(works, _SYNC_AT)
    _, (_, root, _) = works[0]
    _place_all(works[:early], placed, copy=copy, reporter=reporter)
    with syncing(os.fsdecode(root)):
        _place_all(works[early:], placed, copy=copy, reporter=reporter)


def _count_until(works: Sequence[_Numbered], share: float) -> int:
    """How many works, from the first on, cost that share of all."""
    left = share * sum(map(_cost, works))
    for number, work in enumerate(works):
        if left <= 0:
            return number
        left -= _cost(work)
    return len(works)


def _answer_and_exit(
    writer: int, works: Sequence[_Numbered], placed: list[list[int]], *, copy: bool
) -> None:
    """The forked process: do the work, answer in one line, and leave without any clean-up."""
    answer: dict[str, Any]
    try:
        _place_all(works, placed, copy=copy, reporter=SilentReporter())
        answer = {"placed": placed}
    except OSError as error:
        names = [os.fsdecode(name or b"") for name in (error.filename, error.filename2)]
        answer = {"error": error.errno, "names": names}
    except BaseException as error:  # noqa: BLE001 - the parent raises it again
        answer = {"bug": repr(error)}
    os.write(writer, json.dumps(answer).encode())
    os._exit(0)


def _parse_answer(answer: bytes) -> list[list[int]]:
    if not answer:
        raise OutsideError(
            "the linking process was killed", mend="run the command again; nothing was switched"
        )
    told = json.loads(answer)
    if "error" in told:
        source, destination = told["names"]
        number = told["error"]
        raise OSError(number, os.strerror(number), source, None, destination or None)
    if "bug" in told:
        raise InternalError(f"the linking process failed: {told['bug']}")
    placed: list[list[int]] = told["placed"]
    return placed


def _place_all(
    works: Iterable[_Numbered], placed: list[list[int]], *, copy: bool, reporter: Reporter
) -> None:
    """Carry out the works one after another, and count into the row of each one's tree."""
    place = _copy_files if copy else _link_files
    for number, (tree, root, link) in works:
        source, destination = _below(tree, link.folder), _below(root, link.folder)
        with _opened(source) as there, _opened(destination) as here:
            try:
                directories = link.directories.split()
                for directory in directories:
                    os.mkdir(directory, 0o755, dir_fd=here)
                copied = place(there, here, link.paths.split())
                for directory in directories:
                    os.utime(directory, _PUBLISHED, dir_fd=here)
            except OSError as error:
                _complete(error, source, destination)
                raise
        placed[number][0] += link.paths.length - copied
        placed[number][1] += copied
        reporter.advance("link", link.paths.length)


@contextmanager
def _opened(folder: bytes) -> Iterator[int]:
    descriptor = os.open(folder, _DIRECTORY)
    try:
        yield descriptor
    finally:
        os.close(descriptor)


def _below(root: bytes, folder: bytes) -> bytes:
    return root + b"/" + folder if folder else root


def _complete(error: OSError, source: bytes, destination: bytes) -> None:
    """Name the whole paths in an error that came of relative ones."""
    path = error.filename or b""
    error.filename, error.filename2 = _below(source, path), _below(destination, path)


def _link_files(there: int, here: int, paths: Sequence[bytes]) -> int:
    """Link these files; how many were copied, since they have as many names as they may have."""
    copied = 0
    link = os.link
    for path in paths:
        try:
            link(path, path, src_dir_fd=there, dst_dir_fd=here)
        except OSError as error:
            if error.errno != errno.EMLINK:
                raise
            copied += _copy_files(there, here, [path])
    return copied


def _copy_files(there: int, here: int, paths: Sequence[bytes]) -> int:
    for path in paths:
        copy_file(path, path, there=there, here=here)
    return len(paths)


def copy_file(
    source: bytes, destination: bytes, *, there: int | None = None, here: int | None = None
) -> None:
    """A copy with an inode of its own: contents, mode and modification time.

    Relative paths are below the open directories `there` (the source's) and `here`.
    """
    with os.fdopen(os.open(source, os.O_RDONLY | os.O_CLOEXEC, dir_fd=there), "rb") as original:
        status = os.fstat(original.fileno())
        mode, size = stat.S_IMODE(status.st_mode), status.st_size
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
        with os.fdopen(os.open(destination, flags, mode, dir_fd=here), "wb") as copy:
            while size > 0:
                sent = os.sendfile(copy.fileno(), original.fileno(), None, size)
                if sent == 0:
                    break
                size -= sent
            os.fchmod(copy.fileno(), mode)
    os.utime(destination, _PUBLISHED, dir_fd=here)
