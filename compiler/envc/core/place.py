"""The interpreter that a site carries, where it is needed: unpacked, brought, or packed to travel.

<cache>/cores-v1/<hex of the archive>/…     on the machine where the archive is
TARGET/core/<hex of the archive>/…          in each target
"""

import os
from contextlib import suppress
from typing import TYPE_CHECKING

from envc.disk.cache_place import own_cache
from envc.disk.durable import doing, write_file
from envc.errors import InternalError
from envc.model.bundle import BundleFile, PackedCore, Sources
from envc.model.core import core_interpreter
from envc.model.digest import digest_from_hex, hex_of
from envc.ports import Reporter, SilentReporter

if TYPE_CHECKING:
    from envc.model.spec import CoreArchive, CoreSpec


def core_cache() -> str:
    """The cache's folder of cores."""
    return f"{own_cache()}/cores-v1"


def cached_core(core: "CoreSpec", origin: str, reporter: Reporter | None = None) -> str:
    """The interpreter that the spec in the folder `origin` carries, unpacked in the cache.

    Raises:
        UntrustedError: the archive has another digest, or is hostile.
        UsageError: it holds no such interpreter, or one that does not run on this machine.
        OutsideError: it cannot be read, or the disk refused.
    """
    from envc.core.folder import core_root
    from envc.disk.cache import record_use  # few sites carry one

    archive = archive_of(core)
    folder = core_cache()
    found = core_interpreter(folder, archive.digest, core.python)
    if not os.access(found, os.X_OK):
        from envc.core.unpack import unpack_core  # most runs unpack none

        unpack_core(
            folder,
            os.path.join(origin, archive.path),
            archive.digest,
            python=core.python,
            reporter=reporter or SilentReporter(),
        )
    record_use(own_cache(), core_root(found))
    return found


def archive_of(core: "CoreSpec") -> "CoreArchive":
    """The archive of a core that is carried."""
    if core.archive is None:
        raise InternalError("a core is looked for that the site does not carry")
    return core.archive


def place_core(
    folder: str, core: "CoreSpec", origin: str, sources: Sources, reporter: Reporter
) -> str:
    """The interpreter in a target's folder of cores, brought there unless it is.

    It is taken from a bundle, else from the file that a roll-out brought, else from the archive
    that the spec in the folder `origin` names.

    Raises:
        UntrustedError: the archive, or what was made of it, is not what its digest says.
        UsageError: its interpreter is another Python, or does not run here.
        OutsideError: it cannot be had, or the disk refused.
    """
    from envc.bundle.site import SiteBundle  # most runs bring none
    from envc.core.travel import core_stream, receive_core, receive_packed_core

    digest = archive_of(core).digest
    found = core_interpreter(folder, digest, core.python)
    if os.access(found, os.X_OK):
        return found
    if isinstance(sources.wheels, BundleFile):
        with SiteBundle(sources.wheels) as bundle:
            chunks = bundle.core(digest)
            if chunks is not None:
                receive_core(folder, digest, chunks, where=bundle.path)
                return found
    if sources.core is not None and os.path.exists(sources.core.path):
        receive_packed_core(folder, digest, sources.core)
        return found
    cached_core(core, origin, reporter)
    receive_core(folder, digest, core_stream(core_cache(), digest).chunks, where=core_cache())
    return found


def packed_core(core: "CoreSpec", origin: str, folder: str) -> PackedCore:
    """The core that a spec carries as a file for nodes, packed into that folder once.

    Raises:
        UntrustedError, UsageError, OutsideError: as for `cached_core`.
    """
    from envc.core.travel import pack_core

    cached_core(core, origin)
    digest = archive_of(core).digest
    note = f"{folder}/{hex_of(digest)}"
    with doing("pack the interpreter", folder):
        with suppress(FileNotFoundError), open(note, encoding="ascii") as file:
            packed = digest_from_hex(file.read())
            path = f"{folder}/{hex_of(packed)}.tar.gz"
            if os.path.exists(path):
                return PackedCore(path, packed)
        made = pack_core(core_cache(), digest, folder)
        write_file(note, hex_of(made.digest).encode())
    return made
