"""What `envc overlay --json` prints."""

from envc.model.digest import Digest
from envc.model.value import field, value
from envc.reports.change import LayerChange, LeftOut, Move


@value(kw_only=True)
class OverlayReport:
    """An overlay as it is now built. `inherits` counts the base's projects that it sees.

    `editable` has the folders of the user's own projects. `base_changes` tells what the base has
    otherwise than when the overlay was built the last time; None where it is the same, or where
    nobody knows any more. `moves` are the releases that this run has made people see others of.
    `replaced` has what stands for the base's release of each project that is shadowed or lifted:
    the base's version, and the overlay's.

    An overlay `on` an environment that envc did not build has no `target`: `on` is the interpreter
    that it names, and `modules` are the environment modules that it needs. `left_out` is what
    `init --from` found and an overlay has no place for.
    """

    name: str
    folder: str
    target: str
    base: str
    base_closure: Digest
    generation: int
    digest: Digest
    changed: bool
    inherits: int
    adds: tuple[str, ...]
    shadows: tuple[str, ...]
    lifts: tuple[str, ...]
    hides: tuple[str, ...]
    editable: dict[str, str]
    base_changes: LayerChange | None
    files: int
    moves: tuple[Move, ...] = ()
    on: str = ""
    modules: tuple[str, ...] = ()
    left_out: tuple[LeftOut, ...] = ()
    replaced: dict[str, tuple[str, str]] = field(default_factory=dict)
