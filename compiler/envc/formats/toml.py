"""TOML: text to data, or an error that names the line; and values as tables.

A value is a table of its fields, in kebab case; those that have their default are left out.
"""

import re
from typing import Any

from envc.errors import SpecError
from envc.formats.values import plain_of
from envc.model.value import fields_of

MAXIMUM_BYTES = 4 << 20
_LONGEST_FAULT = 1000
# tomllib needs the square of a dotted key's parts, in time and in memory.
_DEEP_KEY = re.compile(
    r"""(?:(?:(?<![\w-])[A-Za-z0-9_-]++|"[^"\n]*+"|'[^'\n]*+')[ \t]*+\.[ \t]*+){100}"""
)


def toml_of(value: Any) -> Any:
    """A value as TOML has it."""
    if isinstance(value, tuple):
        return [toml_of(item) for item in value]
    if not fields_of(value):
        return plain_of(value)
    given = ((each, getattr(value, each.name)) for each in fields_of(value))
    return {
        each.name.replace("_", "-"): toml_of(item) for each, item in given if item != each.default
    }


def parse_toml(text: bytes, file: str) -> dict[str, Any]:
    """The TOML data of a file's bytes.

    Raises:
        SpecError: too large, not UTF-8, or not TOML.
    """
    import tomllib  # what only writes needs none

    if len(text) > MAXIMUM_BYTES:
        raise SpecError(f"larger than {MAXIMUM_BYTES} bytes", where=file, mend="split the file")
    try:
        read = text.decode()
        deep = _DEEP_KEY.search(read)
        if deep is not None:
            line = read.count("\n", 0, deep.start()) + 1
            raise SpecError(
                "a key has more than a hundred parts", where=f"{file}:{line}", mend="shorten it"
            )
        return tomllib.loads(read)
    except UnicodeDecodeError as error:
        raise SpecError(
            f"not UTF-8 at byte {error.start}", where=file, mend="save the file as UTF-8"
        ) from error
    except tomllib.TOMLDecodeError as error:
        what, where = _toml_place(str(error), file)
        raise SpecError(cut(f"not TOML: {what}"), where=where, mend="correct the syntax") from error
    except ValueError as error:
        # Python's own limit, against numbers that take long to read: tomllib lets it through.
        raise SpecError(
            "not TOML: a number has thousands of digits", where=file, mend="shorten the number"
        ) from error
    except RecursionError as error:
        raise SpecError("not TOML: nested too deeply", where=file) from error


def cut(text: str) -> str:
    """A text of a fault, but for what nobody reads to its end."""
    return text if len(text) <= _LONGEST_FAULT else f"{text[:_LONGEST_FAULT]}…"


def _toml_place(message: str, file: str) -> tuple[str, str]:
    """Split tomllib's `… (at line 3, column 5)` into the message and `file:3`."""
    match = re.fullmatch(r"(.*) \(at line (\d+), column \d+\)", message, re.DOTALL)
    if match is None:
        return message, file
    return match[1], f"{file}:{match[2]}"
