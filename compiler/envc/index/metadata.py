"""Core metadata of a wheel that can be read at any place."""

import zlib
from typing import TYPE_CHECKING, BinaryIO

from envc.errors import UntrustedError
from envc.formats.core_metadata import parse_metadata
from envc.model.release import CoreMetadata, Distribution

if TYPE_CHECKING:
    from zipfile import ZipFile, ZipInfo

# Descriptions of some projects reach a megabyte.
METADATA_LIMIT_BYTES = 16 * 1024 * 1024


def metadata_of_wheel(file: BinaryIO, distribution: Distribution) -> CoreMetadata:
    """The metadata in a wheel that can be read at any place.

    Raises:
        UntrustedError: it is no wheel, or not the one its name says.
    """
    from zipfile import BadZipFile, LargeZipFile, ZipFile

    try:
        with ZipFile(file) as archive:
            content = _member(archive, _metadata_member(archive))
    except (
        *(BadZipFile, LargeZipFile, zlib.error, EOFError),
        *(ValueError, LookupError, RuntimeError),  # zipfile's answers to hostile members
    ) as error:
        raise UntrustedError(
            f"{distribution.filename} is not a wheel that can be read: {error}",
            where=distribution.url,
            mend="do not use this file: exclude its version, and tell who runs the index",
        ) from error
    return parse_metadata(content, distribution)


def _metadata_member(archive: "ZipFile") -> "ZipInfo":
    """The wheel's own METADATA: some wheels carry those of vendored projects further down."""
    found = [
        member
        for member in archive.infolist()
        if member.filename.endswith(".dist-info/METADATA") and member.filename.count("/") == 1
    ]
    if len(found) != 1:
        raise ValueError(f"it has {len(found)} METADATA files, not one")
    return found[0]


def _member(archive: "ZipFile", member: "ZipInfo") -> bytes:
    with archive.open(member) as stream:
        content = stream.read(METADATA_LIMIT_BYTES + 1)
    if len(content) > METADATA_LIMIT_BYTES:
        raise ValueError(f"{member.filename} is longer than {METADATA_LIMIT_BYTES} bytes")
    return content
