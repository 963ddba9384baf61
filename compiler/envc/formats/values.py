"""Values as JSON and TOML, and back, by what their classes declare: nobody writes a codec for one.

A value is an object of its fields, a named tuple an array of them; a tuple is an array, a mapping
an object. Values of other libraries are texts. What is read must be of the declared types, and have
all fields but those with a default.

What a text may say is looked at where the class says so: `Annotated[kind, check, …]`, a check
being a pattern of the whole text (of what people write a `Form`, which has words for it), or a
function that gives the value or raises ValueError; `Before` looks at what is read. What people
write is TOML: keys in kebab case, and every flaw is told, in words that mend.
"""

import json
import re
import sys
import types
from collections.abc import Callable, Mapping, Sequence
from functools import cache
from typing import (
    Annotated,
    Any,
    ForwardRef,
    Literal,
    NamedTuple,
    TypeAlias,
    TypeVar,
    Union,
    get_args,
    get_origin,
)

from envc.errors import SpecError
from envc.model.value import fields_of

Value = TypeVar("Value")
Read = Callable[[Any], Any]
KeyPath: TypeAlias = tuple[str | int, ...]

_NUL = re.compile(rb"(?<!\\)(?:\\\\)*\\(?:u0{4}|U0{8}|x00)")


class Flaw(NamedTuple):
    """What is wrong with plain data, how a person would mend it, and where it is."""

    what: str
    mend: str = "correct it"
    path: KeyPath = ()


class FormError(ValueError):
    """Plain data that are no value of the kind: their flaws, in order of place."""

    def __init__(self, *flaws: Flaw | str) -> None:
        super().__init__()
        self.flaws = tuple(Flaw(each) if isinstance(each, str) else each for each in flaws)

    def __str__(self) -> str:
        return f"{self.where}: {self.what}" if self.where else self.what

    @property
    def what(self) -> str:
        """The first flaw."""
        return self.flaws[0].what

    @property
    def where(self) -> str:
        """At which key that is (`a.b[0]`)."""
        return path_text(self.flaws[0].path)

    def below(self, key: str | int) -> list[Flaw]:
        """The same flaws, of what stands under a key, or at a place of an array."""
        return [each._replace(path=(key, *each.path)) for each in self.flaws]


class Before(NamedTuple):
    """A check that looks at what is read, before its kind does."""

    check: Callable[[Any], Any]


class Form(NamedTuple):
    """A check that a whole text is of a pattern; what such a text is called, and one of them."""

    pattern: str
    told: str
    example: str


class Beside(NamedTuple):
    """A check of what is read whose flaws are told beside those of the value itself."""

    check: Callable[[Any], list[Flaw]]


def path_text(path: KeyPath) -> str:
    """A key path as people write it: `layer.user.requires[0]`."""
    text = ""
    for part in path:
        text += f"[{part}]" if isinstance(part, int) else f".{part}" if text else part
    return text


def refuse_nul(text: bytes, file: str) -> None:
    """Refuse TOML or JSON in which a NUL is spelled: no path has one, and no name.

    Raises:
        SpecError: there is one.
    """
    nul = _NUL.search(text) if b"00" in text else None
    if nul is not None:
        line = text.count(b"\n", 0, nul.start()) + 1
        raise SpecError("no text has a NUL character", where=f"{file}:{line}", mend="remove it")


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


def value_of(kind: type[Value], plain: Any, *, toml: bool = False) -> Value:
    """The value of that kind that `plain_of` made plain, or that a person wrote as TOML.

    Raises:
        FormError: it is none.
    """
    declared: Any = kind
    try:
        found: Value = _reader(declared, None, toml)(plain)
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
_TOML_NAMES = {"a text": "a string", "an object": "a table"}
_TOML_TYPES = {bool: "a boolean", int: "an integer", str: "a string", float: "a float"}
_TOML_TYPES |= {list: "an array", dict: "a table"}


