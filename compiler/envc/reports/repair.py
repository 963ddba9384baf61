"""What `envc repair --json` prints."""

from envc.model.value import value


@value(kw_only=True)
class Mended:
    """A path that was not as published. `where`: `core`, `store`, or generation and layer."""

    where: str
    path: str
    kind: str


@value(kw_only=True)
class RepairReport:
    """What was mended, and what could not be; `ok` when nothing is left."""

    ok: bool
    target: str
    repaired: tuple[Mended, ...]
    unrepaired: tuple[Mended, ...]
