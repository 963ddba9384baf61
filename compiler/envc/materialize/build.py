"""A plan carried out in an empty folder: directories, hard links, own files, symlinks.

Measured on ext4: Python makes over 200,000 links a second; two processes make 1.6 times as many
as one, two threads do not. So the links of a large tree are shared between this process and a
forked one (only while this process has a single thread: fork and threads do not mix).
"""

import errno
import os
import stat
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal

from envc.disk.durable import disk_error
from envc.errors import InternalError, OutsideError
from envc.model.plan import LinkTree, TreePlan
from envc.model.view import PUBLISHED_MTIME_SECONDS

LinkMode = Literal["auto", "hardlink", "copy"]

TRIAL_PREFIX = ".trial-link-"

_FORK_FROM = 2_000
# What link(2) says where links do not work at all; anything else is trouble with the disk.
_NO_LINKS = {errno.EXDEV, errno.EPERM, errno.EOPNOTSUPP, errno.ENOSYS}
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
    are copied. Modes and times depend on neither umask nor clock. The site-packages directory
    gets the time by which its import index knows that nobody has changed it.

    Raises:
        OutsideError: the disk refused.
    """
    umask = os.umask(0)
    try:
        os.makedirs(destination, 0o755)
        root = os.fsencode(destination) + b"/"
        for directory in plan.directories:
            os.mkdir(root + directory, 0o755)
        sources = [os.fsencode(tree_of(link.store_id)) + b"/" for link in plan.links]
        built = _place_all(list(zip(sources, plan.links, strict=True)), root, copy=copy)
        for file in plan.files:
            write_new(f"{destination}/{file.path}", file.content, file.mode)
            os.utime(f"{destination}/{file.path}", _PUBLISHED)
        for symlink in plan.symlinks:
            os.symlink(symlink.destination, f"{destination}/{symlink.path}")
        for directory in plan.directories:
            if directory.endswith(b"/site-packages"):
                os.utime(root + directory, _PUBLISHED)
    except OSError as error:
        place = None if error.filename else destination
        raise disk_error(error, "build the tree", place) from error
    finally:
        os.umask(umask)
    return Built(built.linked, built.copied + len(plan.files))


def can_link(source: str, folder: str) -> OSError | None:
    """Try one hard link into `folder`; None where links work, else what the kernel said.

    Device numbers do not tell: across a bind mount they are equal and linking still fails. A file
    that has as many links as it may have says nothing about the others.

    Raises:
        OSError: the disk refused, and would refuse a copy as well.
    """
    trial = f"{folder}/{TRIAL_PREFIX}{os.getpid()}"
    try:
        os.link(source, trial)
    except OSError as error:
        if error.errno == errno.EMLINK:
            return None
        if error.errno in _NO_LINKS:
            return error
        raise
    os.unlink(trial)
    return None


def write_new(path: str, content: bytes, mode: int) -> None:
    """Write a file that is not there yet, with this mode whatever the umask."""
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
    descriptor = os.open(path, flags, mode)
    with os.fdopen(descriptor, "wb") as file:
        file.write(content)
        os.fchmod(descriptor, mode)


# A stored tree's folder (with a slash at its end), and what to link from it.
_Work = tuple[bytes, LinkTree]


def _place_all(works: Sequence[_Work], root: bytes, *, copy: bool) -> Built:
    total = sum(len(link.paths) for _, link in works)
    if total < _FORK_FROM or threading.active_count() > 1 or (os.cpu_count() or 1) == 1:
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
    """The work in two parts of about as many files, large trees first."""
    first: list[_Work] = []
    second: list[_Work] = []
    taken = 0
    for work in sorted(works, key=lambda work: -len(work[1].paths)):
        if taken + len(work[1].paths) <= total // 2 or not first:
            first.append(work)
            taken += len(work[1].paths)
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
    """Link (or copy) the files of these trees; a file with too many links is copied."""
    linked = copied = 0
    link = os.link
    for source, tree in works:
        for path in tree.paths:
            if not copy:
                try:
                    link(source + path, root + path)
                except OSError as error:
                    if error.errno != errno.EMLINK:
                        raise
                else:
                    linked += 1
                    continue
            _copy(source + path, root + path)
            copied += 1
    return Built(linked, copied)


def _copy(source: bytes, destination: bytes) -> None:
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


def link_or_copy(source: str, destination: str) -> None:
    """One more name for a file, or a copy of it where links do not work."""
    try:
        os.link(source, destination)
    except OSError:
        _copy(os.fsencode(source), os.fsencode(destination))


def linkable_file(plan: TreePlan) -> tuple[str, bytes] | None:
    """A stored file that the plan links, as (store id, path): the one for the trial link."""
    return next(((link.store_id, link.paths[0]) for link in plan.links if link.paths), None)
