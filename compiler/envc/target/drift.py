"""Whether the tree beside an overlay's spec is what its lock describes."""

import os

from envc.errors import EnvcError
from envc.model.spec import OverlaySpec
from envc.sites.site import LockFile
from envc.target.directory import Directory, Shape


def drift_of(spec: OverlaySpec, present: LockFile | None) -> str:
    """What is wrong with the tree that stands beside a spec; empty when nothing, or no tree."""
    folder = os.path.dirname(os.path.abspath(spec.file))
    if present is None or not os.path.isdir(f"{folder}/generations"):
        return ""
    try:
        current = Directory(folder, Shape.OVERLAY).current()
    except EnvcError as error:
        return f"the overlay's tree cannot be used: {error.faults[0].what}"
    layer = current.layers.get(spec.name) if current is not None else None
    if layer is None:
        return "the overlay is locked but not built"
    if layer.lock != present.digest:
        return "the overlay's tree was built from another lock than the present one"
    return ""
