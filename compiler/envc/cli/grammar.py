"""What a command line may say, as values, and words read by it.

    Command, words → Arguments, or every fault of the line at once

Options stand before or after operands; `--name=value`, `-nvalue` and `-qv` mean what they mean
everywhere; after `--` all words are operands. Names are not shortened.
"""

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from types import SimpleNamespace
from typing import Any, NamedTuple

from envc.errors import Fault, UsageError, shell_word

Arguments = SimpleNamespace

_NUMBER = re.compile(r"-[0-9.]+")
# Options are many and short: what is less alike is another word.
_ALIKE = 0.7


class Option(NamedTuple):
    """An option. `value` is what help calls its value, "" where it has none.

    `names` are as help shows them: `-o, --output`. `into` is the argument that it fills: by
    default its long name. One that may be `repeated` gives a list, or without values a number.
    People forget the name of one that `strays`, and type its value alone.
    """

    names: str
    value: str
    help: str
    into: str = ""
    kind: Callable[[str], Any] = str
    choices: Sequence[str] = ()
    default: Any = None
    repeated: bool = False
    required: bool = False
    strays: bool = False

    @property
    def argument(self) -> str:
        """The argument that it fills."""
        return self.into or self.names.rpartition("--")[2].replace("-", "_")

    @property
    def start(self) -> Any:
        """What the argument is where nobody gives the option."""
        if not self.value:
            return 0 if self.repeated else False
        return [] if self.repeated else self.default


class Operand(NamedTuple):
    """A word that is no option: `many` of them are one, `?` one or none, `*` any, `+` some."""

    name: str
    help: str
    into: str
    many: str = "1"
    choices: Sequence[str] = ()

    @property
    def shown(self) -> str:
        """As the first line of help has it."""
        forms = {"?": "[{}]", "*": "[{}...]", "+": "{}..."}
        return forms.get(self.many, "{}").format(self.name)


class Command(NamedTuple):
    """A command: what carries it out, and what its line may say.

    At most the last of the operands is more than one. Of the options in one of the `conflicts`
    only one may be given. One that `ends` leaves all words from its first operand on as they are.
    One that `repeats` gives the same answer while nothing that it looked at has changed (`again`).
    """

    run: Callable[[Arguments], Any]
    example: str
    options: tuple[Option, ...] = ()
    operands: tuple[Operand, ...] = ()
    conflicts: tuple[tuple[str, ...], ...] = ()
    ends: bool = False
    repeats: bool = False
    summary: str = ""


COMMON = (
    Option(
        "--site",
        "DIR",
        "the site's folder (default: the nearest, else what the target keeps)",
        strays=True,
    ),
    Option("--json", "", "one JSON object on stdout"),
    Option("-q, --quiet", "", "say errors only"),
    Option("-v, --verbose", "", "say more", repeated=True),
    Option("--no-progress", "", "draw no progress bars"),
    Option("-h, --help", "", "show this page"),
)


def whole(text: str) -> int:
    """A number of at least 0."""
    return _at_least(0, text)


def positive(text: str) -> int:
    """A number of at least 1."""
    return _at_least(1, text)


def _at_least(least: int, text: str) -> int:
    if not text.isdecimal() or int(text) < least:
        raise ValueError(f"no number of at least {least}")
    return int(text)


def read(
    command: Command, words: Sequence[str], *, page: str, before: Mapping[str, Any] | None = None
) -> Arguments:
    """What the words say; nothing is missed where they ask for `help`.

    `before` holds the common options that stood before; `page` is the command as people type it.

    Raises:
        UsageError: with every fault.
    """
    line = _Line(command, f"see `{page} --help`", before or {})
    line.take(words)
    if not line.found["help"]:
        line.require()
        if line.faults:
            raise UsageError.of(line.faults)
    return Arguments(**line.found)


