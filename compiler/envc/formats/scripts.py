"""Scripts of an environment's `bin`: entry points and `#!python` files → text that runs anywhere.

A script starts as a shell script and hands itself to the `python` beside its own real path, so
that a tree has the same bytes wherever it stands. Two starts: the one that scripts are stored with,
as they always were, and the one that they have in trees.
"""

import re

from envc.model.wheel import ConsoleScript

# The system's tools ahead of what PATH names, which may be an environment's `bin` alone. It is for
# subshells: no program is to start with another PATH.
SYSTEM_PATH = "PATH=/usr/bin:/bin${PATH:+:$PATH}"

# What a person is told who types `pip` in a stack without it; it stands between quotes of a shell.
NO_PIP = "this stack has no pip: envc overlay add PROJECT --overlay NAME adds to a stack of yours"

_SHELL = b"#!/bin/sh\n"
# As scripts are stored: to Python a string. It needs a PATH with the system's tools.
_STORED = b"""'''exec' "$(dirname -- "$(realpath -- "$0")")"/python "$0" "$@"\n' '''"""
# As trees have them. To Python a comment, as a form feed is nothing ahead of one. To a shell a
# program in a folder that no file system can hold, as a file is no folder: it fails, and the right
# side runs. `readlink`, because busybox's `realpath` takes `--` for a file.
_FIND = f'$({SYSTEM_PATH}; dirname -- "$(readlink -f -- "$0")")'
_START = f"""\f#/ 2>/dev/null || exec "{_FIND}"/python "$0" "$@"\n""".encode()

# Source: PEP 263.
_ENCODING = re.compile(rb"[ \t\f]*(#.*?coding[:=][ \t]*[-\w.]+[^\n]*)\n?")
_JOINT = b" \\\n"
_COMMENTS = re.compile(rb"(?:[ \t\f]*(?:#[^\n]*)?\r?\n)*")
_STRING = re.compile(rb"[rRuU]?[\"']")
_REFERENCE = re.compile(r"([\w.]+)\s*:\s*([\w.]+)\s*(?:\[[^\]]*\])?")
_GROUPS = ("console_scripts", "gui_scripts")


def entry_point_script(script: ConsoleScript) -> bytes:
    """The file that runs an entry point, as it stands in trees.

    Its parts must be as `parse_entry_points` returns them.
    """
    imported = script.attribute.partition(".")[0]
    lines = (
        "import sys",
        f"from {script.module} import {imported}",
        'if __name__ == "__main__":',
        f"    sys.exit({script.attribute}())",
    )
    return _SHELL + _START + "".join(f"{line}\n" for line in lines).encode()


def stored_entry_point(script: ConsoleScript) -> bytes:
    """The file that runs an entry point, as it is stored."""
    from installer.scripts import Script  # most runs store no wheel

    generated = Script(script.name, script.module, script.attribute, "console")
    _, content = generated.generate("python", "posix")
    return _SHELL + _STORED + b"\n" + content.partition(b"\n")[2]


def rebind_script(content: bytes) -> bytes | None:
    """The script with its `#!python` line replaced, as it is stored; None: it has no such line.

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
    joint = _JOINT if _STRING.match(code) else b"\n"
    return _SHELL + comments + _STORED + joint + code


def program_script(stored: bytes) -> bytes | None:
    """The text of a script that `rebind_script` returned as it runs in any tree; None: no such one.

    To Python it is the program that its author wrote: its docstring and its `from __future__` are
    the first that there is. A declaration of its encoding stays on the second line, the last where
    it counts.
    """
    if not stored.startswith(_SHELL):
        return None
    rest = stored.removeprefix(_SHELL)
    found = _COMMENTS.match(rest)
    comments = found.group() if found else b""
    rest = rest.removeprefix(comments)
    if not rest.startswith(_STORED):
        return None
    code = rest.removeprefix(_STORED)
    code = comments + code.removeprefix(_JOINT if code.startswith(_JOINT) else b"\n")
    declared = _ENCODING.match(code)
    if declared is None:
        return _SHELL + _START + code
    return _SHELL + declared[1] + b"\n" + _START + code[declared.end() :]


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
