"""Core metadata: the text of METADATA or PKG-INFO → what resolving needs.

Source: https://packaging.python.org/specifications/core-metadata/
"""

from typing import TYPE_CHECKING

from packaging.utils import NormalizedName, canonicalize_name
from packaging.version import InvalidVersion, Version

from envc.errors import UntrustedError
from envc.model.release import CoreMetadata, Distribution

if TYPE_CHECKING:
    from email.message import Message

# The first version whose source distributions tell what a build may still change (PEP 643).
_TELLS_DYNAMIC = Version("2.2")
_NEEDED = {"requires-dist", "requires-python", "provides-extra", "version"}


def parse_metadata(content: bytes, distribution: Distribution) -> CoreMetadata:
    """The metadata in a METADATA text. Lines that do not parse are kept for the resolver to judge.

    Raises:
        UntrustedError: it is of another project or version than the file's name says.
    """
    message = _headers(content)
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


def static_metadata(content: bytes, distribution: Distribution) -> CoreMetadata | None:
    """The metadata in a source distribution's PKG-INFO, if every wheel of it will have the same.

    Source: PEP 643.

    Raises:
        UntrustedError: it is of another project or version than the file's name says.
    """
    message = _headers(content)
    try:
        tells = Version(message.get("Metadata-Version", "").strip()) >= _TELLS_DYNAMIC
    except InvalidVersion:
        return None
    dynamic = {field.strip().lower() for field in message.get_all("Dynamic", [])}
    if not tells or dynamic & _NEEDED:
        return None
    return parse_metadata(content, distribution)


def _headers(content: bytes) -> "Message[str, str]":
    from email.parser import HeaderParser

    return HeaderParser().parsestr(content.decode(errors="replace"))


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
