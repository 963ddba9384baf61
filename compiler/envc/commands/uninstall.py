"""`envc uninstall`: a target directory and every trace of it, gone.

Names go first, so that nothing new starts; what says that this is a target goes last, so that a
run that was killed can be repeated.
"""

import os
import shutil
from collections.abc import Iterator

from envc.disk.durable import disk_error
from envc.disk.locks import exclusive, is_held
from envc.disk.ownership import refuse_foreign
from envc.errors import AnswerIsNo, UsageError
from envc.fleet.wanted import OWN_STATE
from envc.model.core import CORE_FOLDER
from envc.reports.uninstall import UninstallReport
from envc.target.base import directory_at
from envc.target.directory import MODULEFILES, Directory

_NAMES = ("current", "by-lock")
_CONTENTS = (
    "bin",
    "envc",
    MODULEFILES,
    OWN_STATE,
    "generations",
    "store",
    CORE_FOLDER,
    "trash",
    "pins",
    "audit.jsonl",
)
_LAST = ("location.toml", ".store-lock", ".lock")


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
    with exclusive(directory.store_lock), exclusive(directory.lock):
        _refuse_used(directory)
        present = _present(directory)
        try:
            if not dry_run:
                for name in present:
                    _remove(directory, name)
        except OSError as error:
            raise disk_error(error, "remove the target", directory.path) from error
    left = sorted(set(os.listdir(directory.path)) - set(present))
    if not dry_run and not left:
        os.rmdir(directory.path)
    return UninstallReport(
        target=directory.path, dry_run=dry_run, removed=tuple(present), left=tuple(left)
    )


def _refuse_other(directory: Directory) -> None:
    known = os.path.isdir(directory.generations) or os.path.isfile(
        f"{directory.path}/location.toml"
    )
    if directory.is_overlay or not known:
        what = "an overlay" if directory.is_overlay else "no target directory"
        raise UsageError(
            f"this is {what}: nothing was removed",
            where=directory.path,
            mend="name a folder that `envc materialize --target` made",
        )


def _refuse_used(directory: Directory) -> None:
    used = [
        str(number)
        for number in directory.numbers()
        if is_held(f"{directory.generation(number)}/.lease")
    ]
    if used:
        raise AnswerIsNo(
            f"running processes use generation {' and '.join(used)}",
            where=directory.path,
            mend="wait for them to end, or end them; then run this again",
        )


def _present(directory: Directory) -> list[str]:
    """What there is of a target, in the order in which it goes."""
    names = set(os.listdir(directory.path))
    stable = sorted(filter(lambda name: _leads_to_current(directory, name), names))
    ordered = (*_NAMES, *stable, *_CONTENTS, *sorted(_leftovers(names)), *_LAST)
    return [name for name in ordered if name in names]


def _leads_to_current(directory: Directory, name: str) -> bool:
    path = f"{directory.path}/{name}"
    return os.path.islink(path) and os.readlink(path) == f"current/{name}"


def _leftovers(names: set[str]) -> Iterator[str]:
    """What killed runs left half-written."""
    return (name for name in names if name.endswith(".envc-tmp"))


def _remove(directory: Directory, name: str) -> None:
    path = f"{directory.path}/{name}"
    if os.path.islink(path) or not os.path.isdir(path):
        os.unlink(path)
        return
    if name == "generations":
        for number in directory.numbers():
            os.chmod(directory.generation(number), 0o755)  # published ones are read-only
    shutil.rmtree(path)
