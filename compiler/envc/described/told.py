"""The names by which one state of a folder is told from another."""

from collections.abc import Iterable

from envc.model.digest import Digest, digest_of

# As `foreign.py` and the start-up hook (`runtime/_envc_described.py`) take them.
TOLD = (".dist-info", ".egg-info", ".egg", ".pth", ".egg-link", ".start")


def names_digest(names: Iterable[str]) -> Digest:
    """The digest of those names of a folder; the hook makes it, too."""
    return digest_of("\n".join(sorted(names)).encode(errors="surrogateescape"))
