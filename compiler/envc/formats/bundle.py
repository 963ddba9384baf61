"""`bundle.json`, the index of a bundle (format 1; docs: schemas/bundle.md).

It names every entry with the digest of its first bytes, or of all of them: what follows the first
ones is verified by digests that they hold. So each byte is digested once, whatever packed it. The
index's own digest is the bundle's.
"""

import json
from typing import Literal

from pydantic import BaseModel, ConfigDict, ValidationError

from envc.errors import SpecError, UntrustedError
from envc.model.digest import Digest, is_digest
from envc.model.value import value

BUNDLE_FORMAT = 1
INDEX_NAME = "bundle.json"
SIGNATURES_NAME = "bundle.json.sig"

BundleKind = Literal["overlay", "site"]

_MEND = "make the bundle again, or fetch it again"


@value(kw_only=True)
class BundleEntry:
    """One entry: its name, its size packed and unpacked, and the digest of what comes first in it.

    `digest_bytes` are so many, unpacked; they hold the digests of the rest, if there is one.
    """

    name: str
    digest: Digest
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


class _Record(BaseModel):
    model_config = ConfigDict(frozen=True, strict=True, extra="forbid")


class EntryRecord(_Record):
    """An element of `entries`."""

    name: str
    digest: str
    digest_bytes: int
    packed_bytes: int
    size_bytes: int


class BundleRecord(_Record):
    """The whole file."""

    version: int
    kind: BundleKind
    title: str
    entries: list[EntryRecord]


def index_to_json(index: BundleIndex) -> bytes:
    """The file's bytes; equal indexes give equal bytes."""
    value = {
        "version": BUNDLE_FORMAT,
        "kind": index.kind,
        "title": index.title,
        "entries": [
            {
                "name": entry.name,
                "digest": entry.digest,
                "digest_bytes": entry.digest_bytes,
                "packed_bytes": entry.packed_bytes,
                "size_bytes": entry.size_bytes,
            }
            for entry in index.entries
        ],
    }
    return json.dumps(value, indent=1, ensure_ascii=False).encode() + b"\n"


def index_from_json(content: bytes, file: str) -> BundleIndex:
    """The index that `index_to_json` wrote.

    Raises:
        SpecError: it is newer than this envc.
        UntrustedError: it is not what envc writes.
    """
    where = f"{file} ({INDEX_NAME})"
    try:
        version = json.loads(content)["version"]
        if isinstance(version, int) and version > BUNDLE_FORMAT:
            raise SpecError(
                f"bundle format {version} is newer than this envc, which reads {BUNDLE_FORMAT}",
                where=where,
                mend="use a newer envc",
            )
        record = BundleRecord.model_validate_json(content)
        entries = tuple(_entry(entry) for entry in record.entries)
    except (ValueError, KeyError, TypeError, RecursionError, ValidationError) as error:
        raise UntrustedError(
            "this index of a bundle is damaged", where=where, mend=_MEND
        ) from error
    if len({entry.name for entry in entries}) != len(entries):
        raise UntrustedError("two entries of this bundle have one name", where=where, mend=_MEND)
    return BundleIndex(kind=record.kind, title=record.title, entries=entries)


def _entry(record: EntryRecord) -> BundleEntry:
    sizes = record.digest_bytes, record.packed_bytes, record.size_bytes
    if not is_digest(record.digest) or min(sizes) < 0 or record.digest_bytes > record.size_bytes:
        raise ValueError(record.name)
    return BundleEntry(
        name=record.name,
        digest=Digest(record.digest),
        digest_bytes=record.digest_bytes,
        packed_bytes=record.packed_bytes,
        size_bytes=record.size_bytes,
    )
