"""What was brought to this machine as files: bundles, and the interpreter that a site carries."""

from typing import NamedTuple

from envc.model.digest import Digest


class BundleFile(NamedTuple):
    """A site's bundle: its path, and the digest of the index that was signed or is wanted.

    It is opened again for what is read of it: whoever may write there could replace it meanwhile.
    None: nobody has to have signed it.
    """

    path: str
    digest: Digest | None = None


class PackedCore(NamedTuple):
    """A file that brings a core to nodes, and the digest of its bytes."""

    path: str
    digest: Digest


class Sources(NamedTuple):
    """Where wheels and the interpreter are taken from, before any index and the site's archive.

    `wheels` is a folder of them, or a bundle, which brings the interpreter as well.
    """

    wheels: str | BundleFile | None = None
    core: PackedCore | None = None
