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
from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

from envc.errors import InternalError, OutsideError
from envc.model.manifest import PUBLISHED_MTIME_SECONDS
from envc.model.plan import LinkTree
from envc.ports import Reporter, SilentReporter

# A stored tree's folder, the folder of the tree to build, and what to link into it.
Work = tuple[bytes, bytes, LinkTree]
_Numbered = tuple[int, Work]

_FORK_FROM = 2_000
# What making a directory costs, in links.
_DIRECTORY_COST = 3
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
    reporter.start("link", sum(len(link.paths) for _, (_, _, link) in works), "files")
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
            _place_all(ours, placed, copy=copy, reporter=reporter)
        finally:
            answer = answers.read()
            os.waitpid(child, 0)
    for mine, others in zip(placed, _parse_answer(answer), strict=True):
        mine[0] += others[0]
        mine[1] += others[1]
    reporter.advance("link", sum(len(link.paths) for _, (_, _, link) in theirs))


def _cost(numbered: _Numbered) -> int:
    link = numbered[1][2]
    return len(link.paths) + _DIRECTORY_COST * len(link.directories)


def _halves(works: Iterable[_Numbered]) -> tuple[list[_Numbered], list[_Numbered]]:
    """The works in two parts that cost about the same, the large ones shared out first."""
    parts: tuple[list[_Numbered], list[_Numbered]] = ([], [])
    costs = [0, 0]
    for work in sorted(works, key=_cost, reverse=True):
        lighter = 0 if costs[0] <= costs[1] else 1
        parts[lighter].append(work)
        costs[lighter] += _cost(work)
    return parts


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
    place = _copy_tree if copy else _link_tree
    for number, (source, root, link) in works:
        for directory in link.directories:
            os.mkdir(root + b"/" + directory, 0o755)
        copied = place(source, root, link.paths)
        for directory in link.directories:
            os.utime(root + b"/" + directory, _PUBLISHED)
        placed[number][0] += len(link.paths) - copied
        placed[number][1] += copied
        reporter.advance("link", len(link.paths))


def _link_tree(source: bytes, root: bytes, paths: Sequence[bytes]) -> int:
    """Link these files; how many were copied, since they have as many names as they may have."""
    copied = 0
    link = os.link
    there = os.open(source, _DIRECTORY)
    try:
        here = os.open(root, _DIRECTORY)
        try:
            for path in paths:
                try:
                    link(path, path, src_dir_fd=there, dst_dir_fd=here)
                except OSError as error:
                    if error.errno != errno.EMLINK:
                        error.filename = source + b"/" + path
                        error.filename2 = root + b"/" + path
                        raise
                    copy_file(source + b"/" + path, root + b"/" + path)
                    copied += 1
        finally:
            os.close(here)
    finally:
        os.close(there)
    return copied


def _copy_tree(source: bytes, root: bytes, paths: Sequence[bytes]) -> int:
    for path in paths:
        copy_file(source + b"/" + path, root + b"/" + path)
    return len(paths)


def copy_file(source: bytes, destination: bytes) -> None:
    """A copy with an inode of its own: contents, mode and modification time."""
    with open(source, "rb") as original:
        status = os.fstat(original.fileno())
        mode, size = stat.S_IMODE(status.st_mode), status.st_size
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
        with os.fdopen(os.open(destination, flags, mode), "wb") as copy:
            while size > 0:
                sent = os.sendfile(copy.fileno(), original.fileno(), None, size)
                if sent == 0:
                    break
                size -= sent
            os.fchmod(copy.fileno(), mode)
    os.utime(destination, _PUBLISHED)
