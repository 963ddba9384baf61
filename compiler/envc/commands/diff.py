"""`envc diff`: how two locks, generations, targets or overlays differ, layer by layer.

An operand is a lock file, a target directory, or what names an overlay; `A@N`: its generation N.
"""

import os

from envc.errors import UsageError
from envc.model.generation import Generation, GenerationLayer
from envc.model.names import OVERLAY_SPEC
from envc.model.value import value
from envc.overlays.places import overlay_folder
from envc.reports.change import changes_between
from envc.reports.diff import DiffReport
from envc.sites.place import shown
from envc.sites.site import require_lock
from envc.target.base_state import base_states
from envc.target.directory import Directory
from envc.target.opened import directory_at

_LOCK_PREFIX, _LOCK_SUFFIX = "pylock.", ".toml"


@value
class _Side:
    """An operand: its layers, top first, each project → version."""

    label: str
    python: str | None
    layers: dict[str, dict[str, str]]


def diff(before: str, after: str, target: str | None = None) -> DiffReport:
    """The differences from one operand to another.

    An overlay that is named is found through the `target`. Two sides of one layer each are
    compared whatever their layers are called.

    Raises:
        UsageError: an operand is neither a lock nor a folder with generations, or what it stands
            on is not on this node.
        SpecError: a lock is none.
    """
    first, second = _side(before, target), _side(after, target)
    old, new = first.layers, second.layers
    if len(old) == len(new) == 1:
        (name,), (values,) = new, old.values()
        old = {name: values}
    changes = {
        name: changes_between(old.get(name, {}), new.get(name, {}))
        for name in dict.fromkeys([*new, *old])
    }
    differing = {name: change for name, change in changes.items() if change}
    pythons = {python for python in (first.python, second.python) if python is not None}
    return DiffReport(
        equal=not differing and len(pythons) < 2,  # noqa: PLR2004 - two sides
        before=first.label,
        after=second.label,
        python=(first.python, second.python),
        layers=differing,
    )


def _side(operand: str, target: str | None) -> _Side:
    if os.path.isfile(operand) and os.path.basename(operand) != OVERLAY_SPEC:
        return _lock_side(operand)
    path, _, number = operand.rpartition("@") if "@" in operand else (operand, "", "")
    if not os.path.isdir(path):
        path = overlay_folder(path, target)
    directory = directory_at(path)
    record = _record(directory, number)
    return _Side(operand, record.python, _layers(directory, record))


def _lock_side(path: str) -> _Side:
    """A lock's pins; a project that differs between targets has all its versions."""
    name = os.path.basename(path)
    layer = name.removeprefix(_LOCK_PREFIX).removesuffix(_LOCK_SUFFIX)
    lock = require_lock(path, layer).lock
    versions: dict[str, set[str]] = {}
    for pin in lock.pins:
        marker = f"; {pin.marker}" if pin.marker is not None else ""
        versions.setdefault(pin.project, set()).add(f"{pin.version}{marker}")
    pythons = {target.python for target in lock.targets}
    return _Side(
        shown(os.path.abspath(path)),
        pythons.pop() if len(pythons) == 1 else None,
        {lock.layer: {project: ", ".join(sorted(found)) for project, found in versions.items()}},
    )


def _record(directory: Directory, number: str) -> Generation:
    wanted = int(number) if number.isdigit() else directory.current_number()
    if (number and not number.isdigit()) or wanted not in directory.numbers():
        raise UsageError(
            f"there is no generation {number} here" if number else "nothing is materialized here",
            where=directory.path,
            mend="name a lock file, a target's or an overlay's folder, or DIR@N for its "
            "generation N",
        )
    return directory.record(wanted)


def _layers(directory: Directory, record: Generation) -> dict[str, dict[str, str]]:
    """The layers of a generation; of an overlay's, all that it stands on as well."""
    found = {name: _versions(layer) for name, layer in record.layers.items()}
    if not directory.is_overlay:
        return found
    for name in record.layers:
        for state in base_states(directory.tree(record.generation, name), record.python):
            if state.held is None:
                raise UsageError(
                    f"this node does not hold the base {state.layer!r} of this overlay",
                    where=directory.path,
                    mend=state.mend(directory.path),
                )
            found[state.layer] = _versions(state.held.layers[state.layer])
    return found


def _versions(layer: GenerationLayer) -> dict[str, str]:
    return {wheel.project: wheel.version for wheel in layer.wheels}
