"""Core metadata: the text of METADATA, or the wheel that holds it → what resolving needs."""

import zlib
from typing import TYPE_CHECKING, BinaryIO

from packaging.utils import NormalizedName, canonicalize_name
from packaging.version import InvalidVersion, Version

from envc.errors import UntrustedError
from envc.model.release import CoreMetadata, Distribution

if TYPE_CHECKING:
    from zipfile import ZipFile, ZipInfo

# Descriptions of some projects reach a megabyte.
METADATA_LIMIT_BYTES = 16 * 1024 * 1024


def parse_metadata(content: bytes, distribution: Distribution) -> CoreMetadata:
    """The metadata in a METADATA text. Lines that do not parse are kept for the resolver to judge.

    Raises:
        UntrustedError: it is of another project or version than the file's name says.
    """
    from email.parser import HeaderParser

    message = HeaderParser().parsestr(content.decode(errors="replace"))
    name, version = message.get("Name", "").strip(), message.get("Version", "").strip()
    if canonicalize_name(name) != distribution.project or not _is(version, distribution.version):
        raise UntrustedError(
            f"the metadata of {distribution.filename} is that of {name or '(no name)'} "
            f"{version or '(no version)'}",
            where=distribution.url,
            mend="do not use this file: exclude its version, and tell who runs the index",
        )
    python = message.get("Requires-Python", "").strip()
    return CoreMetadata(
        project=distribution.project,
        version=str(distribution.version),
        requires=tuple(_one_line(line) for line in message.get_all("Requires-Dist", [])),
        requires_python=python or None,
        extras=_extras(message.get_all("Provides-Extra", [])),
    )


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


def _is(version: str, expected: Version) -> bool:
    try:
        return Version(version) == expected
    except InvalidVersion:
        return False


def _extras(names: list[str]) -> tuple[NormalizedName, ...]:
    return tuple(sorted({canonicalize_name(name.strip()) for name in names}))


def _one_line(value: str) -> str:
    """A header's value; long ones may be folded over several lines."""
    return " ".join(value.split())
