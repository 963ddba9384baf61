"""A folder of envc's that goes as a whole: what is envc's in it goes, in an order."""

import os
from collections.abc import Sequence
from typing import NamedTuple

from envc.disk.durable import disk_error
from envc.disk.locks import exclusive
from envc.errors import AnswerIsNo
from envc.ports import REPORTER
from envc.target.contents import (
    removal_order,
    remove_empty_folders,
    remove_path,
    standing,
)
from envc.target.directory import Directory
from envc.target.leases import use_of


class Removal(NamedTuple):
    """What went, or would go; and the names at the top of the folder that are not envc's."""

    removed: tuple[str, ...]
    left: tuple[str, ...]


def remove_folder(directory: Directory, others: Sequence[str] = (), *, dry_run: bool) -> Removal:
    """Take away what is envc's in a folder, under its locks, then `others`, if they are there.

    The folder itself stays only where something else is in it.

    Raises:
        AnswerIsNo: running processes use it.
        OutsideError: the disk refused; the same command goes on where this one ended.
    """
    removed: list[str] = []
    REPORTER.get().holds(
        lambda: f"{directory.path}: removed so far: {', '.join(removed) or 'nothing'}"
    )
    with exclusive(directory.store_lock), exclusive(directory.lock):
        _refuse_used(directory)
        try:
            known = [path for path in others if os.path.lexists(f"{directory.path}/{path}")]
            paths = [*removal_order(directory), *known]
            for path in () if dry_run else paths:
                remove_path(directory, path)
                removed.append(path)
            if dry_run:
                left = _left(directory, paths)
            else:
                remove_empty_folders(directory)
                left = sorted(os.listdir(directory.path))
                if not left:
                    os.rmdir(directory.path)
        except OSError as error:
            raise disk_error(error, "remove what is here", directory.path) from error
    return Removal(_told(paths, left), tuple(left))


def _left(directory: Directory, going: Sequence[str]) -> list[str]:
    """The names at the top of a folder that would stay."""
    others = [path for path, _ in standing(directory) if path not in going]
    return sorted({path.partition("/")[0] for path in others})


def _told(paths: Sequence[str], left: Sequence[str]) -> tuple[str, ...]:
    """Each folder that goes as a whole under its own name; of one that stays, what goes of it."""
    tops = [(path, path.partition("/")[0]) for path in paths]
    return tuple(dict.fromkeys(path if top in left else top for path, top in tops))


def _refuse_used(directory: Directory) -> None:
    used = [str(number) for number in sorted(use_of(directory).in_use)]
    if used:
        raise AnswerIsNo(
            f"running processes use generation {' and '.join(used)}",
            where=directory.path,
            mend="wait for them to end, or end them; then run this again",
        )
