"""`overlay.toml`, a user's layer (format 1; docs: schemas/overlay.md)."""

from envc.formats.document import (
    Document,
    LayerName,
    ProjectText,
    RequirementText,
    Table,
    read_document,
)
from envc.formats.envc_toml import FormatVersion
from envc.model.spec import ShadowPolicy


class OverlayTable(Table):
    """`[overlay]`."""

    name: LayerName
    base: LayerName
    base_dir: str | None = None
    requires: list[RequirementText] = []
    constraints: list[RequirementText] = []
    hide: list[ProjectText] = []
    shadow: ShadowPolicy | None = None


class OverlayDocument(Table):
    """The whole file."""

    version: FormatVersion
    overlay: OverlayTable


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
