"""The interpreter that a roll-out brings to nodes, where the site carries one."""

import os

from envc.core.cached import cached_core, core_cache
from envc.errors import UsageError
from envc.fleet.wanted import place_file
from envc.model.core import PackedCore
from envc.model.digest import Digest, digest_from_hex, hex_of
from envc.model.value import value
from envc.sites.site import Site
from envc.target.directory import read_bytes


@value
class CoreFreight:
    """The core that a site carries: the digest of its archive, and the file that brings it."""

    archive: Digest
    packed: PackedCore


def packed_core_of(site: Site, cache: str, python: str | None) -> CoreFreight | None:
    """The core that a site carries, packed once and kept in the cache; None: it carries none.

    `python` is the nodes' own interpreter, if one was named.

    Raises:
        UsageError: the site carries one, and one was named.
        UntrustedError, UsageError, OutsideError: as for `cached_core`.
    """
    archive = site.spec.core.archive
    if archive is None:
        return None
    if python is not None:
        raise UsageError(
            "the site carries its interpreter: nodes need none of their own",
            where=f"{site.spec.file} (core.archive)",
            mend="leave --python away",
        )
    from envc.core.travel import pack_core  # few sites carry one

    cached_core(site.spec.core, site.origin)
    folder = f"{cache}/rollouts-v1/cores"
    note = f"{folder}/{hex_of(archive.digest)}"
    try:
        packed = digest_from_hex(read_bytes(note, missing_is_fine=True).decode())
        path = f"{folder}/{hex_of(packed)}.tar.gz"
        if os.path.exists(path):
            return CoreFreight(archive.digest, PackedCore(path, packed))
    except FileNotFoundError:
        pass  # it was never packed here
    made = pack_core(core_cache(), archive.digest, folder)
    place_file(note, hex_of(made.digest).encode())
    return CoreFreight(archive.digest, made)
