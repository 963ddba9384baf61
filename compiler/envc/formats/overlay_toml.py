"""`overlay.toml`, a user's layer (format 1; docs: schemas/overlay.md)."""

from typing import Annotated

from pydantic import Field

from envc.formats.document import (
    ChangeableCodeText,
    ConstraintText,
    Document,
    LayerName,
    ProjectText,
    RequirementText,
    Table,
    read_document,
)
from envc.formats.envc_toml import FormatVersion
from envc.model.spec import ShadowPolicy

PathText = Annotated[str, Field(min_length=1)]


class OverlayTable(Table):
    """`[overlay]`."""

    name: LayerName
    base: LayerName
    base_dir: str | None = None
    requires: list[RequirementText] = []
    constraints: list[ConstraintText] = []
    hide: list[ProjectText] = []
    shadow: ShadowPolicy | None = None
    editable: list[PathText] = []


class RuleTable(Table):
    """An element of `check.error`, `check.warning` or `check.ignore`."""

    code: ChangeableCodeText
    reason: Annotated[str, Field(pattern=r"\S")]


class OverlayCheckTable(Table):
    """`[check]`: findings that this overlay wants treated in another way, and why."""

    error: list[RuleTable] = []
    warning: list[RuleTable] = []
    ignore: list[RuleTable] = []


class OverlayDocument(Table):
    """The whole file."""

    version: FormatVersion
    overlay: OverlayTable
    check: OverlayCheckTable = OverlayCheckTable()


def read_overlay(text: bytes, file: str) -> Document[OverlayDocument]:
    """The document of an `overlay.toml`.

    Raises:
        SpecError: with every fault of the file.
    """
    return read_document(text, file, OverlayDocument)


TEMPLATE = """\
# A personal layer on the common layer "{base}". `envc overlay add PROJECT` edits this file.
version = 1

[overlay]
name = "{name}"
base = "{base}"
requires = []
"""
