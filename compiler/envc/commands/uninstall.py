"""`envc uninstall`: what envc has put into a target directory, gone; what is not envc's stays."""

import os
from collections.abc import Sequence

from envc.disk.durable import disk_error
from envc.disk.locks import exclusive
from envc.disk.ownership import refuse_foreign
from envc.errors import AnswerIsNo, UsageError
from envc.ports import REPORTER
from envc.reports.uninstall import UninstallReport
from envc.target.contents import (
    is_begun,
    removal_order,
    remove_empty_folders,
    remove_path,
    standing,
)
from envc.target.directory import Directory
from envc.target.leases import use_of
from envc.target.opened import directory_at


def uninstall(path: str, *, dry_run: bool) -> UninstallReport:
    """Remove a target directory; the folder itself stays only where something else is in it.

    Raises:
        UsageError: it is no target directory, or somebody else's.
        AnswerIsNo: running processes use it.
        OutsideError: the disk refused; the same command goes on where this one ended.
    """
    directory = directory_at(path)
    _refuse_other(directory)
    refuse_foreign(directory.path)
    removed: list[str] = []
    REPORTER.get().holds(
        lambda: f"{directory.path}: removed so far: {', '.join(removed) or 'nothing'}"
    )
    with exclusive(directory.store_lock), exclusive(directory.lock):
        _refuse_used(directory)
        try:
            paths = removal_order(directory)
            for name in () if dry_run else paths:
                remove_path(directory, name)
                removed.append(name)
            if not dry_run:
                remove_empty_folders(directory)
        except OSError as error:
            raise disk_error(error, "remove the target", directory.path) from error
    left = _left(directory, paths) if dry_run else sorted(os.listdir(directory.path))
    if not dry_run and not left:
        os.rmdir(directory.path)
    return UninstallReport(
        target=directory.path,
        dry_run=dry_run,
        removed=_told(paths if dry_run else removed, left),
        left=tuple(left),
    )


def _left(directory: Directory, going: Sequence[str]) -> list[str]:
    """The names at the top of a folder that would stay."""
    others = [path for path, _ in standing(directory) if path not in going]
    return sorted({path.partition("/")[0] for path in others})


def _told(paths: Sequence[str], left: Sequence[str]) -> tuple[str, ...]:
    """Each folder that goes as a whole under its own name; of one that stays, what goes of it."""
    tops = [(path, path.partition("/")[0]) for path in paths]
    return tuple(dict.fromkeys(path if top in left else top for path, top in tops))


def _refuse_other(directory: Directory) -> None:
    """Refuse a folder into which nothing was ever materialized, nor begun to be."""
    if directory.is_overlay or not is_begun(directory):
        what = "an overlay" if directory.is_overlay else "no target directory"
        raise UsageError(
            f"this is {what}: nothing was removed",
            where=directory.path,
            mend="name a folder that `envc materialize --target` made",
        )


def _refuse_used(directory: Directory) -> None:
    used = [str(number) for number in sorted(use_of(directory).in_use)]
    if used:
        raise AnswerIsNo(
            f"running processes use generation {' and '.join(used)}",
            where=directory.path,
            mend="wait for them to end, or end them; then run this again",
        )
