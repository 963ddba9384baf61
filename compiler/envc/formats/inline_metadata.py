"""The metadata that a Python script carries in comments: its requirements, and its layer.

    # /// script
    # requires-python = ">=3.11"
    # dependencies = ["polars>=1"]
    # [tool.envc]
    # base = "user"
    # ///

Source: PEP 723; https://packaging.python.org/specifications/inline-script-metadata/
"""

import re
from typing import Annotated

from packaging.specifiers import InvalidSpecifier, SpecifierSet

from envc.errors import Fault, SpecError
from envc.formats.document import Document, LayerName, RequirementText, read_document
from envc.formats.values import Before
from envc.model.value import field, value

_BLOCK = re.compile(
    r"^# /// (?P<type>[a-zA-Z0-9-]+)[ \t]*\n(?P<content>(?:^#(?:| .*)\n)+)^# ///[ \t]*$",
    re.MULTILINE,
)


def _specifier_text(text: str) -> str:
    try:
        SpecifierSet(text)
    except InvalidSpecifier as error:
        raise ValueError(f"{text!r} is no version specifier") from error
    return text


def _our_share(table: object) -> object:
    """`[tool]` without what is for other tools."""
    return {k: v for k, v in table.items() if k == "envc"} if isinstance(table, dict) else table


@value(kw_only=True)
class ScriptEnvcTable:
    """`[tool.envc]` of a script: the common layer that it stands on."""

    base: LayerName | None = None


@value(kw_only=True)
class ScriptToolTable:
    """`[tool]` of a script."""

    envc: ScriptEnvcTable = field(default_factory=ScriptEnvcTable)


@value(kw_only=True)
class ScriptTable:
    """The metadata of a script."""

    requires_python: Annotated[str, _specifier_text] | None = None
    dependencies: tuple[RequirementText, ...] = ()
    tool: Annotated[ScriptToolTable, Before(_our_share)] = field(default_factory=ScriptToolTable)


def read_inline_metadata(text: bytes, file: str) -> Document[ScriptTable] | None:
    """The metadata of a script, its lines being those of the script; None where it has none.

    Raises:
        SpecError: it is no UTF-8, has two such blocks, or one with faults: with every one of them.
    """
    try:
        script = text.decode("utf-8-sig").replace("\r\n", "\n")
    except UnicodeDecodeError as error:
        raise SpecError(
            f"not UTF-8 at byte {error.start}", where=file, mend="save the script as UTF-8"
        ) from error
    blocks = [block for block in _BLOCK.finditer(script) if block["type"] == "script"]
    lines = [script.count("\n", 0, block.start()) + 1 for block in blocks]
    if len(blocks) > 1:
        raise SpecError.of(
            [
                Fault(
                    "another block of script metadata",
                    f"{file}:{line}",
                    f"leave one: the first is at line {lines[0]}",
                )
                for line in lines[1:]
            ]
        )
    if not blocks:
        return None
    content = "".join(f"{line[2:]}\n" for line in blocks[0]["content"].splitlines())
    return read_document(("\n" * lines[0] + content).encode(), file, ScriptTable)
