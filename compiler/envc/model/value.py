"""Frozen values: the words in which rooms speak, defined in a tenth of the usual time.

`dataclass` compiles the methods of each class from text, 0.4 ms a class, and sixty classes stand
before a lock; to load it takes 6 ms. Here the methods are few and alike (record 0018), and whoever
asks `dataclasses` about a value finds a dataclass, made when it is asked for.
"""

from collections.abc import Callable
from operator import attrgetter
from typing import Any, NoReturn, TypeVar, dataclass_transform, overload

ClassT = TypeVar("ClassT", bound=type[Any])
Value = TypeVar("Value")
Method = Callable[..., Any]

NOTHING: Any = object()


class Field:
    """A field of a value: its name, what it is declared as, and its default or what makes that.

    `NOTHING` stands for what it has not. Only what `shows` is compared, and printed.
    """

    __slots__ = ("declared", "default", "factory", "name", "shows")

    def __init__(
        self, default: Any = NOTHING, factory: Any = NOTHING, *, shows: bool = True
    ) -> None:
        self.name = ""
        self.declared: Any = None
        self.default = default
        self.factory = factory
        self.shows = shows

    @property
    def is_needed(self) -> bool:
        """Whether it has no default."""
        return self.default is NOTHING and self.factory is NOTHING


def field(*, default_factory: Callable[[], Any], shows: bool = True) -> Any:
    """A field whose default is made for each value, and that may be left out of comparisons."""
    return Field(factory=default_factory, shows=shows)


def fields_of(value: Any) -> tuple[Field, ...]:
    """The fields of a value or of its class, in their order; none: it is no value."""
    found: tuple[Field, ...] = getattr(value, "__value_fields__", ())
    return found


def replace(value: Value, /, **changes: Any) -> Value:
    """The value with other fields."""
    kept = {each.name: getattr(value, each.name) for each in fields_of(value)}
    return type(value)(**kept | changes)


@overload
@dataclass_transform(frozen_default=True, field_specifiers=(field,))
def value(cls: ClassT, /) -> ClassT: ...


@overload
@dataclass_transform(frozen_default=True, field_specifiers=(field,))
def value(
    *, kw_only: bool = ..., slots: bool = ..., eq: bool = ...
) -> Callable[[ClassT], ClassT]: ...


def value(cls: Any = None, /, *, kw_only: bool = False, slots: bool = True, eq: bool = True) -> Any:
    """Make a class what `dataclass(frozen=True, slots=True)` makes of it, for its users as well.

    `slots=False` suits a class with a `cached_property`, `eq=False` one whose objects equal
    themselves alone. A method that the class defines stays. There is no `__post_init__`.
    """

    def define(cls: Any) -> Any:
        own = set(vars(cls))
        names = _declare(cls)
        made = _with_slots(cls, names) if slots else cls
        methods = _for_all_values | {"__init__": _init_of(made)}
        if eq:
            methods |= _equality_of(made)
        for name in methods.keys() - own:
            setattr(made, name, methods[name])
        positional = () if kw_only else tuple(each.name for each in fields_of(made))
        setattr(made, "__match_args__", positional)  # noqa: B010 - mypy takes it to be final
        made.__dataclass_fields__ = _AsDataclass(made, kw_only=kw_only)
        return made

    return define if cls is None else define(cls)


def _declare(cls: Any) -> list[str]:
    """Take note of a class's fields, those that it inherits first; the names of its own."""
    found: dict[str, Field] = {}
    for base in reversed(cls.__mro__[1:]):
        found |= {each.name: each for each in fields_of(base)}
    own = cls.__annotations__
    for name, declared in own.items():
        default = vars(cls).get(name, NOTHING)
        if type(default).__module__ == "dataclasses":
            raise TypeError(f"{cls.__qualname__}: {name} is to be a field of `model.value`")
        if isinstance(default, Field):
            delattr(cls, name)
        else:
            default = Field(default)
        default.name, default.declared = name, declared
        found[name] = default
    cls.__value_fields__ = tuple(found.values())
    return list(own)


