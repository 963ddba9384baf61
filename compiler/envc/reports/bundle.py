"""What `envc bundle --json` prints."""

from envc.model.digest import Digest
from envc.model.value import value


@value(kw_only=True)
class BundleReport:
    """A bundle: its file, the digest of its index, and what it is for.

    `targets` are the kinds of machine whose wheels it carries, by layer. `signed`: nodes that know
    a key of the site take it.
    """

    path: str
    digest: Digest
    site: str
    closures: dict[str, Digest]
    targets: dict[str, tuple[str, ...]]
    trees: int
    size_bytes: int
    signed: bool
