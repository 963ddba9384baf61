"""Values as JSON and back, by what their classes declare: nobody writes a codec for one.

A value is an object of its fields, a named tuple an array of them; a tuple is an array, a mapping
an object. Values of other libraries are texts. What is read must be of the
declared types, and have all fields but those with a default; what a text may say is not looked at.
"""

import json
import sys
import types
from collections.abc import Callable, Mapping, Sequence
from functools import cache
from typing import Any, ForwardRef, Literal, TypeVar, Union, get_args, get_origin

from envc.model.value import fields_of

Value = TypeVar("Value")
Read = Callable[[Any], Any]


class FormError(ValueError):
    """Plain data that are no value of the kind: what is wrong, and at which key (`a.b[0]`)."""

    def __init__(self, what: str, where: str = "") -> None:
        super().__init__(f"{where}: {what}" if where else what)
        self.what = what
        self.where = where

    def below(self, key: str) -> "FormError":
        """The same, of what stands under a key, or at a place as `[0]`."""
        dot = "." if self.where and not self.where.startswith("[") else ""
        return FormError(self.what, f"{key}{dot}{self.where}")


def json_of(value: Any) -> bytes:
    """The JSON of a value, as short as it can be.

    Raises:
        TypeError: it holds something that has no form here.
    """
    return json.dumps(plain_of(value), separators=(",", ":")).encode()


def value_of_json(kind: type[Value], content: bytes) -> Value:
    """The value of that kind that `json_of` wrote.

    Raises:
        FormError: it is none.
    """
    try:
        plain = json.loads(content)
    except (ValueError, RecursionError) as error:
        raise FormError("this is not JSON") from error
    return value_of(kind, plain)


def plain_of(value: Any) -> Any:
    """A value as what JSON has.

    Raises:
        TypeError: it holds something that has no form here.
    """
    kind: Any = type(value)
    return _writer(kind)(value)


@cache
def _writer(kind: Any) -> Callable[[Any], Any]:
    """How values of this very class become plain."""
    if issubclass(kind, bool | int | float | str | types.NoneType):
        return lambda value: value
    if issubclass(kind, tuple | list):
        return lambda value: [plain_of(item) for item in value]
    if issubclass(kind, Mapping):
        return lambda value: {key: plain_of(item) for key, item in value.items()}
    if fields_of(kind):
        names = [each.name for each in fields_of(kind)]
        return lambda value: {name: plain_of(getattr(value, name)) for name in names}
    if kind.__name__ not in _TEXTS:
        raise TypeError(f"{kind.__name__} has no form in JSON")
    return _TEXTS[kind.__name__]


def value_of(kind: type[Value], plain: Any) -> Value:
    """The value of that kind that `plain_of` made plain.

    Raises:
        FormError: it is none.
    """
    declared: Any = kind
    try:
        found: Value = _reader(declared)(plain)
    except RecursionError as error:
        raise FormError("it is nested too deeply") from error
    return found


# How values of other libraries become a text, from which they can be made.
_TEXTS: dict[str, Callable[[Any], str]] = {
    "Requirement": str,
    "Version": str,
    "datetime": lambda moment: str(moment.isoformat()),
}
_SCALARS = {
    types.NoneType: "null",
    bool: "true or false",
    int: "an integer",
    float: "a number",
    str: "a text",
}


@cache
def _reader(kind: Any, owner: Any = None) -> Read:  # noqa: PLR0911 - one return a kind
    """What reads a kind that a field of `owner` is declared with."""
    if isinstance(kind, str | ForwardRef):
        return _named(kind if isinstance(kind, str) else kind.__forward_arg__, owner)
    origin, arguments = get_origin(kind), get_args(kind)
    if origin is Literal:
        return _literal(arguments)
    items = [_reader(each, owner) for each in arguments if each is not ...]
    if origin in (Union, types.UnionType):
        return _union(items)
    if origin is tuple:
        return _array(items[0]) if arguments[-1] is ... else _row(tuple, items)
    if origin is not None and issubclass(origin, Mapping):
        return _mapping(items[1])
    kind = getattr(kind, "__supertype__", kind)
    if kind in _SCALARS:
        return _scalar(kind)
    if fields_of(kind):
        return _object(kind)
    if issubclass(kind, tuple):
        declared = kind.__annotations__.values()
        return _row(kind._make, [_reader(each, kind) for each in declared])
    return _text(kind)