@cache
def _reader(kind: Any, owner: Any, toml: bool) -> Read:  # noqa: C901, FBT001, PLR0911 - one return a kind
    """What reads a kind that a field of `owner` is declared with."""
    if isinstance(kind, str | ForwardRef):
        return _named(kind if isinstance(kind, str) else kind.__forward_arg__, owner, toml=toml)
    origin, arguments = get_origin(kind), get_args(kind)
    if origin is Literal:
        return _literal(arguments, toml=toml)
    if origin is Annotated:
        return _checked(_reader(arguments[0], owner, toml), arguments[1:])
    items = [_reader(each, owner, toml) for each in arguments if each is not ...]
    if origin in (Union, types.UnionType):
        return _union(items)
    if origin is tuple:
        if arguments[-1] is ...:
            return _array(items[0], toml=toml)
        return _row(tuple, items, toml=toml)
    if origin is not None and issubclass(origin, Mapping):
        name = items[0] if get_origin(arguments[0]) is Annotated else None
        return _mapping(name, items[1], toml=toml)
    kind = getattr(kind, "__supertype__", kind)
    if kind in _SCALARS:
        return _scalar(kind, toml=toml)
    if fields_of(kind):
        return _object(kind, toml=toml)
    if issubclass(kind, tuple):
        declared = kind.__annotations__.values()
        return _row(kind._make, [_reader(each, kind, toml) for each in declared], toml=toml)
    return _text(kind, toml=toml)


def _named(text: str, owner: Any, *, toml: bool) -> Read:
    """What reads a kind by its name in the module of `owner`; it may contain itself."""

    @cache
    def found() -> Read:
        kind = eval(text, vars(sys.modules[owner.__module__]))  # noqa: S307 - our own annotation
        return _reader(kind, owner, toml)

    def read(plain: Any) -> Any:
        return found()(plain)

    return read


def _mistyped(wanted: str, plain: Any, *, toml: bool) -> FormError:
    if not toml:
        return FormError(f"this must be {wanted}")
    is_now = _TOML_TYPES.get(type(plain), "a date or time")
    wanted = _TOML_NAMES.get(wanted, wanted)
    return FormError(Flaw(f"must be {wanted}, is {is_now}", "change the value"))


def _checked(read: Read, checks: Sequence[Any]) -> Read:
    """What also checks what it reads; patterns are of whole texts."""
    before = [each.check for each in checks if isinstance(each, Before)]
    beside = [each.check for each in checks if isinstance(each, Beside)]
    after = [each for each in checks if not isinstance(each, Before | Beside)]

    def checked(plain: Any) -> Any:
        flaws = [flaw for check in beside for flaw in check(plain)]
        try:
            for check in before:
                plain = check(plain)
            value = read(plain)
            for check in after:
                value = _matching(check, value) if isinstance(check, str | Form) else check(value)
        except FormError as error:
            raise FormError(*flaws, *error.flaws) from error
        except ValueError as error:
            raise FormError(*flaws, str(error)) from error
        if flaws:
            raise FormError(*flaws)
        return value

    return checked


def _matching(form: str | Form, text: str) -> str:
    if isinstance(form, str):
        if re.fullmatch(form, text) is None:
            raise FormError(Flaw(f"{text!r} is not of the form that belongs here"))
    elif re.fullmatch(form.pattern, text) is None:
        what = f"{text!r} is not {form.told}"
        raise FormError(Flaw(what, f"change it to one like {json.dumps(form.example)}"))
    return text


def _scalar(kind: type, *, toml: bool) -> Read:
    accepted = (int, float) if kind is float else (kind,)

    def read(plain: Any) -> Any:
        if type(plain) in accepted:
            return plain
        raise _mistyped(_SCALARS[kind], plain, toml=toml)

    return read


