"""What a site's bundle holds, read: its parcel, and the trees that a store lacks."""

from collections.abc import Collection

from envc.bundle import Bundle
from envc.errors import UntrustedError
from envc.model.digest import Digest, digest_of
from envc.ports import Reporter
from envc.store.portable import receive_trees

PARCEL, KIT, TREES = "parcel", "kit", "trees/"


def receive_from_bundle(
    path: str, root: str, missing: Collection[str], reporter: Reporter
) -> frozenset[str]:
    """Bring those of the `missing` trees that a bundle has into the store; which ones it had.

    Nothing else of the bundle is read.

    Raises:
        UntrustedError: it is no bundle of a site, or damaged; nothing of it appears.
        OutsideError: the disk refused.
    """
    with Bundle(path) as bundle:
        _refuse_other(bundle)
        held = [
            entry.name.removeprefix(TREES)
            for entry in bundle.index.entries
            if entry.name.startswith(TREES) and entry.name.removeprefix(TREES) in missing
        ]
        if held:
            streams = {name: bundle.chunks(TREES + name) for name in held}
            receive_trees(root, streams, reporter=reporter)
    return frozenset(held)


def parcel_in(path: str) -> tuple[bytes, Digest]:
    """The parcel of a site's bundle, and its digest.

    Raises:
        UntrustedError: it is no bundle of a site, or damaged.
    """
    with Bundle(path) as bundle:
        _refuse_other(bundle)
        content = bundle.read(PARCEL)
        return content, digest_of(content)


def bundle_digest(path: str) -> Digest:
    """The digest of a bundle's index, which names all that is in it.

    Raises:
        UntrustedError: it is no bundle of a site, or cut off.
    """
    with Bundle(path) as bundle:
        _refuse_other(bundle)
        return bundle.digest


def _refuse_other(bundle: Bundle) -> None:
    if bundle.index.kind != "site":
        raise UntrustedError(
            f"this is a packed {bundle.index.kind}, and no bundle of a site",
            where=bundle.path,
            mend="make one with `envc bundle`",
        )
