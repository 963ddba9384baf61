"""A site's bundle, read: the site's parcel, its interpreter, and the trees that a store lacks."""

from collections.abc import Collection, Iterator

from envc.bundle.reader import Bundle
from envc.errors import UntrustedError
from envc.model.bundle import BundleFile
from envc.model.digest import Digest, hex_of

PARCEL, TREES = "parcel", "trees/"
# When it was made, in nanoseconds since 1970: an entry, since 0.1 refuses fields and reads these.
MADE = "made"
_MOST_DIGITS = 20


def core_entry(archive: Digest) -> str:
    """The name of the entry with the interpreter that was made of an archive."""
    return f"core/{hex_of(archive)}"


class SiteBundle(Bundle):
    """An open bundle of a site; a context.

    Raises:
        UntrustedError: it is no bundle of a site, damaged, or another one than was accepted.
        UsageError, SpecError, OutsideError: as for `Bundle`.
    """

    def __init__(self, file: BundleFile) -> None:
        super().__init__(file.path)
        if file.digest not in {None, self.digest}:
            self.close()
            raise UntrustedError(
                "this bundle was replaced while it was read",
                where=self.path,
                mend="find out who did it; then run the same command again",
            )
        if self.index.kind != "site":
            self.close()
            raise UntrustedError(
                f"this is a packed {self.index.kind}, and no bundle of a site",
                where=self.path,
                mend="make one with `envc bundle`",
            )

    def parcel(self) -> bytes:
        """The site's spec and locks."""
        return self.read(PARCEL)

    def made(self) -> int:
        """When it was made, in nanoseconds since 1970; 0: it does not tell.

        Raises:
            UntrustedError: that is no time.
        """
        entry = self.index.entry(MADE)
        if entry is None:
            return 0
        text = self.read(MADE) if entry.size_bytes <= _MOST_DIGITS else b""
        if not text.isdigit():
            raise self._damaged(f"entry {MADE} of this bundle is no time")
        return int(text)

    def core(self, archive: Digest) -> Iterator[bytes] | None:
        """The interpreter that was made of an archive, as a stream; None: it is not in here."""
        name = core_entry(archive)
        return self.chunks(name) if self.index.entry(name) is not None else None

    def trees(self, wanted: Collection[str]) -> dict[str, Iterator[bytes]]:
        """Those of the `wanted` trees that are in here, as streams, in the order of the file."""
        names = [entry.name for entry in self.index.entries if entry.name.startswith(TREES)]
        held = (name.removeprefix(TREES) for name in names)
        return {name: self.chunks(TREES + name) for name in held if name in wanted}
