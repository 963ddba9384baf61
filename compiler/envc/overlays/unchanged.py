"""An overlay that is as its spec, its lock and its base say already: told from digests alone."""

import os
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import asdict

from envc.disk.digests import bytes_of
from envc.disk.ownership import refuse_exposed, refuse_foreign
from envc.errors import EnvcError
from envc.model.generation import Generation
from envc.model.names import OVERLAY_SPEC
from envc.plan.changes import changes_between
from envc.reports.overlay import OverlayReport
from envc.target.by_hand import is_as_published
from envc.target.directory import Directory, Shape
from envc.target.inputs import (
    note_overlay,
    noted_inputs,
    overlay_inputs,
    present_in,
    target_inputs,
)
from envc.target.opened import exposure_of_target, find_target, open_target, read_location

_LISTS = ("adds", "shadows", "lifts", "hides", "moves", "modules")


def unchanged(folder: str, target: str | None) -> OverlayReport | None:
    """The report of an overlay with which there is nothing to do; None: there is, or may be.

    Raises:
        UsageError: no target is known, nothing is materialized there, or the folder is somebody
            else's, or others could write there.
    """
    directory = Directory(folder, Shape.OVERLAY)
    current = directory.sound_current()
    if current is None or not os.path.isfile(f"{folder}/{OVERLAY_SPEC}"):
        return None
    report = noted_report(directory, current)
    if report is None or report.folder != folder or not is_as_published(directory, current):
        return None
    # It may be told of an earlier one with equal trees.
    if report.generation != current.generation or _may_mean_another(report):
        return None
    refuse_foreign(folder)
    refuse_exposed(folder)
    if report.on and not report.target:
        from envc.overlays.on_base import present_inputs  # most overlays stand on a target

        base = present_inputs(directory, current)
    else:
        below = open_target(find_target(target, folder))
        location = read_location(folder)
        if location is None or exposure_of_target(folder, location) is not None:
            return None  # it is to be noted that it was named
        if report.on:
            from envc.target.environments import changed_below

            tree = directory.tree(current.generation, next(iter(current.layers)))
            if changed_below(tree, current.python):
                return None
        base = target_inputs(below.current, below.directory.path)
    note = overlay_inputs(directory, current, base)
    is_other = changes_between(note.inputs, present_in(directory, current))
    return None if is_other else report


def _may_mean_another(report: OverlayReport) -> bool:
    """Whether a variable of the spec may name another environment now."""
    return bool(report.on) and b"$" in bytes_of(f"{report.folder}/{OVERLAY_SPEC}")


def noted_report(directory: Directory, current: Generation) -> OverlayReport | None:
    """What was told of an overlay when its current generation was built; None: nobody noted it."""
    told = dict(noted_inputs(directory, current).told)
    try:
        lists = {key: tuple(told[key]) for key in _LISTS}
        return OverlayReport(**{**told, **lists})
    except (KeyError, TypeError):
        return None


def note_report(
    directory: Directory, current: Generation, base: Mapping[str, str], report: OverlayReport
) -> None:
    """Note what an overlay was built from, on what `base` says, and what is told of it then.

    Where the disk refuses, the next run takes the long way. What editable projects hold no digest
    tells: with them it always does.
    """
    if report.editable:
        return
    told = {**asdict(report), "changed": False, "base_changes": None, "moves": ()}
    with suppress(EnvcError):
        note_overlay(directory, current, base, told)
