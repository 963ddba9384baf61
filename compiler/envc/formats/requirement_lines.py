"""The lines of a `requirements.txt`: what belongs together, its comments, its options.

Source: https://pip.pypa.io/en/stable/reference/requirements-file-format/
"""

import re
import shlex
from collections.abc import Iterator
from typing import NamedTuple

_COMMENT = re.compile(r"(?:^|\s+)#(.*)$")
_VIA = re.compile(r"\bvia\b(.*)", re.DOTALL)

_LONG_NAMES = {
    "-r": "--requirement",
    "-c": "--constraint",
    "-e": "--editable",
    "-i": "--index-url",
    "--pypi-url": "--index-url",
    "-f": "--find-links",
}


class Line(NamedTuple):
    """A line with those that go on from it; `via` is what a compiled file says of it."""

    text: str
    number: int
    via: str | None


def lines_of_requirements(text: str) -> Iterator[Line]:
    """The lines that say something, those that end with a backslash with what follows them."""
    parts: list[str] = []
    start, number = 0, 0
    waiting: Line | None = None
    for number, raw in enumerate([*text.splitlines(), ""], 1):
        comment = _COMMENT.search(raw)
        goes_on = raw.endswith("\\") and not raw.lstrip().startswith("#")
        if not parts:
            start = number
        bare = raw[: comment.start()] if comment is not None else raw
        parts.append(bare[:-1] if goes_on else bare)
        if goes_on:
            continue
        whole = " ".join(parts).strip()
        parts.clear()
        if whole:
            if waiting is not None:
                yield waiting
            waiting = Line(whole, start, None)
        if comment is not None and waiting is not None:
            waiting = _with_comment(waiting, comment[1])
    if parts and (whole := " ".join(parts).strip()):
        if waiting is not None:
            yield waiting
        waiting = Line(whole, start, None)
    if waiting is not None:
        yield waiting


def _with_comment(line: Line, comment: str) -> Line:
    """The line, with what a comment behind or below it says of who asked for it."""
    if line.via is not None:
        return line._replace(via=f"{line.via} {comment.strip()}")
    found = _VIA.match(comment.strip())
    return line if found is None else line._replace(via=found[1].strip())


def options_of(text: str) -> list[tuple[str, str]]:
    """The options of a line by their long names, each with its value.

    Raises:
        ValueError: there is something else among them, or a quote is not closed.
    """
    found: list[tuple[str, str]] = []
    words = shlex.split(text)
    while words:
        word = words.pop(0)
        if not word.startswith("-"):
            raise ValueError(f"{word!r} stands behind an option")
        name, equals, given = word.partition("=")
        if not word.startswith("--") and len(word) > len("-r"):
            name, equals, given = word[:2], "=", word[2:].removeprefix("=")
        if not equals and words and not words[0].startswith("-"):
            given = words.pop(0)
        found.append((_LONG_NAMES.get(name, name), given))
    return found
