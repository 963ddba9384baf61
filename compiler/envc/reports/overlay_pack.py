"""What `envc overlay pack --json` prints."""

from envc.model.digest import Digest
from envc.model.value import value


@value(kw_only=True)
class PackReport:
    """A packed overlay: its file, the digest of the file's index, and what is in it.

    `alone` tells that the trees were removed, and only the file is left.
    """

    name: str
    path: str
    digest: Digest
    generation: Digest
    size_bytes: int
    files: int
    alone: bool
