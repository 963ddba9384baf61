"""`envc overlay delete`: what was built of an overlay, gone; its spec stays, or goes with it."""

import os

from envc.disk.ownership import refuse_foreign
from envc.errors import UsageError
from envc.model.names import INVENTORY_FILE, OVERLAY_SPEC, PACKED, layer_of_lock_file
from envc.reports.overlay_delete import DeletedOverlay
from envc.sites.overlay_folder import holds_overlay
from envc.supply.wheelhouse import WHEELHOUSE, wheels_of
from envc.target.directory import Directory, Shape
from envc.target.removal import remove_folder


def delete_overlay(folder: str, *, with_spec: bool, dry_run: bool) -> DeletedOverlay:
    """Remove what was built of an overlay; with its spec everything that is envc's goes.

    Raises:
        UsageError: there is no overlay, or it is somebody else's.
        AnswerIsNo: running processes use it.
        OutsideError: the disk refused; the same command goes on where this one ended.
    """
    if not holds_overlay(folder):
        raise UsageError(
            "this is no overlay: nothing was removed",
            where=folder,
            mend="name one of `envc overlay list`, or an overlay's folder",
        )
    refuse_foreign(folder)
    directory = Directory(folder, Shape.OVERLAY)
    others = [PACKED, *(_written(folder) if with_spec else ())]
    done = remove_folder(directory, others, dry_run=dry_run)
    return DeletedOverlay(folder=folder, dry_run=dry_run, removed=done.removed, left=done.left)


def _written(folder: str) -> list[str]:
    """The spec and what was written from it: the spec last, so that a killed run goes on."""
    names = os.listdir(folder)
    locks = sorted(name for name in names if layer_of_lock_file(name) is not None)
    wheels = [f"{WHEELHOUSE}/{wheel}" for wheel in wheels_of(folder)]
    return [*wheels, *locks, INVENTORY_FILE, OVERLAY_SPEC]