def _literal(allowed: Sequence[Any], *, toml: bool) -> Read:
    def read(plain: Any) -> Any:
        if plain in allowed:
            return plain
        if not toml:
            raise FormError(f"this must be one of {', '.join(map(str, allowed))}")
        *others, last = map(repr, allowed)
        known = f"{', '.join(others)} or {last}"
        from envc.formats.nearest import mend_of  # few values are mistyped

        mend = mend_of(repr(plain), [repr(each) for each in allowed], "use one of them")
        raise FormError(Flaw(f"{plain!r} is none of {known}", mend))

    return read


def _union(options: Sequence[Read]) -> Read:
    def read(plain: Any) -> Any:
        errors: list[FormError] = []
        for option in options:
            try:
                return option(plain)
            except FormError as error:
                errors.append(error)
        raise max(errors, key=lambda error: len(error.flaws[0].path))

    return read


def _array(item: Read, *, toml: bool) -> Read:
    def read(plain: Any) -> Any:
        if type(plain) is not list:
            raise _mistyped("an array", plain, toml=toml)
        found: list[Any] = []
        flaws: list[Flaw] = []
        for place, each in enumerate(plain):
            try:
                found.append(item(each))
            except FormError as error:
                flaws += error.below(place)
        if flaws:
            raise FormError(*flaws)
        return tuple(found)

    return read


def _row(make: Callable[[Any], Any], items: Sequence[Read], *, toml: bool) -> Read:
    def read(plain: Any) -> Any:
        if type(plain) is not list or len(plain) != len(items):
            raise _mistyped(f"an array of {len(items)}", plain, toml=toml)
        found: list[Any] = []
        try:
            for item, each in zip(items, plain, strict=True):
                found.append(item(each))
        except FormError as error:
            raise FormError(*error.below(len(found))) from error
        return make(found)

    return read


def _mapping(name: Read | None, item: Read, *, toml: bool) -> Read:
    def read(plain: Any) -> Any:
        if type(plain) is not dict:
            raise _mistyped("an object", plain, toml=toml)
        found: dict[str, Any] = {}
        flaws: list[Flaw] = []
        for key, each in plain.items():
            try:
                found[name(key) if name else key] = item(each)
            except FormError as error:
                flaws += error.below(key)
        if flaws:
            raise FormError(*flaws)
        return found

    return read


def _object(kind: Any, *, toml: bool) -> Read:
    items = {
        each.name.replace("_", "-") if toml else each.name: (
            each.name,
            _reader(each.declared, kind, toml),
            each.is_needed,
        )
        for each in fields_of(kind)
    }
    missing = Flaw("missing key", "add it") if toml else Flaw("this field is missing")
    known = f"remove it, or use one of {', '.join(sorted(items))}"

    def unknown(key: str) -> Flaw:
        if not toml:
            return Flaw("this field is unknown", path=(key,))
        from envc.formats.nearest import mend_of  # few keys are mistyped

        return Flaw("unknown key", mend_of(key, items, known, "else "), (key,))

    def read(plain: Any) -> Any:
        if type(plain) is not dict:
            raise _mistyped("an object", plain, toml=toml)
        found: dict[str, Any] = {}
        flaws: list[Flaw] = []
        for key, (name, item, is_needed) in items.items():
            if key in plain:
                try:
                    found[name] = item(plain[key])
                except FormError as error:
                    flaws += error.below(key)
            elif is_needed:
                flaws.append(missing._replace(path=(key,)))
        if len(found) < len(plain) or flaws:
            flaws += [unknown(key) for key in plain if key not in items]
            raise FormError(*flaws)
        return kind(**found)

    return read


def _text(kind: Any, *, toml: bool) -> Read:
    made_from = getattr(kind, "fromisoformat", kind)

    def read(plain: Any) -> Any:
        if type(plain) is kind:
            return plain
        if type(plain) is not str:
            raise _mistyped("a text", plain, toml=toml)
        try:
            return made_from(plain)
        except (ValueError, TypeError) as error:
            raise FormError(f"this is no {kind.__name__.lower()}") from error

    return read
