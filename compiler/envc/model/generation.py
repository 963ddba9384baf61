"""One complete, immutable, numbered set of trees: what `generations/N/manifest.json` says."""

from collections.abc import Mapping

from envc.model.digest import Digest, digest_of_json
from envc.model.value import value

GENERATION_FORMAT = 1
# At the root of every tree; the names that lead to it are those that people load.
MODULEFILE, TCL_MODULEFILE = "modulefile.lua", "modulefile.tcl"


@value
class GenerationWheel:
    """A wheel of a layer: whose it is, and which tree of the store its files are linked from."""

    project: str
    version: str
    store_id: str


@value
class GenerationLayer:
    """A layer's tree in a generation.

    `digest` is the tree digest, `closure` the digest of the layer's lock, its base's closure and
    the core: the name under which overlays and jobs find it on any node. `runtime` is the stored
    tree of the start-up files.
    """

    digest: Digest
    closure: Digest
    lock: Digest
    distributions: int
    files: int
    linked: int
    copied: int
    wheels: tuple[GenerationWheel, ...]
    runtime: str

    def store_ids(self) -> tuple[str, ...]:
        """The trees of the store that the layer is linked from."""
        return (*(wheel.store_id for wheel in self.wheels), self.runtime)


@value
class Generation:
    """A generation's record. `digest` covers its layers' names, digests and closures.

    `core` is the tree digest of the core where the target carries it, and `interpreter` is in it.
    None: it is the node's own. `specs` are the files of `site/`, locks and all; None where an
    earlier envc did not tell.
    """

    generation: int
    digest: Digest
    site: str
    python: str
    interpreter: str
    layers: dict[str, GenerationLayer]
    core: Digest | None = None
    specs: dict[str, Digest] | None = None

    def own_digest(self) -> Digest:
        """What `digest` must be for these layers."""
        return generation_digest(
            {name: (layer.digest, layer.closure) for name, layer in self.layers.items()}
        )


def generation_digest(layers: Mapping[str, tuple[Digest, Digest]]) -> Digest:
    """The digest of a generation: layer → tree digest, closure."""
    return digest_of_json(layers)


def generation_name(number: int) -> str:
    """The name of a generation's folder: six digits, so that names sort as numbers do."""
    return f"{number:06d}"


def number_named(name: str) -> int | None:
    """The number of the generation whose folder has this name; None: it is no such name."""
    return int(name) if name.isascii() and name.isdecimal() else None
