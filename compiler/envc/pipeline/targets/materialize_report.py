"""What `envc materialize --json` prints; a run that prints none does without."""

from envc.model.digest import Digest
from envc.model.value import value
from envc.pipeline.targets.materialize import Materialized


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


def materialize_report(done: Materialized) -> MaterializeReport:
    """What was done, as a report."""
    return MaterializeReport(
        target=done.target,
        generation=done.generation.generation,
        digest=done.generation.digest,
        changed=done.changed,
        layers={
            name: LayerReport(
                digest=layer.digest,
                closure=layer.closure,
                distributions=layer.distributions,
                files=layer.files,
                linked=layer.linked,
                copied=layer.copied,
            )
            for name, layer in done.generation.layers.items()
        },
    )
