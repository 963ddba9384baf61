"""`envc uninstall`: what envc has put into a target directory, gone; what is not envc's stays."""

from envc.disk.ownership import refuse_foreign
from envc.errors import UsageError, shell_word
from envc.overlays.standing import standing_on
from envc.reports.uninstall import UninstallReport
from envc.target.contents import is_begun
from envc.target.directory import Directory
from envc.target.opened import directory_at
from envc.target.removal import remove_folder


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
    overlays = tuple(standing_on(directory.path))
    done = remove_folder(directory, dry_run=dry_run)
    return UninstallReport(
        target=directory.path,
        dry_run=dry_run,
        removed=done.removed,
        left=done.left,
        overlays=overlays,
    )


def _refuse_other(directory: Directory) -> None:
    """Refuse a folder into which nothing was ever materialized, nor begun to be."""
    if directory.is_overlay or not is_begun(directory):
        what = "an overlay" if directory.is_overlay else "no target directory"
        mend = "name a folder that `envc materialize --target` made"
        if directory.is_overlay:
            mend = f"remove it with `envc overlay delete {shell_word(directory.path)}`"
        raise UsageError(f"this is {what}: nothing was removed", where=directory.path, mend=mend)
