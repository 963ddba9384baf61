"""Tables of another tool's TOML file, looked at as somebody needs them: each knows where it is."""

from collections.abc import Iterator
from typing import Any

from envc.errors import SpecError
from envc.formats.toml import parse_toml
from envc.formats.toml_lines import line_at, lines_of
from envc.formats.values import KeyPath, path_text
from envc.model.spec import Origin


class Tree:
    """A value of a TOML file, and its path in there.

    What is asked of it raises SpecError where the file has something else.
    """

    def __init__(self, data: Any, file: str, lines: dict[KeyPath, int], path: KeyPath) -> None:
        self.data = data
        self.path = path
        self._file = file
        self._lines = lines

    @classmethod
    def of(cls, text: bytes, file: str) -> "Tree":
        """The whole of a file.

        Raises:
            SpecError: it is too large, or not TOML.
        """
        data = parse_toml(text, file)
        return cls(data, file, lines_of(text.decode().replace("\r\n", "\n")), ())

    @property
    def lines(self) -> dict[KeyPath, int]:
        """The lines of the whole file."""
        return self._lines

    @property
    def where(self) -> str:
        """File, line and key."""
        line = line_at(self._lines, self.path) if self.path else 0
        return str(Origin(self._file, line, path_text(self.path)))

    @property
    def line(self) -> str:
        """File and line."""
        return self.where.partition(" (")[0]

    def refuse(self, what: str, mend: str = "correct it, or make the file anew") -> SpecError:
        """The error that it is not what it has to be."""
        return SpecError(what, where=self.where, mend=mend)

    def has(self, key: str) -> bool:
        """Whether there is such a key."""
        return isinstance(self.data, dict) and key in self.data

    def at(self, *keys: str | int) -> "Tree":
        """What stands below these keys; nothing (None) where one is not there."""
        data = self.data
        for key in keys:
            if isinstance(key, int):
                data = data[key]
            elif data is None or isinstance(data, dict):
                data = (data or {}).get(key)
            else:
                raise self.refuse(f"{path_text(self.path)} must be a table")
        return Tree(data, self._file, self._lines, (*self.path, *keys))

    def text(self) -> str:
        """A text; "" where there is nothing."""
        if self.data is None:
            return ""
        if not isinstance(self.data, str):
            raise self.refuse(f"{path_text(self.path)} must be a text")
        return self.data

    def items(self) -> Iterator["Tree"]:
        """The elements of an array; none where there is nothing."""
        if not isinstance(self.data, list | None):
            raise self.refuse(f"{path_text(self.path)} must be an array")
        yield from (self.at(place) for place in range(len(self.data or ())))

    def texts(self) -> tuple[str, ...]:
        """An array of texts."""
        return tuple(each.text() for each in self.items())

    def table(self) -> dict[str, "Tree"]:
        """The values of a table by key; none where there is nothing."""
        if not isinstance(self.data, dict | None):
            raise self.refuse(f"{path_text(self.path) or 'it'} must be a table")
        return {str(key): self.at(key) for key in self.data or {}}
