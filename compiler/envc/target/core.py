"""The interpreter that a site carries, as a target has it: `TARGET/core/<hex of the archive>/`."""

import os
from typing import NamedTuple

from envc.core.cached import archive_of, cached_core, core_cache
from envc.host.context import Context
from envc.model.core import CORE_FOLDER, PackedCore, core_interpreter
from envc.model.digest import Digest, hex_of
from envc.model.spec import CoreSpec
from envc.target.directory import Directory


class Brought(NamedTuple):
    """What was brought to this machine: a folder of wheels or a bundle, and a core as a file."""

    source: str | None = None
    packed: PackedCore | None = None


def cores_of(directory: Directory) -> str:
    """A target's folder of cores."""
    return f"{directory.path}/{CORE_FOLDER}"


def core_name(archive: Digest) -> str:
    """The name of a core among the entries of a bundle."""
    return f"{CORE_FOLDER}/{hex_of(archive)}"


def place_core(
    directory: Directory, core: CoreSpec, origin: str, brought: Brought, context: Context
) -> str:
    """The interpreter in the target, brought there unless it is; `origin`: where the spec stands.

    Raises:
        UntrustedError: the archive, or what was made of it, is not what its digest says.
        UsageError: its interpreter is another Python, or does not run here.
        OutsideError: it cannot be had, or the disk refused.
    """
    digest = archive_of(core).digest
    folder = cores_of(directory)
    found = core_interpreter(folder, digest, core.python)
    if not os.access(found, os.X_OK):
        bring_core(folder, core, origin, brought, context)
    return found


def bring_core(
    folder: str, core: CoreSpec, origin: str, brought: Brought, context: Context
) -> None:
    """Bring a core into a folder of cores: from a bundle, a file, else the site's archive.

    Raises:
        UntrustedError, UsageError, OutsideError: as for `place_core`.
    """
    from envc.core.travel import core_stream, receive_core, receive_packed_core

    digest = archive_of(core).digest
    if brought.source is not None and os.path.isfile(brought.source):
        from envc.supply.bundled import core_in

        with core_in(brought.source, core_name(digest)) as chunks:
            if chunks is not None:
                receive_core(folder, digest, chunks, where=brought.source)
                return
    if brought.packed is not None and os.path.exists(brought.packed.path):
        receive_packed_core(folder, digest, brought.packed)
        return
    cached_core(core, origin, context.reporter)
    receive_core(folder, digest, core_stream(core_cache(), digest).chunks, where=core_cache())
