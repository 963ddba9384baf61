"""Everything a generation is made from: planned, named by digests, and not yet on the disk."""

from collections.abc import Iterable
from typing import NamedTuple

from envc.model.digest import Digest, digest_of
from envc.model.generation import Generation, GenerationLayer, GenerationWheel, generation_digest
from envc.model.names import is_inventory_name
from envc.model.plan import TreePlan


class PublishedLayer(NamedTuple):
    """A layer of a publication: its plan, and the digests that name it."""

    plan: TreePlan
    lock: Digest
    closure: Digest
    wheels: tuple[GenerationWheel, ...]
    runtime: str

    def record(self, linked: int, copied: int) -> GenerationLayer:
        """What a generation's record says of it, of whose files so many are links and copies."""
        return GenerationLayer(
            digest=self.plan.digest,
            closure=self.closure,
            lock=self.lock,
            distributions=len(self.wheels),
            files=linked + copied,
            linked=linked,
            copied=copied,
            wheels=self.wheels,
            runtime=self.runtime,
        )


class Publication(NamedTuple):
    """All layers of a generation to be. `specs` are copies: file name → bytes.

    `core` is the tree digest of the core, where the target carries it. `policy` is the text of the
    target's policy file, empty for an overlay; `settings` has each layer's variables and modules,
    as JSON. `on_files`: the spec names files or folders, which may change while specs and locks
    stay.
    """

    site: str
    python: str
    interpreter: str
    layers: tuple[PublishedLayer, ...]
    specs: tuple[tuple[str, bytes], ...]
    core: Digest | None = None
    policy: bytes = b""
    settings: bytes = b"{}"
    on_files: bool = False

    def inventories(self) -> tuple[tuple[str, bytes], ...]:
        """Those of the `specs` that tell of environments which envc did not build."""
        return tuple((name, text) for name, text in self.specs if is_inventory_name(name))

    def digest(self) -> Digest:
        """The generation's digest: layers, trees, closures."""
        return generation_digest(
            {layer.plan.layer: (layer.plan.digest, layer.closure) for layer in self.layers}
        )

    def record(self, number: int, built: Iterable[tuple[int, int]]) -> Generation:
        """The record of a generation; `built` are the linked and the copied files of each layer."""
        return Generation(
            generation=number,
            digest=self.digest(),
            site=self.site,
            python=self.python,
            interpreter=self.interpreter,
            core=self.core,
            layers={
                layer.plan.layer: layer.record(linked, copied)
                for layer, (linked, copied) in zip(self.layers, built, strict=True)
            },
            specs={name: digest_of(text) for name, text in self.specs},
        )
