"""`facts.json`: what a wheel contains and claims ↔ JSON with sorted keys.

{"format": 1, "filename": …, "digest": "sha256:…", …} with the fields of `WheelFacts`; a console
script is `[name, module, attribute]`; `modules` nests as `ModuleTree` does.
"""

import json
from collections.abc import Callable
from typing import Any, TypeVar

from packaging.utils import NormalizedName

from envc.errors import SpecError
from envc.model.digest import Digest, is_digest
from envc.model.wheel import ConsoleScript, ModuleTree, WheelFacts

FACTS_FORMAT = 1

_MEND = "ingest the wheel again"
_SCRIPT_PARTS = 3

Value = TypeVar("Value")


def facts_to_json(facts: WheelFacts) -> bytes:
    """The facts as JSON: keys sorted, no spaces, a newline at the end."""
    value = {
        "format": FACTS_FORMAT,
        "filename": facts.filename,
        "digest": facts.digest,
        "size_bytes": facts.size_bytes,
        "project": facts.project,
        "version": facts.version,
        "dist_info": facts.dist_info,
        "requires": facts.requires,
        "requires_python": facts.requires_python,
        "extras": facts.extras,
        "modules": facts.modules,
        "console_scripts": [[s.name, s.module, s.attribute] for s in facts.console_scripts],
        "scripts": facts.scripts,
        "start_files": facts.start_files,
        "data_files": facts.data_files,
    }
    text = json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return text.encode() + b"\n"


def facts_from_json(content: bytes) -> WheelFacts:
    """The facts that `facts_to_json` wrote.

    Raises:
        SpecError: the content is not JSON, is of a newer format, or a field is missing, of a
            wrong type, or unknown.
    """
    try:
        value = json.loads(content)
    except (ValueError, RecursionError) as error:
        raise SpecError("these facts of a wheel are not JSON", mend=_MEND) from error
    if not isinstance(value, dict):
        raise SpecError("these facts of a wheel are not a JSON object", mend=_MEND)
    found = _take(value, "format", _integer)
    if found != FACTS_FORMAT:
        raise SpecError(
            f"these facts of a wheel have format {found}; this envc reads format {FACTS_FORMAT}",
            where="format",
            mend="use the envc that wrote them, or " + _MEND,
        )
    facts = WheelFacts(
        filename=_take(value, "filename", _text),
        digest=_take(value, "digest", _digest),
        size_bytes=_take(value, "size_bytes", _integer),
        project=NormalizedName(_take(value, "project", _text)),
        version=_take(value, "version", _text),
        dist_info=_take(value, "dist_info", _text),
        requires=_take(value, "requires", _texts),
        requires_python=_take(value, "requires_python", _optional_text),
        extras=tuple(map(NormalizedName, _take(value, "extras", _texts))),
        modules=_take(value, "modules", _modules),
        console_scripts=_take(value, "console_scripts", _console_scripts),
        scripts=_take(value, "scripts", _texts),
        start_files=_take(value, "start_files", _texts),
        data_files=_take(value, "data_files", _texts),
    )
    if value:
        raise SpecError("this field is unknown", where=min(value), mend=_MEND)
    return facts


def _take(value: dict[str, Any], key: str, parse: Callable[[Any], Value]) -> Value:
    """Remove a field and return it parsed; what stays behind is unknown."""
    if key not in value:
        raise SpecError("this field is missing", where=key, mend=_MEND)
    try:
        return parse(value.pop(key))
    except (TypeError, RecursionError) as error:
        raise SpecError("this field has a wrong type", where=key, mend=_MEND) from error


def _integer(value: Any) -> int:
    if type(value) is not int:
        raise TypeError
    return value


def _text(value: Any) -> str:
    if not isinstance(value, str):
        raise TypeError
    return value


def _optional_text(value: Any) -> str | None:
    return None if value is None else _text(value)


def _texts(value: Any) -> tuple[str, ...]:
    if not isinstance(value, list):
        raise TypeError
    return tuple(map(_text, value))


def _digest(value: Any) -> Digest:
    if not is_digest(_text(value)):
        raise TypeError
    return Digest(value)


def _console_scripts(value: Any) -> tuple[ConsoleScript, ...]:
    if not isinstance(value, list):
        raise TypeError
    rows = [_texts(row) for row in value]
    if any(len(row) != _SCRIPT_PARTS for row in rows):
        raise TypeError
    return tuple(ConsoleScript(*row) for row in rows)


def _modules(value: Any) -> ModuleTree:
    if not isinstance(value, dict):
        raise TypeError
    return {name: _module(child) for name, child in value.items()}


def _module(value: Any) -> Any:
    return value if value in ("package", "module") else _modules(value)
