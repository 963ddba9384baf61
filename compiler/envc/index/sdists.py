"""The PKG-INFO of a source distribution's file.

Source: https://packaging.python.org/specifications/source-distribution-format/ (PEP 625).
"""

import os
import zlib

from envc.errors import UntrustedError

_LIMIT_BYTES = 16 * 1024**2


def pkg_info(path: str) -> bytes | None:
    """The PKG-INFO of a source distribution's file; None where it has none.

    Raises:
        UntrustedError: it is no archive that can be read.
        OSError: the disk refused.
    """
    import tarfile  # few runs read a source distribution
    import zipfile

    try:
        if path.endswith(".zip"):
            with zipfile.ZipFile(path) as archive:
                name = next(filter(_is_pkg_info, archive.namelist()), None)
                return archive.open(name).read(_LIMIT_BYTES) if name else None
        with tarfile.open(path, "r:gz") as tar:
            member = next((m for m in tar if m.isfile() and _is_pkg_info(m.name)), None)
            content = tar.extractfile(member) if member else None
            return content.read(_LIMIT_BYTES) if content else None
    except (tarfile.TarError, zipfile.BadZipFile, zlib.error, EOFError, RuntimeError) as error:
        raise UntrustedError(
            f"{os.path.basename(path)} is not a source distribution that can be read: {error}",
            where=path,
            mend="do not use this file; ask for another version, or tell who publishes it",
        ) from error


def _is_pkg_info(name: str) -> bool:
    """Whether it is the distribution's own: beside `pyproject.toml`, not in an `.egg-info`."""
    return name.removeprefix("./").count("/") == 1 and name.endswith("/PKG-INFO")
