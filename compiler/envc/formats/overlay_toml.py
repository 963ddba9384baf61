"""`overlay.toml`, a user's layer (format 1; docs: schemas/overlay.md)."""

from typing import Annotated

from envc.formats.document import (
    ChangeableCodeText,
    ConstraintText,
    Document,
    LayerName,
    ProjectText,
    RequirementText,
    read_document,
)
from envc.formats.envc_toml import FormatVersion
from envc.model.policy import ShadowPolicy
from envc.model.value import field, value

# A thousand pins with a comment each. A check of what fills it takes less than a second.
MOST_BYTES = 64 << 10

PathText = Annotated[str, r"^[\s\S]+$"]


@value(kw_only=True)
class OverlayTable:
    """`[overlay]`."""

    name: LayerName
    base: LayerName
    base_dir: str | None = None
    requires: tuple[RequirementText, ...] = ()
    constraints: tuple[ConstraintText, ...] = ()
    hide: tuple[ProjectText, ...] = ()
    shadow: ShadowPolicy | None = None
    editable: tuple[PathText, ...] = ()


@value(kw_only=True)
class RuleTable:
    """An element of `check.error`, `check.warning` or `check.ignore`."""

    code: ChangeableCodeText
    reason: Annotated[str, r"^[\s\S]*\S[\s\S]*$"]


@value(kw_only=True)
class OverlayCheckTable:
    """`[check]`: findings that this overlay wants treated in another way, and why."""

    error: tuple[RuleTable, ...] = ()
    warning: tuple[RuleTable, ...] = ()
    ignore: tuple[RuleTable, ...] = ()


@value(kw_only=True)
class OverlayDocument:
    """The whole file."""

    version: FormatVersion
    overlay: OverlayTable
    check: OverlayCheckTable = field(default_factory=OverlayCheckTable)


def read_overlay(text: bytes, file: str) -> Document[OverlayDocument]:
    """The document of an `overlay.toml`.

    Raises:
        SpecError: with every fault of the file; or it is larger than any that somebody wrote.
    """
    return read_document(text, file, OverlayDocument, most_bytes=MOST_BYTES)


TEMPLATE = """\
# A personal layer on the common layer "{base}". `envc overlay add PROJECT` edits this file.
version = 1

[overlay]
name = "{name}"
base = "{base}"
requires = []
"""