class _Line:
    """A line as far as it has been read: arguments, and what is wrong with it."""

    def __init__(self, command: Command, see: str, before: Mapping[str, Any]) -> None:
        options = (*command.options, *COMMON)
        self._command = command
        self._see = see
        self._by_name = {name: each for each in options for name in each.names.split(", ")}
        self._given: set[str] = set()
        self._operands: list[str] = []
        self._spare: list[str] = []
        self.found = {each.argument: each.start for each in options} | dict(before)
        self.faults: list[Fault] = []

    def take(self, words: Sequence[str]) -> None:
        """Read all words."""
        left = [*reversed(words)]
        while left:
            word = left.pop()
            if self._command.ends and (word == "--" or not _is_option(word)):
                self._operands = [word, *reversed(left)]
                break
            if word == "--":
                self._operands += reversed(left)
                break
            if _is_option(word):
                self._take_option(word, left)
            else:
                self._operands.append(word)
        self._place_operands()

    def _take_option(self, word: str, left: list[str]) -> None:
        """Read an option, and its value, which may be the next of the words that are left."""
        if word.startswith("--"):
            name, is_joined, value = word.partition("=")
        else:
            name, value = word[:2], word[2:].removeprefix("=")
            is_joined = value
        option = self._by_name.get(name)
        if option is None:
            self._miss(f"there is no option {name}", self._near(name))
        elif option.value:
            if not is_joined and (not left or _is_option(left[-1])):
                self._miss(f"{name} needs a value, {option.value}")
                return
            self._set(option, name, value if is_joined else left.pop())
        elif is_joined and word.startswith("--"):
            self._miss(f"{name} takes no value")
        else:
            if value:
                left.append(f"-{value}")
            self._set(option, name, "")

    def _near(self, name: str) -> str:
        from envc.formats.nearest import nearest  # few lines have a fault

        known = {each.lstrip("-"): each for each in self._by_name}
        begun = (each for each in known if each.startswith(name.lstrip("-")) and name[2:])
        near = next(begun, None) or nearest(name.lstrip("-"), known, _ALIKE)
        return self._see if near is None else f"did you mean {known[near]}? {self._see}"

    def _set(self, option: Option, name: str, text: str) -> None:
        argument = option.argument
        self._given.add(option.names.rpartition(", ")[2])
        if not option.value:
            self.found[argument] = self.found[argument] + 1 if option.repeated else True
            return
        try:
            value = option.kind(text)
        except ValueError as error:
            self._miss(f"{name} is {text!r}, {error}")
            return
        self._check(option, name, text)
        self.found[argument] = [*self.found[argument], value] if option.repeated else value

    def _check(self, named: Option | Operand, name: str, text: str) -> None:
        if named.choices and text not in named.choices:
            mend = meant(text, named.choices, f"use one of {', '.join(named.choices)}")
            self._miss(f"{name} is {text!r}", mend)

    def _place_operands(self) -> None:
        words = self._operands
        for operand in self._command.operands:
            taken = words if operand.many in "*+" else words[:1]
            words = words[len(taken) :]
            if operand.many in "*+":
                self.found[operand.into] = taken
            else:
                self.found[operand.into] = taken[0] if taken else None
        self._spare = words

    def require(self) -> None:
        """Miss what is required and not there, and refuse what is too much."""
        if self.faults:
            return  # a word may be the value of what is no option
        for operand in self._command.operands:
            word = self.found[operand.into]
            if operand.many in "1+" and not word:
                self._miss(f"{operand.name} is missing: {operand.help}")
            else:
                self._check(operand, operand.name, word)
        for word in self._spare:
            self._miss(f"nothing takes the word {word!r}", self._named_for(word))
        for option in self._command.options:
            if option.required and self.found[option.argument] is None:
                self._miss(f"{option.names} {option.value} is missing: {option.help}")
        for names in self._command.conflicts:
            given = [name for name in names if name in self._given]
            if len(given) > 1:
                self._miss(f"{given[0]} and {given[1]} exclude each other")

    def _named_for(self, word: str) -> str:
        """How to mend a word too many: it may be the value of an option."""
        has_place = self._command.operands or "target" in self.found
        of_site = [] if has_place else [COMMON[0]]
        free = (each for each in (*self._command.options, *of_site) if each.strays)
        names = [each.names for each in free if each.names.rpartition(", ")[2] not in self._given]
        meant = " or ".join(f"{name.rpartition(', ')[2]} {shell_word(word)}" for name in names[:2])
        return f"did you mean {meant}? {self._see}" if meant else self._see

    def _miss(self, what: str, mend: str | None = None) -> None:
        self.faults.append(Fault(what, mend=mend or self._see))


def _is_option(word: str) -> bool:
    return len(word) > 1 and word[0] == "-" and _NUMBER.fullmatch(word) is None


def meant(word: str, known: Iterable[str], otherwise: str) -> str:
    """How to mend a word that is not known (`nearest.mend_of`)."""
    from envc.formats.nearest import mend_of  # few lines have a fault

    return mend_of(word, known, otherwise)
