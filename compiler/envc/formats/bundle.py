"""`bundle.json`, the index of a bundle (format 1; docs: schemas/bundle.md).

It names every entry with the digest of its first bytes, or of all of them: what follows the first
ones is verified by digests that they hold. So each byte is digested once, whatever packed it. The
index's own digest is the bundle's.
"""

from typing import Literal

from envc.errors import UntrustedError
from envc.formats.record_file import RecordFile
from envc.model.digest import SureDigest
from envc.model.value import value

BUNDLE_FORMAT = 1
INDEX_NAME = "bundle.json"
SIGNATURES_NAME = "bundle.json.sig"

BundleKind = Literal["overlay", "site"]


@value(kw_only=True)
class BundleEntry:
    """One entry: its name, its size packed and unpacked, and the digest of what comes first in it.

    `digest_bytes` are so many, unpacked; they hold the digests of the rest, if there is one.
    """

    name: str
    digest: SureDigest
    digest_bytes: int
    packed_bytes: int
    size_bytes: int


@value(kw_only=True)
class BundleIndex:
    """What a bundle holds, in the order of the file. `title` is for people."""

    kind: BundleKind
    title: str
    entries: tuple[BundleEntry, ...]

    def entry(self, name: str) -> BundleEntry | None:
        """The entry of that name, or None."""
        return next((entry for entry in self.entries if entry.name == name), None)


_FILE = RecordFile(
    kind=BundleIndex,
    name="bundle's index",
    number=BUNDLE_FORMAT,
    mend="make the bundle again, or fetch it again",
    refusal=UntrustedError,
    layout={"indent": 1, "ensure_ascii": False},
)
index_to_json = _FILE.to_json


def index_from_json(content: bytes, file: str) -> BundleIndex:
    """The index that `index_to_json` wrote.

    Raises:
        SpecError: it is newer than this envc.
        UntrustedError: it is not what envc writes.
    """
    where = f"{file} ({INDEX_NAME})"
    index = _FILE.from_json(content, where)
    for entry in index.entries:
        sizes = entry.digest_bytes, entry.packed_bytes, entry.size_bytes
        if min(sizes) < 0 or entry.digest_bytes > entry.size_bytes:
            raise _FILE.refused(f"entry {entry.name!r} has an impossible size", where)
    if len({entry.name for entry in index.entries}) != len(index.entries):
        raise _FILE.refused("two entries have one name", where)
    return index
