"""What `envc materialize --json` prints; a run that prints none does without."""

from envc.model.digest import Digest
from envc.model.value import value


@value(kw_only=True)
class LayerReport:
    """A layer's tree in the report."""

    digest: Digest
    closure: Digest
    distributions: int
    files: int
    linked: int
    copied: int


@value(kw_only=True)
class MaterializeReport:
    """What `envc materialize` did, or found done.

    `switched`: another generation is current now. `policy`: what the site says about overlays is
    something else now. `restored` and `removed` are names in the target that led astray. `warnings`
    are what an administrator should know.
    """

    target: str
    generation: int
    digest: Digest
    changed: bool
    switched: bool
    policy: bool
    restored: tuple[str, ...]
    removed: tuple[str, ...]
    warnings: tuple[str, ...]
    layers: dict[str, LayerReport]
