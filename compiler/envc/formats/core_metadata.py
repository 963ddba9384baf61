"""Core metadata: the text of METADATA or PKG-INFO → what resolving needs.

Source: https://packaging.python.org/specifications/core-metadata/
"""

import re
import zlib
from typing import TYPE_CHECKING, BinaryIO

from packaging.utils import canonicalize_name
from packaging.version import InvalidVersion, Version

from envc.errors import MetadataError
from envc.model.release import CoreMetadata, Distribution
from envc.model.spec import LONGEST_REQUIREMENT

if TYPE_CHECKING:
    from email.message import Message

METADATA_NAME_ENDING = ".dist-info/METADATA"
# Descriptions of some projects reach a megabyte.
METADATA_LIMIT_BYTES = 16 * 1024 * 1024
# Old metadata has its description among its headers.
_MOST_HEADER_BYTES = 4 * 1024 * 1024
# Of all requirements together; releases with a thousand of them have a sixth of it.
_MOST_REQUIRED_CHARACTERS = 512 * 1024
_HEADERS_END = re.compile(rb"\r?\n\r?\n|\r\r")

# The first version whose source distributions tell what a build may still change (PEP 643).
_TELLS_DYNAMIC = Version("2.2")
_NEEDED = {"requires-dist", "requires-python", "provides-extra", "version"}


def parse_metadata(content: bytes, distribution: Distribution) -> CoreMetadata:
    """The metadata in a METADATA text. Lines that do not parse are kept for the resolver to judge.

    Raises:
        MetadataError: it is of another project or version than the file's name says, or has no end.
    """
    message = _headers(content, distribution)
    name, version = message.get("Name", "").strip(), message.get("Version", "").strip()
    if canonicalize_name(name) != distribution.project or not _is(version, distribution.version):
        raise _unusable(
            distribution,
            f"is that of {name or '(no name)'} {version or '(no version)'}",
        )
    # Long values may be folded over several lines.
    requires = tuple(" ".join(line.split()) for line in message.get_all("Requires-Dist", []))
    if sum(map(len, requires)) > _MOST_REQUIRED_CHARACTERS:
        what = f"has more than {_MOST_REQUIRED_CHARACTERS} characters of requirements"
        raise _unusable(distribution, what)
    python = message.get("Requires-Python", "").strip()
    extras = message.get_all("Provides-Extra", [])
    return CoreMetadata(
        project=distribution.project,
        version=str(distribution.version),
        requires=requires,
        requires_python=python if 0 < len(python) <= LONGEST_REQUIREMENT else None,
        extras=tuple(sorted({canonicalize_name(name.strip()) for name in extras})),
    )


def static_metadata(content: bytes, distribution: Distribution) -> CoreMetadata | None:
    """The metadata in a source distribution's PKG-INFO, if every wheel of it will have the same.

    Source: PEP 643.

    Raises:
        MetadataError: as `parse_metadata`.
    """
    message = _headers(content, distribution)
    try:
        tells = Version(message.get("Metadata-Version", "").strip()) >= _TELLS_DYNAMIC
    except InvalidVersion:
        return None
    dynamic = {field.strip().lower() for field in message.get_all("Dynamic", [])}
    if not tells or dynamic & _NEEDED:
        return None
    return parse_metadata(content, distribution)


def wheel_metadata(file: BinaryIO) -> bytes:
    """The text of METADATA in a wheel that can be read at any place.

    It is the wheel's own: some carry those of vendored projects further down.

    Raises:
        ValueError: it is no wheel that can be read; the message says why.
        Whatever `file` raises.
    """
    from zipfile import BadZipFile, LargeZipFile, ZipFile

    try:
        with ZipFile(file) as archive:
            names = [name for name in archive.namelist() if name.endswith(METADATA_NAME_ENDING)]
            names = [name for name in names if name.count("/") == 1]
            if len(names) != 1:
                raise ValueError(f"it has {len(names)} METADATA files, not one")
            with archive.open(names[0]) as stream:
                content = stream.read(METADATA_LIMIT_BYTES + 1)
    except (  # zipfile's answers to hostile members
        *(BadZipFile, LargeZipFile, zlib.error, EOFError),
        *(LookupError, RuntimeError),
    ) as error:
        raise ValueError(str(error)) from error
    if len(content) > METADATA_LIMIT_BYTES:
        raise ValueError(f"{names[0]} is longer than {METADATA_LIMIT_BYTES} bytes")
    return content


def sdist_metadata(file: BinaryIO, filename: str) -> bytes | None:
    """The text of PKG-INFO in a source distribution that can be read at any place; None: none.

    Source: https://packaging.python.org/specifications/source-distribution-format/ (PEP 625).

    Raises:
        ValueError: it is no archive that can be read; the message says why.
        Whatever `file` raises.
    """
    import tarfile  # few runs read a source distribution
    from zipfile import BadZipFile, ZipFile

    try:
        if filename.endswith(".zip"):
            with ZipFile(file) as archive:
                name = next(filter(_is_pkg_info, archive.namelist()), None)
                return archive.open(name).read(METADATA_LIMIT_BYTES) if name else None
        with tarfile.open(fileobj=file, mode="r:gz") as tar:
            member = next((m for m in tar if m.isfile() and _is_pkg_info(m.name)), None)
            content = tar.extractfile(member) if member else None
            return content.read(METADATA_LIMIT_BYTES) if content else None
    except (tarfile.TarError, BadZipFile, zlib.error, EOFError, RuntimeError) as error:
        raise ValueError(str(error)) from error


def _is_pkg_info(name: str) -> bool:
    """Whether it is the distribution's own: beside `pyproject.toml`, not in an `.egg-info`."""
    return name.removeprefix("./").count("/") == 1 and name.endswith("/PKG-INFO")


def _headers(content: bytes, distribution: Distribution) -> "Message[str, str]":
    from email.parser import HeaderParser

    end = _HEADERS_END.search(content)
    headers = content[: end.start()] if end else content
    if len(headers) > _MOST_HEADER_BYTES:
        raise _unusable(distribution, f"has more than {_MOST_HEADER_BYTES} bytes of headers")
    return HeaderParser().parsestr(headers.decode(errors="replace"))


def _unusable(distribution: Distribution, what: str) -> MetadataError:
    return MetadataError(
        f"the metadata of {distribution.filename} {what}",
        where=distribution.url,
        mend="do not use this file: exclude its version, and tell who runs the index",
    )


def _is(version: str, expected: Version) -> bool:
    try:
        return Version(version) == expected
    except InvalidVersion:
        return False