def _named(text: str, owner: Any) -> Read:
    """What reads a kind by its name in the module of `owner`; it may contain itself."""

    @cache
    def found() -> Read:
        kind = eval(text, vars(sys.modules[owner.__module__]))  # noqa: S307 - our own annotation
        return _reader(kind, owner)

    def read(plain: Any) -> Any:
        return found()(plain)

    return read


def _scalar(kind: type) -> Read:
    accepted = (int, float) if kind is float else (kind,)

    def read(plain: Any) -> Any:
        if type(plain) in accepted:
            return plain
        raise FormError(f"this must be {_SCALARS[kind]}")

    return read


def _literal(allowed: Sequence[Any]) -> Read:
    def read(plain: Any) -> Any:
        if plain in allowed:
            return plain
        raise FormError(f"this must be one of {', '.join(map(str, allowed))}")

    return read


def _union(options: Sequence[Read]) -> Read:
    def read(plain: Any) -> Any:
        errors: list[FormError] = []
        for option in options:
            try:
                return option(plain)
            except FormError as error:
                errors.append(error)
        raise max(errors, key=lambda error: len(error.where))

    return read


def _array(item: Read) -> Read:
    def read(plain: Any) -> Any:
        if type(plain) is not list:
            raise FormError("this must be an array")
        found: list[Any] = []
        try:
            for each in plain:
                found.append(item(each))  # noqa: PERF401 - what was found tells where it ended
        except FormError as error:
            raise error.below(f"[{len(found)}]") from error
        return tuple(found)

    return read


def _row(make: Callable[[Any], Any], items: Sequence[Read]) -> Read:
    def read(plain: Any) -> Any:
        if type(plain) is not list or len(plain) != len(items):
            raise FormError(f"this must be an array of {len(items)}")
        found: list[Any] = []
        try:
            for item, each in zip(items, plain, strict=True):
                found.append(item(each))
        except FormError as error:
            raise error.below(f"[{len(found)}]") from error
        return make(found)

    return read


def _mapping(item: Read) -> Read:
    def read(plain: Any) -> Any:
        if type(plain) is not dict:
            raise FormError("this must be an object")
        found: dict[str, Any] = {}
        try:
            for key, each in plain.items():
                found[key] = item(each)
        except FormError as error:
            raise error.below(key) from error
        return found

    return read


def _object(kind: Any) -> Read:
    items = [(each.name, _reader(each.declared, kind)) for each in fields_of(kind)]
    needed = [each.name for each in fields_of(kind) if each.is_needed]

    def read(plain: Any) -> Any:
        if type(plain) is not dict:
            raise FormError("this must be an object")
        found: dict[str, Any] = {}
        try:
            for name, item in items:
                if name in plain:
                    found[name] = item(plain[name])
        except FormError as error:
            raise error.below(name) from error
        for name in needed:
            if name not in found:
                raise FormError("this field is missing", name)
        if len(found) < len(plain):
            raise FormError("this field is unknown", min(plain.keys() - found))
        return kind(**found)

    return read


def _text(kind: Any) -> Read:
    made_from = getattr(kind, "fromisoformat", kind)

    def read(plain: Any) -> Any:
        if type(plain) is not str:
            raise FormError("this must be a text")
        try:
            return made_from(plain)
        except (ValueError, TypeError) as error:
            raise FormError(f"this is no {kind.__name__.lower()}") from error

    return read
