"""Scripts of an environment's `bin`: entry points and `#!python` files → text that runs anywhere.

A script starts as a shell script and hands itself to the `python` beside its own real path, so
that a tree has the same bytes wherever it stands. Python reads those lines as a string.
"""

import re

from envc.model.wheel import ConsoleScript

_SHELL = b"#!/bin/sh\n"
_EXEC = b"""'''exec' "$(dirname -- "$(realpath -- "$0")")"/python "$0" "$@"\n' '''"""

_COMMENTS = re.compile(rb"(?:[ \t\f]*(?:#[^\n]*)?\r?\n)*")
_STRING = re.compile(rb"[rRuU]?[\"']")
_REFERENCE = re.compile(r"([\w.]+)\s*:\s*([\w.]+)\s*(?:\[[^\]]*\])?")
_GROUPS = ("console_scripts", "gui_scripts")


def entry_point_script(script: ConsoleScript) -> bytes:
    """The file that runs an entry point. Its parts must be as `parse_entry_points` returns them."""
    from installer.scripts import Script  # many trees hold no such script

    generated = Script(script.name, script.module, script.attribute, "console")
    _, content = generated.generate("python", "posix")
    return _SHELL + _EXEC + b"\n" + content.partition(b"\n")[2]


def rebind_script(content: bytes) -> bytes | None:
    """The script with its `#!python` line replaced; None when it has no such line.

    Comments that follow the first line stay ahead of the new start: an encoding declaration
    counts in the first two lines only. A docstring is joined to it: a `from __future__` import
    may follow one string, not two.

    Source: https://packaging.python.org/specifications/binary-distribution-format/
    """
    if not content.startswith(b"#!python"):
        return None
    rest = content.partition(b"\n")[2]
    found = _COMMENTS.match(rest)
    comments = found.group() if found else b""
    code = rest[len(comments) :]
    joint = b" \\\n" if _STRING.match(code) else b"\n"
    return _SHELL + comments + _EXEC + joint + code


def runs_python_beside(content: bytes) -> bool:
    """Whether a script is one that `rebind_script` returned: the same text runs in any tree."""
    if not content.startswith(_SHELL):
        return False
    rest = content[len(_SHELL) :]
    found = _COMMENTS.match(rest)
    return rest[len(found.group()) if found else 0 :].startswith(_EXEC)


def parse_entry_points(text: str) -> tuple[ConsoleScript, ...]:
    """The console and GUI scripts of an `entry_points.txt`, in order of name.

    Raises:
        ValueError: the text does not parse, or a script's name or reference is not one; the
            message says which.

    Source: https://packaging.python.org/specifications/entry-points/
    """
    from configparser import ConfigParser, Error

    parser = ConfigParser(delimiters=("=",), interpolation=None, strict=False)
    parser.optionxform = str  # type: ignore[assignment,method-assign] # typeshed's own example
    try:
        parser.read_string(text)
    except Error as error:
        raise ValueError("it does not parse as an INI file") from error
    scripts: dict[str, ConsoleScript] = {}
    for group in _GROUPS:
        for name, reference in parser.items(group) if parser.has_section(group) else ():
            script = _console_script(name, reference)
            if scripts.setdefault(name, script) != script:
                raise ValueError(f"the script {name!r} is given twice, and differently")
    return tuple(scripts[name] for name in sorted(scripts))


def _console_script(name: str, reference: str) -> ConsoleScript:
    """One line of a group of scripts, checked: its text becomes part of a program."""
    if not name or name in {".", ".."} or "/" in name or "\\" in name or not name.isprintable():
        raise ValueError(f"{name!r} cannot be the name of a script")
    found = _REFERENCE.fullmatch(reference.strip())
    if found is None or not all(map(_is_dotted_identifier, found.groups())):
        raise ValueError(f"the script {name!r} refers to {reference!r}, not to module:attribute")
    module, attribute = found.groups()
    return ConsoleScript(name, module, attribute)


def _is_dotted_identifier(text: str) -> bool:
    return all(part.isidentifier() for part in text.split("."))
