"""Everything a generation is made from: planned, named by digests, and not yet on the disk."""

from typing import NamedTuple

from envc.model.digest import Digest, digest_of
from envc.model.generation import GenerationWheel, generation_digest
from envc.model.plan import TreePlan


class PublishedLayer(NamedTuple):
    """A layer of a publication: its plan, and the digests that name it."""

    plan: TreePlan
    lock: Digest
    closure: Digest
    wheels: tuple[GenerationWheel, ...]
    runtime: str


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

    def digest(self) -> Digest:
        """The generation's digest: layers, trees, closures."""
        return generation_digest(
            {layer.plan.layer: (layer.plan.digest, layer.closure) for layer in self.layers}
        )

    def spec_digests(self) -> dict[str, Digest]:
        """The digest of each copy, by its name."""
        return {name: digest_of(text) for name, text in self.specs}
