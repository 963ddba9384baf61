"""Plans carried out in empty folders: directories, hard links, own files, symlinks."""

import errno
import os
from collections.abc import Callable, Sequence
from typing import Literal

from envc.disk.durable import disk_error
from envc.model.manifest import PUBLISHED_MTIME_SECONDS
from envc.model.plan import TreePlan
from envc.ports import Reporter
from envc.target.linking import Built, Work, copy_file, link_all

LinkMode = Literal["auto", "hardlink", "copy"]

TRIAL_PREFIX = ".trial-link-"

# What link(2) says where links do not work at all; anything else is trouble with the disk.
_NO_LINKS = {errno.EXDEV, errno.EPERM, errno.EOPNOTSUPP, errno.ENOSYS}
_PUBLISHED = (PUBLISHED_MTIME_SECONDS, PUBLISHED_MTIME_SECONDS)


def build_trees(
    plans: Sequence[tuple[TreePlan, str]],
    *,
    tree_of: Callable[[str], str],
    copy: bool,
    reporter: Reporter,
) -> list[Built]:
    """Carry out each plan in its folder, which must not exist yet; what was placed, in their order.

    `tree_of(store_id)` is the folder that a stored tree's files are linked from; with `copy` they
    are copied. Modes and times depend on neither umask nor clock: by the time of a directory, who
    imports from it knows that nobody has changed it.

    Raises:
        OutsideError: the disk refused.
    """
    umask = os.umask(0)
    try:
        works: list[list[Work]] = []
        for plan, destination in plans:
            os.makedirs(destination, 0o755)
            root = os.fsencode(destination)
            for directory in plan.directories:
                os.mkdir(root + b"/" + directory, 0o755)
            works.append([(os.fsencode(tree_of(link.store_id)), root, link) for link in plan.links])
        placed = link_all(works, copy=copy, reporter=reporter)
        for plan, destination in plans:
            _write_own(plan, destination)
    except OSError as error:
        place = None if error.filename else plans[0][1]
        raise disk_error(error, "build the tree", place) from error
    finally:
        os.umask(umask)
    return [
        Built(built.linked, built.copied + len(plan.files))
        for built, (plan, _) in zip(placed, plans, strict=True)
    ]


def _write_own(plan: TreePlan, destination: str) -> None:
    """What is in no stored tree: the layer's own files, symlinks and times."""
    for file in plan.files:
        write_new(f"{destination}/{file.path}", file.content, file.mode)
        os.utime(f"{destination}/{file.path}", _PUBLISHED)
    for symlink in plan.symlinks:
        os.symlink(symlink.destination, f"{destination}/{symlink.path}")
    for directory in plan.directories:
        os.utime(os.fsencode(destination) + b"/" + directory, _PUBLISHED)


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
