"""Frozen values as JSON and back, for a cache: what was read from a file need not be read again.

A dataclass is an object of its fields, in their order, under its name; a tuple is an array. Values
of other libraries are texts under a name of ours. Only specs, targets and locks can be read: what a
cache holds makes nothing else.
"""

import json
from collections.abc import Callable
from dataclasses import fields, is_dataclass
from datetime import datetime
from typing import Any, NamedTuple

from packaging.requirements import Requirement
from packaging.tags import Tag

from envc.model import lock, spec, target

_KINDS: dict[str, type] = {
    name: kind
    for module in (lock, spec, target)
    for name, kind in vars(module).items()
    if isinstance(kind, type) and is_dataclass(kind) and kind.__module__ == module.__name__
}
_KIND = "is"


class _Form(NamedTuple):
    """How values of a library's type are written, as text, and read."""

    kind: type
    to_text: Callable[[Any], str]
    from_text: Callable[[str], Any]


def _tag(text: str) -> Tag:
    return Tag(*text.split("-"))


_FORMS = {
    "moment": _Form(datetime, datetime.isoformat, datetime.fromisoformat),
    "requirement": _Form(Requirement, str, Requirement),
    "tag": _Form(Tag, str, _tag),
}


def value_to_json(value: Any) -> bytes:
    """The JSON of a value.

    Raises:
        TypeError: it holds something that has no form here.
    """
    return json.dumps(_plain(value), separators=(",", ":")).encode()


def value_from_json(content: bytes) -> Any:
    """The value that was written.

    Raises:
        ValueError, KeyError, TypeError: it is none, or its type has got other fields since.
    """
    return _value(json.loads(content))


def _plain(value: Any) -> Any:
    if value is None or isinstance(value, bool | int | str):
        return value
    if isinstance(value, tuple):
        return [_plain(item) for item in value]
    if isinstance(value, dict):
        return {_KIND: "mapping", "items": [[key, _plain(item)] for key, item in value.items()]}
    for name, form in _FORMS.items():
        if isinstance(value, form.kind):
            return {_KIND: name, "text": form.to_text(value)}
    if type(value).__name__ not in _KINDS:
        raise TypeError(f"{type(value).__name__} has no form in JSON")
    plain = {field.name: _plain(getattr(value, field.name)) for field in fields(value)}
    return {_KIND: type(value).__name__, **plain}


def _value(plain: Any) -> Any:
    if isinstance(plain, list):
        return tuple(map(_value, plain))
    if not isinstance(plain, dict):
        return plain
    name = plain.pop(_KIND)
    if name == "mapping":
        return {key: _value(item) for key, item in plain["items"]}
    if name in _FORMS:
        return _FORMS[name].from_text(plain["text"])
    kind = _KINDS[name]
    if {field.name for field in fields(kind)} != plain.keys():
        raise TypeError(f"{name} has other fields now")
    return kind(**{key: _value(item) for key, item in plain.items()})
