"""A project's page as JSON: its text → its fields, and each file with its text. No I/O.

The files are handed out one by one, and each is forgotten before the next is read: a page has
thousands of them, and what is kept of most is their text.
"""

import json
import re
from collections.abc import Callable, Iterator
from typing import Any, NoReturn

_MOST_FILES = 1_000_000
_FILES = "files"

_decoded = json.JSONDecoder().raw_decode
_GAP = re.compile(r"[ \t\n\r]*")
_BETWEEN = re.compile(r"[ \t\n\r]*([,\]])[ \t\n\r]*")

Files = Iterator[tuple[Any, str]]
"""What a page lists, in its order: each file, and the text that stands for it."""


def json_page(content: bytes, collect: Callable[[Files], object]) -> Any:
    """What the page says, with what `collect` made of the list `files` in the place of that.

    Raises:
        ValueError: it is not JSON, or lists more than any page.
    """
    try:
        text = content.decode(json.detect_encoding(content), "surrogatepass")
        return _Page(text).read(collect)
    except RecursionError as error:
        raise ValueError("it is nested too deep") from error


class _Page:
    """A text, and how far it has been read."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._at = 0

    def read(self, collect: Callable[[Files], object]) -> Any:
        self._skip_gap()
        page = self._fields(collect) if self._takes("{") else self._value()
        self._skip_gap()
        return page if self._at == len(self._text) else self._refuse()

    def _fields(self, collect: Callable[[Files], object]) -> dict[str, Any]:
        fields: dict[str, Any] = {}
        if self._takes("}"):
            return fields
        while True:
            if not self._text.startswith('"', self._at):
                self._refuse()
            name = self._value()
            if not self._takes(":"):
                self._refuse()
            if name == _FILES and self._takes("["):
                fields[name] = collect(self._files())
            else:
                fields[name] = self._value()
            if self._takes("}"):
                return fields
            if not self._takes(","):
                self._refuse()

    def _files(self) -> Files:
        text, at = self._text, self._at
        is_over = self._takes("]")
        for _ in range(_MOST_FILES + 1):
            if is_over:
                return
            file, end = _decoded(text, at)
            yield file, text[at:end]
            between = _BETWEEN.match(text, end)
            if between is None:
                self._refuse()
            is_over, at = between[1] == "]", between.end()
            self._at = at
        raise ValueError(f"it lists more than {_MOST_FILES} files")

    def _value(self) -> Any:
        found, self._at = _decoded(self._text, self._at)
        self._skip_gap()
        return found

    def _takes(self, mark: str) -> bool:
        """Whether the text goes on with a mark, which is then read, and the gap behind it."""
        if not self._text.startswith(mark, self._at):
            return False
        self._at += 1
        self._skip_gap()
        return True

    def _skip_gap(self) -> None:
        gap = _GAP.match(self._text, self._at)
        self._at = gap.end() if gap else self._at

    def _refuse(self) -> NoReturn:
        raise ValueError(f"character {self._at} is not what JSON has there")