def _with_slots(cls: Any, names: list[str]) -> Any:
    """The same class, made anew: its objects have no room for anything but its fields."""
    inherited = {slot for base in cls.__mro__[1:-1] for slot in getattr(base, "__slots__", ())}
    left_out = {"__dict__", "__weakref__", *names}
    content = {name: each for name, each in vars(cls).items() if name not in left_out}
    content["__slots__"] = tuple(name for name in names if name not in inherited)
    made = type(cls)(cls.__name__, cls.__bases__, content)
    made.__qualname__ = cls.__qualname__
    return made


class _AsDataclass:
    """What `dataclasses` asks of a class, found out when it does."""

    def __init__(self, made: Any, *, kw_only: bool) -> None:
        self._made = made
        self._kw_only = kw_only

    def __get__(self, instance: object, owner: object) -> Any:
        import dataclasses

        content: dict[str, Any] = {"__annotations__": {}}
        for each in fields_of(self._made):
            content["__annotations__"][each.name] = each.declared
            given = {"default": each.default, "default_factory": each.factory}
            known = {name: default for name, default in given.items() if default is not NOTHING}
            content[each.name] = dataclasses.field(
                compare=each.shows, repr=each.shows, kw_only=self._kw_only, **known
            )
        like: Any = type(self._made.__name__, (), content)
        dataclasses.dataclass(init=False, repr=False, eq=False)(like)
        self._made.__dataclass_fields__ = vars(like)["__dataclass_fields__"]
        self._made.__dataclass_params__ = vars(like)["__dataclass_params__"]
        return self._made.__dataclass_fields__


def _init_of(made: Any) -> Method:
    names = [each.name for each in fields_of(made)]
    defaults = {f.name: f.default for f in fields_of(made) if f.default is not NOTHING}
    makers = {f.name: f.factory for f in fields_of(made) if f.factory is not NOTHING}
    put = object.__setattr__

    def completed(args: tuple[Any, ...], named: dict[str, Any]) -> dict[str, Any]:
        given = dict(zip(names, args, strict=False)) | named
        if len(given) < len(args) + len(named):
            raise TypeError(f"{made.__qualname__}: more than {', '.join(names)}, each once")
        made_now = {name: make() for name, make in makers.items() if name not in given}
        return defaults | made_now | given

    def __init__(self: Any, *args: Any, **named: Any) -> None:  # noqa: N807 - it becomes that
        if args or len(named) < len(names):
            named = completed(args, named)
        if len(named) > len(names):
            raise TypeError(f"{made.__qualname__}: more than {', '.join(names)}")
        try:
            for name in names:
                put(self, name, named[name])
        except KeyError:
            raise TypeError(f"{made.__qualname__}: {name!r} is missing") from None

    return __init__


def _equality_of(made: Any) -> dict[str, Method]:
    names = [each.name for each in fields_of(made) if each.shows]
    content = attrgetter(*names) if names else type

    def __eq__(self: Any, other: object) -> Any:  # noqa: N807 - it becomes that
        return content(self) == content(other) if type(other) is type(self) else NotImplemented

    def __hash__(self: Any) -> int:  # noqa: N807 - it becomes that
        return hash(content(self))

    return {"__eq__": __eq__, "__hash__": __hash__}


def _repr(self: Any) -> str:
    content = ", ".join(f"{f.name}={getattr(self, f.name)!r}" for f in fields_of(self) if f.shows)
    return f"{type(self).__qualname__}({content})"


def _refuse(self: Any, name: str, *_new: Any) -> NoReturn:
    from dataclasses import FrozenInstanceError

    raise FrozenInstanceError(f"{name!r} of a {type(self).__qualname__} cannot change")


def _reduce(self: Any) -> tuple[Any, tuple[Any, ...]]:
    return type(self), tuple(getattr(self, each.name) for each in fields_of(self))


_for_all_values: dict[str, Method] = {
    "__reduce__": _reduce,
    "__repr__": _repr,
    "__setattr__": _refuse,
    "__delattr__": _refuse,
}
