"""The interpreter that a site carries, on the machine where its archive is.

    <cache>/cores-v1/<hex of the archive>/…

It is unpacked there once; targets, bundles and roll-outs have it from there.
"""

import os

from envc.errors import InternalError
from envc.host.context import default_cache
from envc.model.core import core_interpreter
from envc.model.spec import CoreArchive, CoreSpec
from envc.ports import Reporter, SilentReporter


def core_cache() -> str:
    """The cache's folder of cores."""
    return f"{default_cache()}/cores-v1"


def cached_core(core: CoreSpec, origin: str, reporter: Reporter | None = None) -> str:
    """The interpreter that the spec in the folder `origin` carries, unpacked in the cache.

    Raises:
        UntrustedError: the archive has another digest, or is hostile.
        UsageError: it holds no such interpreter, or one that does not run on this machine.
        OutsideError: it cannot be read, or the disk refused.
    """
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
    return found


def archive_of(core: CoreSpec) -> CoreArchive:
    """The archive of a core that is carried.

    Raises:
        InternalError: it is not.
    """
    if core.archive is None:
        raise InternalError("a core is looked for that the site does not carry")
    return core.archive
