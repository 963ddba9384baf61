"""Sources, unpacked or copied for one build.

Source: https://packaging.python.org/specifications/source-distribution-format/ (PEP 625, 721).
"""

import os
import shutil
import stat
import tarfile
import zipfile
import zlib

from envc.disk.untar import untar
from envc.errors import UntrustedError
from envc.model.digest import Digest
from envc.model.source import NOT_SOURCES
from envc.model.value import value

LIMIT_BYTES = 8 * 1024**3
_HOSTILE = "do not use this file; ask for another version, or tell who publishes it"


@value(kw_only=True)
class Source:
    """What a wheel is built from: the file of a source distribution, or a folder.

    `label` names it to people, `digest` is that of its content. `in_place`: the folder itself is
    built in, not a copy of it, as an editable project demands (PEP 660).
    """

    label: str
    path: str
    digest: Digest
    in_place: bool = False


def unpack(source: Source, folder: str) -> str:
    """The folder below `folder` that now has the source's `pyproject.toml` or `setup.py`.

    A source distribution is unpacked, a folder copied, so that no build writes into it, unless it
    is to be built in place.

    Raises:
        UntrustedError: it is no archive that can be unpacked safely.
        OSError: the disk refused.
    """
    if source.in_place:
        return source.path
    if os.path.isdir(source.path):
        place = f"{folder}/source"
        ignored = shutil.ignore_patterns(*NOT_SOURCES)
        shutil.copytree(source.path, place, symlinks=True, ignore=ignored)
        return place
    try:
        if source.path.endswith(".zip"):
            _unpack_zip(source.path, folder)
        else:
            with tarfile.open(source.path, "r:gz") as archive:
                untar(archive, folder, LIMIT_BYTES)
    except (tarfile.TarError, zipfile.BadZipFile, zlib.error, EOFError, ValueError) as error:
        raise _unusable(source.path, str(error)) from error
    entries = os.listdir(folder)
    if len(entries) != 1 or not os.path.isdir(f"{folder}/{entries[0]}"):
        raise _unusable(source.path, "it does not hold exactly one folder")
    return f"{folder}/{entries[0]}"


def _unpack_zip(path: str, folder: str) -> None:
    with zipfile.ZipFile(path) as archive:
        if sum(member.file_size for member in archive.infolist()) > LIMIT_BYTES:
            raise ValueError(f"it unpacks to more than {LIMIT_BYTES} bytes")
        for member in archive.infolist():
            written = archive.extract(member, folder)  # which keeps to the folder
            if not member.is_dir() and member.external_attr >> 16 & stat.S_IXUSR:
                os.chmod(written, 0o755)


def _unusable(path: str, reason: str) -> UntrustedError:
    return UntrustedError(
        f"{os.path.basename(path)} is not a source distribution that can be unpacked: {reason}",
        where=path,
        mend=_HOSTILE,
    )
