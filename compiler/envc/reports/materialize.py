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
    """What `envc materialize` did, or found done."""

    target: str
    generation: int
    digest: Digest
    changed: bool
    layers: dict[str, LayerReport]
