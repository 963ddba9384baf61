"""Where overlays are staged on a node, and whether one is."""

import os
import re

from envc.model.digest import Digest, hex_of
from envc.model.names import NAME_FORM

STAGE = "ENVC_STAGE"

# Where nodes have a disk of their own, by what schedulers and sites say; the first that is set.
_SCRATCH = ("SLURM_TMPDIR", "PBS_JOBFS", "TMPDIR")
_DIGITS = 16
_PLACE = re.compile(rf"({NAME_FORM})-[0-9a-f]{{{_DIGITS}}}")


def stage_root(given: str | None) -> str:
    """The folder below which overlays are staged: given, `ENVC_STAGE`, else on the scratch disk."""
    root = given or os.environ.get(STAGE)
    if root:
        return os.path.abspath(root)
    scratch = next(filter(None, map(os.environ.get, _SCRATCH)), "/tmp")  # noqa: S108 - made private below
    return os.path.join(os.path.abspath(scratch), f"envc-{os.geteuid()}")


def staged(name: str, generation: Digest, root: str) -> str | None:
    """Where an overlay's generation is staged; None: it is not, or somebody else put it there."""
    folder = staged_place(name, generation, root)
    try:
        is_own = os.stat(folder).st_uid == os.geteuid() == os.lstat(root).st_uid
    except OSError:
        return None
    return folder if is_own else None


def overlay_of_place(name: str) -> str | None:
    """The overlay whose copy on a stage is called so; None: it is no copy's name."""
    found = _PLACE.fullmatch(name)
    return found[1] if found is not None else None


def staged_place(name: str, generation: Digest, root: str) -> str:
    """The folder that an overlay's generation has, or would have, below a stage."""
    return f"{root}/{name}-{hex_of(generation)[:_DIGITS]}"
