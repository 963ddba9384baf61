"""Specs and locks that were read before, as values: the same bytes are not parsed a second time.

    <cache>/parsed-v1/<key of the bytes, their place, and this envc>

Parsing a spec takes longer than everything else that a command does with it, most of all the import
of what words its faults. Only what has no fault is kept. Like all of the cache, it may vanish.
"""

from collections.abc import Callable
from typing import Any, TypeVar

from envc import __version__
from envc.errors import EnvcError
from envc.formats.values import value_from_json, value_to_json
from envc.host.context import default_cache
from envc.host.machine import machine_of
from envc.index.cache import Cache
from envc.model.digest import digest_of, digest_of_json, hex_of
from envc.model.target import Machine

# Raised when the same text comes to mean something else, or a value's fields are kept differently.
_FORMAT = 1

Value = TypeVar("Value")
AskMachine = Callable[[str | None], Machine]


def parsed(kind: type[Value], text: bytes, *place: str, parse: Callable[[], Value]) -> Value:
    """What `parse` makes of a file's bytes; `place` are what the value says of where it stands."""
    kept = _Kept(kind, text, place)
    value = kept.read()
    if isinstance(value, kind):
        return value
    value = parse()
    kept.write(value)
    return value


def parsed_for_machine(
    kind: type[Value], text: bytes, *place: str, parse: Callable[[AskMachine], Value]
) -> Value:
    """The same, where the value may depend on this machine: kept with what was asked and answered.

    Machines are asked again each time: another interpreter at the same path is another answer.
    """
    kept = _Kept(kind, text, place)
    match kept.read():
        case (tuple() as asked, value) if isinstance(value, kind) and _still(asked):
            return value
    answers: dict[str | None, Machine] = {}

    def ask(interpreter: str | None) -> Machine:
        answers[interpreter] = machine_of(interpreter)
        return answers[interpreter]

    value = parse(ask)
    kept.write((tuple(answers.items()), value))
    return value


def _still(asked: tuple[Any, ...]) -> bool:
    try:
        return all(machine_of(interpreter) == answer for interpreter, answer in asked)
    except (EnvcError, TypeError, ValueError):
        return False


class _Kept:
    def __init__(self, kind: type, text: bytes, place: tuple[str, ...]) -> None:
        key = digest_of_json([_FORMAT, __version__, kind.__name__, *place, digest_of(text)])
        self._cache = Cache(default_cache(), warn=_nobody)
        self._place = f"parsed-v1/{hex_of(key)}"

    def read(self) -> Any:
        content = self._cache.read(self._place)
        if content is None:
            return None
        try:
            return value_from_json(content)
        except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
            return None

    def write(self, value: Any) -> None:
        self._cache.write(self._place, value_to_json(value))


def _nobody(_message: str) -> None:
    """Whoever fills the cache in earnest says so when it cannot be written."""
