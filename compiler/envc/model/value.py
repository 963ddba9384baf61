"""Frozen values: the words in which rooms speak, defined in a tenth of the usual time.

`dataclass` compiles the methods of each class from text, 0.4 ms a class, and sixty classes stand
before a lock. Here it reads the fields only; the methods are few and alike (record 0018).
"""

from collections.abc import Callable
from dataclasses import MISSING, FrozenInstanceError, dataclass, fields
from operator import attrgetter
from typing import Any, NoReturn, TypeVar, dataclass_transform, overload

ClassT = TypeVar("ClassT", bound=type[Any])
Method = Callable[..., Any]


@overload
@dataclass_transform(frozen_default=True)
def value(cls: ClassT, /) -> ClassT: ...


@overload
@dataclass_transform(frozen_default=True)
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
        made = dataclass(cls, init=False, repr=False, eq=False, slots=slots, kw_only=kw_only)
        methods = _for_all_values | {"__init__": _init_of(made)}
        if eq:
            methods |= _equality_of(made)
        for name in methods.keys() - own:
            setattr(made, name, methods[name])
        return made

    return define if cls is None else define(cls)


def _init_of(made: Any) -> Method:
    names = [field.name for field in fields(made)]
    defaults = {f.name: f.default for f in fields(made) if f.default is not MISSING}
    makers = {f.name: f.default_factory for f in fields(made) if f.default_factory is not MISSING}
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
    names = [field.name for field in fields(made) if field.compare]
    content = attrgetter(*names) if names else type

    def __eq__(self: Any, other: object) -> Any:  # noqa: N807 - it becomes that
        return content(self) == content(other) if type(other) is type(self) else NotImplemented

    def __hash__(self: Any) -> int:  # noqa: N807 - it becomes that
        return hash(content(self))

    return {"__eq__": __eq__, "__hash__": __hash__}


def _repr(self: Any) -> str:
    content = ", ".join(f"{f.name}={getattr(self, f.name)!r}" for f in fields(self) if f.repr)
    return f"{type(self).__qualname__}({content})"


def _refuse(self: Any, name: str, *_new: Any) -> NoReturn:
    raise FrozenInstanceError(f"{name!r} of a {type(self).__qualname__} cannot change")


def _reduce(self: Any) -> tuple[Any, tuple[Any, ...]]:
    return type(self), tuple(getattr(self, field.name) for field in fields(self))


_for_all_values: dict[str, Method] = {
    "__reduce__": _reduce,
    "__repr__": _repr,
    "__setattr__": _refuse,
    "__delattr__": _refuse,
}
