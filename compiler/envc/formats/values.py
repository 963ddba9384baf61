"""Values as JSON and back, by what their classes declare: nobody writes a codec for one.

A value is an object of its fields, a named tuple an array of them; a tuple is an array, a mapping
an object. Bytes are base64, values of other libraries are texts. What is read must be of the
declared types, and have all fields but those with a default; what a text may say is not looked at.
"""

import json
import sys
import types
from collections.abc import Callable, Mapping, Sequence
from functools import cache
from typing import Any, ForwardRef, Literal, TypeVar, Union, get_args, get_origin

from envc.model.value import fields_of, value

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
    form = _FORMS.get(kind.__name__)
    if form is None:
        raise TypeError(f"{kind.__name__} has no form in JSON")
    return form.to_text


def value_of(kind: type[Value], plain: Any) -> Value:
    """The value of that kind that `plain_of` made plain.

    Raises:
        FormError: it is none.
    """
    declared: Any = kind
    try:
        found: Value = _reader(declared).read(plain)
    except RecursionError as error:
        raise FormError("it is nested too deeply") from error
    return found


@value
class _Form:
    """How values of a type that is not ours become a text and come back."""

    to_text: Callable[[Any], str]
    from_text: Callable[[type, str], Any]


def _made(kind: type, text: str) -> Any:
    return kind(text)


def _binascii() -> Any:
    import binascii  # few values hold bytes

    return binascii


_FORMS = {
    "Requirement": _Form(str, _made),
    "Version": _Form(str, _made),
    "bytes": _Form(
        lambda content: _binascii().b2a_base64(content, newline=False).decode(),
        lambda _, text: _binascii().a2b_base64(text, strict_mode=True),
    ),
    "datetime": _Form(
        lambda moment: str(moment.isoformat()),
        lambda kind, text: kind.fromisoformat(text),  # type: ignore[attr-defined] # it has that
    ),
}


@value
class _Reader:
    """How values of a kind are read, and the types that they have in JSON."""

    accepts: tuple[type, ...]
    read: Read


_WORDS = {
    type(None): "null",
    bool: "true or false",
    int: "an integer",
    float: "a number",
    str: "a text",
    list: "an array",
    dict: "an object",
}


def _wrong(*accepted: type) -> FormError:
    return FormError(f"this must be {' or '.join(_WORDS[each] for each in accepted)}")


@cache
def _reader(kind: Any, owner: Any = None) -> _Reader:  # noqa: PLR0911 - one return a kind
    """The reader of a kind that a field of `owner` is declared with."""
    if isinstance(kind, str | ForwardRef):
        return _named(kind if isinstance(kind, str) else kind.__forward_arg__, owner)
    origin, arguments = get_origin(kind), get_args(kind)
    if origin is Literal:
        return _literal(arguments)
    if origin in (Union, types.UnionType):
        return _union([_reader(each, owner) for each in arguments])
    if origin is tuple:
        return _tuple([_reader(each, owner) for each in arguments if each is not ...], arguments)
    if origin is not None and issubclass(origin, Mapping):
        return _mapping(_reader(arguments[1], owner).read)
    kind = getattr(kind, "__supertype__", kind)
    if kind in _WORDS:
        return _scalar(kind)
    if fields_of(kind):
        return _object(kind)
    if issubclass(kind, tuple):
        return _row(kind, [_reader(each, kind) for each in kind.__annotations__.values()])
    return _text(kind, _FORMS[kind.__name__])


def _named(text: str, owner: Any) -> _Reader:
    """The reader of a kind by its name in the module of `owner`; it may contain itself."""

    @cache
    def found() -> Read:
        kind = eval(text, vars(sys.modules[owner.__module__]))  # noqa: S307 - our own annotation
        return _reader(kind, owner).read

    def read(plain: Any) -> Any:
        return found()(plain)

    accepts = {"dict": dict, "tuple": list}[text.partition("[")[0]]
    return _Reader((accepts,), read)


def _scalar(kind: type) -> _Reader:
    accepts = (int, float) if kind is float else (kind,)

    def read(plain: Any) -> Any:
        if type(plain) in accepts:
            return plain
        raise _wrong(kind)

    return _Reader(accepts, read)


def _literal(allowed: Sequence[Any]) -> _Reader:
    def read(plain: Any) -> Any:
        if plain in allowed:
            return plain
        raise FormError(f"this must be one of {', '.join(map(str, allowed))}")

    return _Reader(tuple(set(map(type, allowed))), read)


def _union(options: Sequence[_Reader]) -> _Reader:
    by_type = {each: option.read for option in options for each in option.accepts}

    def read(plain: Any) -> Any:
        found = by_type.get(type(plain))
        if found is None:
            raise _wrong(*by_type)
        return found(plain)

    return _Reader(tuple(by_type), read)


def _tuple(items: Sequence[_Reader], arguments: Sequence[Any]) -> _Reader:
    return _array(items[0].read) if arguments[-1] is ... else _row(tuple, items)


def _array(item: Read) -> _Reader:
    def read(plain: Any) -> Any:
        if type(plain) is not list:
            raise _wrong(list)
        found: list[Any] = []
        try:
            for each in plain:
                found.append(item(each))  # noqa: PERF401 - what was found tells where it ended
        except FormError as error:
            raise error.below(f"[{len(found)}]") from error
        return tuple(found)

    return _Reader((list,), read)


def _row(kind: type, items: Sequence[_Reader]) -> _Reader:
    make: Callable[[Any], Any] = getattr(kind, "_make", kind)

    def read(plain: Any) -> Any:
        if type(plain) is not list or len(plain) != len(items):
            raise FormError(f"this must be an array of {len(items)}")
        found: list[Any] = []
        try:
            for item, each in zip(items, plain, strict=True):
                found.append(item.read(each))
        except FormError as error:
            raise error.below(f"[{len(found)}]") from error
        return make(found)

    return _Reader((list,), read)


def _mapping(item: Read) -> _Reader:
    def read(plain: Any) -> Any:
        if type(plain) is not dict:
            raise _wrong(dict)
        found: dict[str, Any] = {}
        try:
            for key, each in plain.items():
                found[key] = item(each)
        except FormError as error:
            raise error.below(key) from error
        return found

    return _Reader((dict,), read)


def _object(kind: Any) -> _Reader:
    reads = [(each.name, _reader(each.declared, kind).read) for each in fields_of(kind)]
    needed = [each.name for each in fields_of(kind) if each.is_needed]

    def read(plain: Any) -> Any:
        if type(plain) is not dict:
            raise _wrong(dict)
        found: dict[str, Any] = {}
        try:
            for name, item in reads:
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

    return _Reader((dict,), read)


def _text(kind: type, form: _Form) -> _Reader:
    def read(plain: Any) -> Any:
        if type(plain) is not str:
            raise _wrong(str)
        try:
            return form.from_text(kind, plain)
        except (ValueError, TypeError) as error:
            raise FormError(f"this is no {kind.__name__.lower()}") from error

    return _Reader((str,), read)
