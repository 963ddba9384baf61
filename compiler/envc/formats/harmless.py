"""Texts from outside, as what can only be read: specs, file names, indexes and nodes say anything.

Whatever prints such a text, or writes it into a report, takes it from here.
"""

import re
from typing import Any


class _Escapes(dict[int, str]):
    """Character → what is shown of it: controls, what turns the direction, bytes of no encoding."""

    def __missing__(self, code: int) -> str:
        shown = character = chr(code)
        if not character.isprintable() and character != "\t":
            shown = character.encode("unicode_escape").decode()
        self[code] = shown
        return shown


_ESCAPES = _Escapes()
# Controls, marks and overrides of direction, halves of characters.
_UNSEEN = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069\ud800-\udfff]"
)
# `##[group]`, `##vso[...]`, `##teamcity[...]`: anywhere in a line.
_COMMAND = re.compile(r"##(?=\w*\[)")


def printable(text: str) -> str:
    """A text as one line of characters that can be seen."""
    return text if text.isprintable() else text.translate(_ESCAPES)


def harmless(text: str) -> str:
    """A text from anywhere as one line that can only be read.

    It moves no cursor, starts no line, and is no command to a CI system that reads its log
    (`::error`, `##[group]`, `##vso[...]`).
    """
    text = printable(text)
    if text.lstrip()[:2] == "::":
        text = text.replace("::", ":\\:", 1)
    return _COMMAND.sub(r"#\\#", text) if "##" in text else text


def harmless_lines(text: str) -> str:
    """A text of several lines, each of them harmless."""
    return "\n".join(map(harmless, text.split("\n")))


def printable_data(plain: Any) -> Any:
    """Plain data for a page, which breaks lines itself: what would not be seen, or turns a line."""
    match plain:
        case str():
            return _UNSEEN.sub(lambda found: printable(found[0]), plain)
        case dict():
            return {printable_data(key): printable_data(each) for key, each in plain.items()}
        case list() | tuple():
            return [printable_data(each) for each in plain]
        case _:
            return plain
