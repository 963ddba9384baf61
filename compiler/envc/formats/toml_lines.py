"""The line of every key and array element of a TOML text.

`tomllib` gives values without their places; an error in a spec must name the line. This scanner
only runs over text that `tomllib` has accepted, so it needs no errors of its own.

Source: https://toml.io/en/v1.0.0
"""

import tomllib

from envc.formats.values import KeyPath

_SPACES = " \t\r\n"
_VALUE_ENDS = ",]}\n#"


def lines_of(text: str) -> dict[KeyPath, int]:
    """Key path → 1-based line, for tables, keys, array elements and inline tables."""
    return _Scanner(text).scan()


def line_at(lines: dict[KeyPath, int], path: KeyPath) -> int:
    """The line of `path`, else of its nearest ancestor that has one, else 0."""
    while path:
        if path in lines:
            return lines[path]
        path = path[:-1]
    return 0


def _key_of(quoted: str) -> str:
    """The key that a quoted key means."""
    if "\\" not in quoted or quoted.startswith("'"):
        return quoted[1:-1]
    return next(iter(tomllib.loads(f"{quoted} = 0")))


class _Scanner:
    def __init__(self, text: str) -> None:
        self.text = text
        self.position = 0
        self.counted = 0
        self.line = 1
        self.lines: dict[KeyPath, int] = {}
        self.last_index: dict[KeyPath, int] = {}

    def scan(self) -> dict[KeyPath, int]:
        table: KeyPath = ()
        while self.skip_blanks():
            if self.text.startswith("[[", self.position):
                table = self.array_table()
            elif self.text[self.position] == "[":
                table = self.table()
            else:
                self.pair(table)
        return self.lines

    def skip_blanks(self) -> bool:
        """Go to the next token; False at the end of the text."""
        text, end = self.text, len(self.text)
        while self.position < end:
            if text[self.position] in _SPACES:
                self.position += 1
            elif text[self.position] == "#":
                newline = text.find("\n", self.position)
                self.position = end if newline < 0 else newline
            else:
                return True
        return False

    def mark(self, path: KeyPath, position: int) -> None:
        """Note where something starts; places come in order, so that lines are counted once."""
        self.line += self.text.count("\n", self.counted, position)
        self.counted = position
        self.lines.setdefault(path, self.line)

    def table(self) -> KeyPath:
        start = self.position
        self.position += 1
        path = self.through_arrays(self.key("]"))
        self.mark(path, start)
        return path

    def array_table(self) -> KeyPath:
        start = self.position
        self.position += 2
        keys = self.key("]")
        self.position += 1
        array = (*self.through_arrays(keys[:-1]), keys[-1])
        index = self.last_index.get(array, -1) + 1
        self.last_index[array] = index
        self.mark(array, start)
        self.mark((*array, index), start)
        return (*array, index)

    def through_arrays(self, keys: tuple[str, ...]) -> KeyPath:
        """The path that a header's keys name: inside an array of tables, in its last element."""
        path: KeyPath = ()
        for key in keys:
            path = (*path, key)
            if path in self.last_index:
                path = (*path, self.last_index[path])
        return path

    def key(self, end: str) -> tuple[str, ...]:
        """A dotted key, up to and over the `end` character."""
        parts: list[str] = []
        while True:
            self.skip_blanks()
            character = self.text[self.position]
            if character == end:
                self.position += 1
                return tuple(parts)
            if character == ".":
                self.position += 1
            elif character in "\"'":
                start = self.position
                self.string()
                parts.append(_key_of(self.text[start : self.position]))
            else:
                start = self.position
                while self.text[self.position] not in _SPACES + ".=]":
                    self.position += 1
                parts.append(self.text[start : self.position])

    def pair(self, table: KeyPath) -> None:
        start = self.position
        path: KeyPath = (*table, *self.key("="))
        self.mark(path, start)
        self.skip_blanks()
        self.value(path)

    def value(self, path: KeyPath) -> None:
        character = self.text[self.position]
        if character == "[":
            self.array(path)
        elif character == "{":
            self.inline_table(path)
        elif character in "\"'":
            self.string()
        else:
            while self.position < len(self.text) and self.text[self.position] not in _VALUE_ENDS:
                self.position += 1

    def array(self, path: KeyPath) -> None:
        self.position += 1
        index = 0
        while self.skip_blanks() and self.text[self.position] != "]":
            if self.text[self.position] == ",":
                self.position += 1
                continue
            self.mark((*path, index), self.position)
            self.value((*path, index))
            index += 1
        self.position += 1

    def inline_table(self, path: KeyPath) -> None:
        self.position += 1
        while self.skip_blanks() and self.text[self.position] != "}":
            if self.text[self.position] == ",":
                self.position += 1
                continue
            self.pair(path)
        self.position += 1

    def string(self) -> None:
        quote = self.text[self.position]
        triple = quote * 3
        if self.text.startswith(triple, self.position):
            self.position = self.closing(triple, self.position + 3) + 3
            # up to two more quotes may belong to the string's content
            while self.text.startswith(quote, self.position):
                self.position += 1
        else:
            self.position = self.closing(quote, self.position + 1) + 1

    def closing(self, quotes: str, start: int) -> int:
        """Where the closing quotes stand; a backslash escapes in basic strings only."""
        position = start
        while not self.text.startswith(quotes, position):
            position += 2 if quotes[0] == '"' and self.text[position] == "\\" else 1
        return position
