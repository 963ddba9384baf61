"""Plans carried out in empty folders: directories, hard links, own files, symlinks.

Two processes link (or copy). Measured on ext4: Python makes over 200,000 links a second; two
processes make 1.7 times as many as one, two threads do not. Each stored tree brings the directories
that nothing else needs, so neither waits for the other; they get their time when they are full.
Paths are looked up from two open directories, not from the root: a tenth less time.
"""

import errno
import os
import stat
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from itertools import chain
from typing import Literal, NamedTuple

from envc.disk.durable import disk_error, syncing
from envc.disk.processes import share_out
from envc.model.digest import digest_of, hex_of
from envc.model.manifest import PUBLISHED_MTIME_SECONDS, published_ns
from envc.model.plan import LinkTree, TreePlan
from envc.ports import Reporter, SilentReporter

LinkMode = Literal["auto", "hardlink", "copy"]

TRIAL_PREFIX = ".trial-link-"

# What link(2) says where links do not work at all; anything else is trouble with the disk.
_NO_LINKS = {errno.EXDEV, errno.EPERM, errno.EOPNOTSUPP, errno.ENOSYS}
_PUBLISHED = (PUBLISHED_MTIME_SECONDS, PUBLISHED_MTIME_SECONDS)
_FORK_FROM = 2_000
# What making a directory costs, in links.
_DIRECTORY_COST = 4
# From here on the disk takes what is linked already, and the last flush has little left to do.
_SYNC_AT = 0.65
_DIRECTORY = os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC

# A row a tree: how many files were linked, and how many copied.
_Placed = list[list[int]]


class _Job(NamedTuple):
    """What to link from a stored tree, `source`, into the tree of that number, which is at `root`.

    Late jobs are the last of many.
    """

    number: int
    source: bytes
    root: bytes
    link: LinkTree
    is_late: bool = False

    @property
    def cost(self) -> int:
        """How long it takes, in links."""
        return self.link.paths.length + _DIRECTORY_COST * self.link.directories.length


def build_trees(
    plans: Sequence[tuple[TreePlan, str]],
    *,
    tree_of: Callable[[str], str],
    copy: bool,
    reporter: Reporter,
) -> list[tuple[int, int]]:
    """Carry out each plan in its folder, which must not exist yet.

    How many files of each were hard-linked, and how many are copies of their own, in their order.

    `tree_of(store_id)` is the folder that a stored tree's files are linked from; with `copy` they
    are copied. Modes and times depend on neither umask nor clock: by the time of a directory, who
    imports from it knows that nobody has changed it. The reporter hears of the task `link`, in
    files.

    Raises:
        OutsideError: the disk refused, or the second process was killed.
    """
    umask = os.umask(0)
    try:
        jobs: list[_Job] = []
        for number, (plan, destination) in enumerate(plans):
            os.makedirs(destination, 0o755)
            root = os.fsencode(destination)
            for directory in plan.directories:
                os.mkdir(root + b"/" + directory, 0o755)
            jobs += (
                _Job(number, os.fsencode(tree_of(link.store_id)), root, link) for link in plan.links
            )
        placed = _link_all(jobs, len(plans), copy=copy, reporter=reporter)
        for plan, destination in plans:
            _write_own(plan, destination)
    except OSError as error:
        place = None if error.filename else plans[0][1]
        raise disk_error(error, "build the tree", place) from error
    finally:
        os.umask(umask)
    return [
        (linked, copied + len(plan.files))
        for (linked, copied), (plan, _) in zip(placed, plans, strict=True)
    ]


def _write_own(plan: TreePlan, destination: str) -> None:
    """What is in no stored tree: the layer's own files, symlinks and times."""
    for file in plan.files:
        write_published(f"{destination}/{file.path}", file.content, file.mode)
    for symlink in plan.symlinks:
        os.symlink(symlink.destination, f"{destination}/{symlink.path}")
    for directory in plan.directories:
        os.utime(os.fsencode(destination) + b"/" + directory, _PUBLISHED)


def _link_all(jobs: list[_Job], trees: int, *, copy: bool, reporter: Reporter) -> _Placed:
    """Carry out all jobs, large ones first, for so many trees.

    An error's `filename2` is what could not be made.
    """
    jobs.sort(key=lambda job: job.cost, reverse=True)
    cost = sum(job.cost for job in jobs)
    left = _SYNC_AT * cost if cost >= _FORK_FROM else cost
    for number, job in enumerate(jobs):
        jobs[number] = job._replace(is_late=left <= 0)
        left -= job.cost

    def place(jobs: Iterable[_Job], reporter: Reporter) -> _Placed:
        placed = [[0, 0] for _ in range(trees)]
        for job in jobs:
            copied, files = _place(job, copy=copy), job.link.paths.length
            placed[job.number][0] += files - copied
            placed[job.number][1] += copied
            reporter.advance("link", files)
        return placed

    total = sum(job.link.paths.length for job in jobs)
    reporter.start("link", total, "files")
    try:
        answers = share_out(
            jobs,
            here=lambda jobs: place(_flushed(jobs), reporter),
            in_forks=lambda jobs: place(jobs, SilentReporter()),
            most=1 if cost < _FORK_FROM else 2,
        )
        reporter.advance("link", total - sum(map(sum, answers[0])))
    finally:
        reporter.finish("link")
    rows_of_trees = zip(*answers, strict=True)
    return [[sum(counts) for counts in zip(*rows, strict=True)] for rows in rows_of_trees]


def _flushed(jobs: Iterator[_Job]) -> Iterator[_Job]:
    """The jobs; while the late ones are carried out, the disk takes what is there already."""
    for job in jobs:
        if job.is_late:
            with syncing(os.fsdecode(job.root)):
                yield from chain([job], jobs)
        else:
            yield job


def _place(job: _Job, *, copy: bool) -> int:
    """Carry out a job; how many files were copied."""
    link, place = job.link, _copy_files if copy else _link_files
    inside = b"/" + link.folder if link.folder else b""
    source, destination = job.source + inside, job.root + inside
    with _opened(source) as there, _opened(destination) as here:
        try:
            directories = link.directories.split()
            for directory in directories:
                os.mkdir(directory, 0o755, dir_fd=here)
            copied = place(there, here, link.paths.split())
            for directory in directories:
                os.utime(directory, _PUBLISHED, dir_fd=here)
        except OSError as error:  # it names a relative path
            path = b"/" + error.filename if error.filename else b""
            error.filename, error.filename2 = source + path, destination + path
            raise
    return copied


@contextmanager
def _opened(folder: bytes) -> Iterator[int]:
    descriptor = os.open(folder, _DIRECTORY)
    try:
        yield descriptor
    finally:
        os.close(descriptor)


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
    os.utime(destination, ns=(status.st_mtime_ns, status.st_mtime_ns), dir_fd=here)


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


def write_published(path: str, content: bytes, mode: int) -> None:
    """Write a file of a tree that is not there yet, of the time that its content has."""
    write_new(path, content, mode)
    time_ns = published_ns(hex_of(digest_of(content)))
    os.utime(path, ns=(time_ns, time_ns))


def link_or_copy(source: str, destination: str) -> bool:
    """Give a file one more name; whether it is a copy, as links do not work."""
    try:
        os.link(source, destination)
    except OSError:
        copy_file(os.fsencode(source), os.fsencode(destination))
        return True
    return False


def linkable_file(plan: TreePlan) -> tuple[str, bytes] | None:
    """A stored file that the plan links, as (store id, path): the one for the trial link."""
    return next(
        ((link.store_id, next(link.every_path())) for link in plan.links if link.paths.length), None
    )
