"""A plan carried out in an empty folder: directories, hard links, own files, symlinks.

Measured on ext4: Python makes over 200,000 links a second; two processes make 1.6 times as many
as one, two threads do not. So the links of a large tree are shared between this process and a
forked one (only while this process has a single thread: fork and threads do not mix).
"""

import errno
import os
import threading
from collections import Counter
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Literal

from envc.disk.durable import disk_error
from envc.errors import InternalError, OutsideError
from envc.model.manifest import path_of
from envc.model.plan import LinkTree, TreePlan
from envc.model.view import PUBLISHED_MTIME_SECONDS

LinkMode = Literal["auto", "hardlink", "copy"]

_FORK_FROM = 2_000
_PUBLISHED = (PUBLISHED_MTIME_SECONDS, PUBLISHED_MTIME_SECONDS)


@dataclass(frozen=True, slots=True)
class Built:
    """How many files were hard-linked, and how many are copies of their own."""

    linked: int
    copied: int


def build_tree(
    plan: TreePlan, destination: str, *, tree_of: Callable[[str], str], copy: bool
) -> Built:
    """Carry out `plan` in `destination`, which must not exist yet.

    `tree_of(store_id)` is the folder that a stored tree's files are linked from; with `copy` they
    are copied. Modes and modification times do not depend on umask or clock.

    Raises:
        OutsideError: the disk refused.
    """
    umask = os.umask(0)
    try:
        os.makedirs(destination, 0o755)
        root = os.fsencode(destination) + b"/"
        works = [_Work(os.fsencode(tree_of(link.store_id)) + b"/", link) for link in plan.links]
        for directory in _shared(plan):
            os.mkdir(root + directory, 0o755)
        built = _place_all(works, root, copy=copy)
        for file in plan.files:
            write_new(f"{destination}/{file.path}", file.content, file.mode)
        for symlink in plan.symlinks:
            os.symlink(symlink.destination, f"{destination}/{symlink.path}")
        for directory in reversed(plan.directories):
            os.utime(root + directory, _PUBLISHED)
    except OSError as error:
        raise disk_error(error, "build the tree") from error
    finally:
        os.umask(umask)
    return Built(built.linked, built.copied + len(plan.files))


def can_link(source: str, folder: str) -> OSError | None:
    """Try one hard link into `folder`; None where links work, else what the kernel said.

    Device numbers do not tell: across a bind mount they are equal and linking still fails.
    """
    trial = f"{folder}/.trial-link-{os.getpid()}"
    try:
        os.link(source, trial)
    except OSError as error:
        return error
    os.unlink(trial)
    return None


def write_new(path: str, content: bytes, mode: int) -> None:
    """Write a file that is not there yet, with this mode whatever the umask."""
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
    descriptor = os.open(path, flags, mode)
    with os.fdopen(descriptor, "wb") as file:
        file.write(content)
        os.fchmod(descriptor, mode)


def _shared(plan: TreePlan) -> list[bytes]:
    """The directories that no single linked tree owns, parents first.

    The others are made by the process that links what is in them.
    """
    trees = Counter(
        path_of(line)
        for link in plan.links
        for line in link.manifest.lines
        if line.startswith(b"d")
    )
    return [directory for directory in plan.directories if trees[directory] != 1]


@dataclass(frozen=True, slots=True)
class _Work:
    """A stored tree's folder (with a slash at its end) and what to link from it."""

    source: bytes
    link: LinkTree


def _place_all(works: Sequence[_Work], root: bytes, *, copy: bool) -> Built:
    total = sum(len(work.link.manifest.lines) for work in works)
    if total < _FORK_FROM or threading.active_count() > 1 or (os.cpu_count() or 1) < 2:  # noqa: PLR2004
        return _place(works, root, copy=copy)
    first, second = _halves(works, total)
    reader, writer = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(reader)
        _answer_and_exit(writer, second, root, copy=copy)
    os.close(writer)
    with os.fdopen(reader, "rb") as answers:
        try:
            ours = _place(first, root, copy=copy)
        finally:
            answer = answers.read().decode()
            os.waitpid(child, 0)
    theirs = _parse_answer(answer)
    return Built(ours.linked + theirs.linked, ours.copied + theirs.copied)


def _halves(works: Sequence[_Work], total: int) -> tuple[list[_Work], list[_Work]]:
    """The work in two parts of about as many entries, large trees first."""
    first: list[_Work] = []
    second: list[_Work] = []
    taken = 0
    for work in sorted(works, key=lambda work: -len(work.link.manifest.lines)):
        size = len(work.link.manifest.lines)
        if taken + size <= total // 2 or not first:
            first.append(work)
            taken += size
        else:
            second.append(work)
    return first, second


def _answer_and_exit(writer: int, works: Sequence[_Work], root: bytes, *, copy: bool) -> None:
    """The forked process: do the work, answer in one line, and leave without any clean-up."""
    try:
        built = _place(works, root, copy=copy)
        answer = f"done {built.linked} {built.copied}"
    except OSError as error:
        answer = f"error {error.errno} {os.fsdecode(error.filename or b'')}"
    except BaseException as error:  # noqa: BLE001 - the parent raises it again
        answer = f"bug {error!r}"
    os.write(writer, answer.encode())
    os._exit(0)


def _parse_answer(answer: str) -> Built:
    kind, _, rest = answer.partition(" ")
    if kind == "done":
        linked, copied = rest.split(" ")
        return Built(int(linked), int(copied))
    if kind == "error":
        number, _, path = rest.partition(" ")
        raise OSError(int(number), os.strerror(int(number)), path)
    if kind == "bug":
        raise InternalError(f"the linking process failed: {rest}")
    raise OutsideError(
        "the linking process was killed", mend="run the command again; nothing was switched"
    )


def _place(works: Sequence[_Work], root: bytes, *, copy: bool) -> Built:
    """Link (or copy) the files of these trees.

    Empty files are always copies: they hold nothing to share, and of all files they are the ones
    that reach the file system's limit of links first.
    """
    linked = copied = 0
    link = os.link
    for work in works:
        source, omit = work.source, work.link.omit
        for line in work.link.manifest.lines:
            kind, mode, size, _, path = line.split(b"\t")
            if kind == b"d":
                with suppress(FileExistsError):  # shared with another tree, and made before
                    os.mkdir(root + path, 0o755)
                continue
            if path in omit:
                continue
            if size == b"0":
                os.close(os.open(root + path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, int(mode, 8)))
                copied += 1
                continue
            if not copy:
                try:
                    link(source + path, root + path)
                except OSError as error:
                    if error.errno != errno.EMLINK:
                        raise
                else:
                    linked += 1
                    continue
            _copy(source + path, root + path, int(mode, 8))
            copied += 1
    return Built(linked, copied)


def _copy(source: bytes, destination: bytes, mode: int) -> None:
    """A copy with an inode of its own: contents, mode and modification time."""
    with open(source, "rb") as original:
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
        with os.fdopen(os.open(destination, flags, mode), "wb") as copy:
            size = os.fstat(original.fileno()).st_size
            while size > 0:
                sent = os.sendfile(copy.fileno(), original.fileno(), None, size)
                if sent == 0:
                    break
                size -= sent
            os.fchmod(copy.fileno(), mode)
    os.utime(destination, _PUBLISHED)


def linkable_file(plan: TreePlan) -> tuple[str, bytes] | None:
    """A stored file that the plan links, as (store id, path): the one for the trial link."""
    for link in plan.links:
        for line in link.manifest.lines:
            if line.startswith(b"f") and b"\t0\t" not in line:
                return link.store_id, path_of(line)
    return None
