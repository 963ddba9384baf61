"""The command line as a parser of argparse: for libraries that read those, not for reading words.

    commands → ArgumentParser     → scripts of completion (shtab), man pages (argparse-manpage)

Names, values and help are those of `grammar`, which reads what people type.
"""

from argparse import Action, ArgumentParser
from collections.abc import Iterable
from importlib import import_module
from typing import Any

from envc.cli.commands import SHOWN
from envc.cli.grammar import COMMON, Command, Option

# What a value of these names is, as shtab has it: the path of a file, or of a folder.
_PATHS = {
    "file": ("FILE", "BUNDLE", "KEY", "SCRIPT.py", "SPEC"),
    "directory": ("DIR", "WHEELHOUSE", "STATE"),
}


def parser_of_commands() -> ArgumentParser:
    """The parser of all commands that people type. A value that is a path says so by `complete`."""
    parser = ArgumentParser("envc", add_help=False)
    _add_options(parser, COMMON)
    commands = parser.add_subparsers(metavar="COMMAND")
    for name, summary in SHOWN.items():
        module = import_module(f"envc.cli.{name}")
        command: Command | None = getattr(module, "COMMAND", None)
        made = _add_parser(commands, name, summary)
        if command is not None:
            _fill(made, command)
            continue
        _add_options(made, COMMON)
        verbs = made.add_subparsers(metavar="VERB")
        for verb, each in module.VERBS.items():
            _fill(_add_parser(verbs, verb, each.summary), each)
    told = _add_parser(commands, "help", "tell of a command")
    told.add_argument("command", metavar="COMMAND", choices=list(SHOWN))
    return parser


def _add_parser(commands: Any, name: str, summary: str) -> ArgumentParser:
    sentence = f"{summary[0].upper()}{summary[1:]}."
    made: ArgumentParser = commands.add_parser(
        name, help=summary, description=sentence, add_help=False
    )
    return made


def _fill(parser: ArgumentParser, command: Command) -> None:
    _add_options(parser, (*command.options, *COMMON))
    for operand in command.operands:
        many: dict[str, Any] = {} if operand.many == "1" else {"nargs": operand.many}
        choices, told = list(operand.choices) or None, _told(operand.help)
        made = parser.add_argument(
            operand.into, metavar=operand.name, choices=choices, help=told, **many
        )
        _note_path(made, operand.name)


def _add_options(parser: ArgumentParser, options: Iterable[Option]) -> None:
    for option in options:
        names, told = option.names.split(", "), _told(option.help)
        if not option.value:
            parser.add_argument(*names, action="store_true", help=told)
            continue
        choices = list(option.choices) or None
        made = parser.add_argument(*names, metavar=option.value, choices=choices, help=told)
        _note_path(made, option.value)


def _note_path(made: Action, value: str) -> None:
    if made.choices:
        return  # these are completed
    words = value.replace("|", " ").split()
    kind = next((kind for kind, names in _PATHS.items() if not {*names}.isdisjoint(words)), None)
    if kind is not None:
        made.complete = kind  # type: ignore[attr-defined] # shtab reads it


def _told(text: str) -> str:
    return text.replace("%", "%%")
