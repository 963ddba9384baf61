"""`pins.LAYER.toml`: what another tool had pinned, until the first lock (docs: schemas/pins.md).

A PEP 751 lock cannot say it: of a release whose files nobody has named yet, it has no entry.
"""

from typing import Annotated, Any

import tomli_w
from packaging.utils import NormalizedName
from packaging.version import InvalidVersion, Version

from envc.formats.arrival import has_answer, is_hash
from envc.formats.document import ProjectText, project_name, read_document
from envc.formats.envc_toml import FormatVersion
from envc.model.arrival import ArrivedPin
from envc.model.value import value

PINS_FORMAT = 1
_HEAD = """\
# What was pinned in {sources}. `envc lock` starts from it,
# holds every file against the hashes, and removes it.
"""


def _version(text: str) -> str:
    try:
        return str(Version(text))
    except InvalidVersion as error:
        raise ValueError(f"{text!r} is not a version") from error


def _hash(text: str) -> str:
    if not is_hash(text):
        raise ValueError(f"{text!r} is no hash, such as sha256:…")
    return text


def _marker(text: str) -> str:
    if not has_answer(text):
        raise ValueError(f"the marker {text!r} has no answer")
    return text


@value(kw_only=True)
class PinTable:
    """`[[pin]]`: a release, and the line that pinned it."""

    project: ProjectText
    version: Annotated[str, _version]
    where: str
    marker: Annotated[str, _marker] | None = None
    hashes: tuple[Annotated[str, _hash], ...] = ()


@value(kw_only=True)
class PinsDocument:
    """The whole file."""

    version: FormatVersion
    pin: tuple[PinTable, ...] = ()


def pins_to_text(pins: tuple[ArrivedPin, ...], sources: str) -> bytes:
    """The file's bytes, in order of project and version."""
    parts = [f"{_HEAD.format(sources=sources)}version = {PINS_FORMAT}\n"]
    for each in sorted(pins, key=lambda pin: (pin.project, pin.version, pin.marker or "")):
        table: dict[str, Any] = {"project": each.project, "version": each.version}
        if each.marker is not None:
            table["marker"] = each.marker
        table["where"] = each.where
        if each.hashes:
            table["hashes"] = list(each.hashes)
        parts.append(f"[[pin]]\n{tomli_w.dumps(table)}")
    return "\n".join(parts).encode()


def pins_from_text(text: bytes, file: str) -> tuple[ArrivedPin, ...]:
    """The pins that a file holds.

    Raises:
        SpecError: with every fault.
    """
    document = read_document(text, file, PinsDocument)
    return tuple(
        ArrivedPin(
            project=NormalizedName(project_name(each.project)),
            version=str(Version(each.version)),
            where=each.where,
            marker=each.marker,
            hashes=each.hashes,
        )
        for each in document.tables.pin
    )
