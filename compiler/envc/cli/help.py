"""The pages of help, from what commands say of themselves."""

import os
import textwrap
from collections.abc import Iterable, Iterator, Mapping

from envc.cli.grammar import COMMON, Command, Operand, Option
from envc.errors import shell_word

_COLUMN = 26
_LEAST = 40


def page_of(name: str, command: Command, summary: str) -> str:
    """The page of a command, `name` as people type it."""
    usage = " ".join(["usage:", name, "[OPTIONS]", *(each.shown for each in command.operands)])
    operands = [(each.name, _told(each)) for each in command.operands]
    sections = {
        "arguments": operands,
        "options": map(_row, command.options),
        "common options": map(_row, COMMON),
    }
    return "\n".join([usage, "", _sentence(summary), *_sections(sections), *_end(command.example)])


def page_of_verbs(name: str, verbs: Mapping[str, Command], summary: str) -> str:
    """The page of a command that has verbs, with an example of each."""
    rows = {
        "verbs": [(verb, command.summary) for verb, command in verbs.items()],
        "common options": map(_row, COMMON),
    }
    told = f"`envc help {shell_word(name.removeprefix('envc '))} VERB` tells of one."
    usage = f"usage: {name} VERB [OPTIONS]"
    examples = "\n".join(command.example for command in verbs.values())
    return "\n".join([usage, "", _sentence(summary), told, *_sections(rows), *_end(examples)])


def _row(option: Option) -> tuple[str, str]:
    told = _told(option) + ("; may be repeated" if option.repeated and option.value else "")
    return f"{option.names} {option.value}".rstrip(), told


def _told(named: Option | Operand) -> str:
    return f"{named.help} ({', '.join(named.choices)})" if named.choices else named.help


def _sections(sections: Mapping[str, Iterable[tuple[str, str]]]) -> Iterator[str]:
    for title, section in sections.items():
        rows = list(section)
        if rows:
            yield from ("", f"{title}:", *(line for row in rows for line in _lines(*row)))


def _lines(name: str, text: str) -> Iterator[str]:
    """A name, and beside it or below it what is told of it."""
    first, *others = textwrap.wrap(text, max(_LEAST, _columns() - _COLUMN - 2))
    if len(name) > _COLUMN - 4:
        yield f"  {name}"
        name = ""
    yield f"  {name:<{_COLUMN - 2}}{first}"
    yield from (" " * _COLUMN + line for line in others)


def _end(example: str) -> tuple[str, ...]:
    several = "s" if "\n" in example else ""
    return ("", f"example{several}:", *(f"  {line}" for line in example.splitlines()), "")


def _sentence(summary: str) -> str:
    return f"{summary[0].upper()}{summary[1:]}."


def _columns() -> int:
    """`COLUMNS`, else the terminal's width, else 80."""
    try:
        return int(os.environ["COLUMNS"])
    except (KeyError, ValueError):
        pass
    try:
        return os.get_terminal_size(1).columns or 80
    except OSError:
        return 80
