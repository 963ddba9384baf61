"""What a site's bundle holds, read: its parcel, and the trees that a store lacks."""

from collections.abc import Collection, Iterator
from contextlib import contextmanager
from typing import Self

from envc.bundle import Bundle
from envc.errors import UntrustedError
from envc.model.digest import Digest, digest_of
from envc.ports import Reporter
from envc.store.portable import receive_trees

PARCEL, KIT, TREES = "parcel", "kit", "trees/"


class AcceptedBundle(str):
    """The path of a bundle that was found to be signed or wanted, and its digest then.

    It is opened again for what is read of it: whoever may write there could replace it meanwhile.
    """

    __slots__ = ("digest",)
    digest: Digest

    def __new__(cls, path: str, digest: Digest) -> Self:
        """The path, with the digest that it is to have."""
        accepted = super().__new__(cls, path)
        accepted.digest = digest
        return accepted


def receive_from_bundle(
    path: str, root: str, missing: Collection[str], reporter: Reporter
) -> frozenset[str]:
    """Bring those of the `missing` trees that a bundle has into the store; which ones it had.

    Nothing else of the bundle is read.

    Raises:
        UntrustedError: it is no bundle of a site, or damaged; nothing of it appears.
        OutsideError: the disk refused.
    """
    with Bundle(str(path)) as bundle:
        _refuse_other(bundle, path)
        held = [
            entry.name.removeprefix(TREES)
            for entry in bundle.index.entries
            if entry.name.startswith(TREES) and entry.name.removeprefix(TREES) in missing
        ]
        if held:
            streams = {name: bundle.chunks(TREES + name) for name in held}
            receive_trees(root, streams, source=bundle.path, reporter=reporter)
    return frozenset(held)


@contextmanager
def core_in(path: str, name: str) -> Iterator[Iterator[bytes] | None]:
    """The entry of that name in a site's bundle, open to read; None: it has none.

    Raises:
        UntrustedError: it is no bundle of a site, or damaged.
    """
    with Bundle(str(path)) as bundle:
        _refuse_other(bundle, path)
        yield bundle.chunks(name) if bundle.index.entry(name) is not None else None


def parcel_in(path: str) -> tuple[bytes, Digest]:
    """The parcel of a site's bundle, and its digest.

    Raises:
        UntrustedError: it is no bundle of a site, or damaged.
    """
    with Bundle(str(path)) as bundle:
        _refuse_other(bundle, path)
        content = bundle.read(PARCEL)
        return content, digest_of(content)


def bundle_digest(path: str) -> Digest:
    """The digest of a bundle's index, which names all that is in it.

    Raises:
        UntrustedError: it is no bundle of a site, or cut off.
    """
    with Bundle(str(path)) as bundle:
        _refuse_other(bundle, path)
        return bundle.digest


def _refuse_other(bundle: Bundle, path: str) -> None:
    if isinstance(path, AcceptedBundle) and bundle.digest != path.digest:
        raise UntrustedError(
            "this bundle was replaced while it was read",
            where=bundle.path,
            mend="find out who did it; then run the same command again",
        )
    if bundle.index.kind != "site":
        raise UntrustedError(
            f"this is a packed {bundle.index.kind}, and no bundle of a site",
            where=bundle.path,
            mend="make one with `envc bundle`",
        )
