import subprocess
import sys
from pathlib import Path

import pytest

from envc.formats.scripts import (
    entry_point_script,
    parse_entry_points,
    rebind_script,
    runs_python_beside,
)
from envc.model.wheel import ConsoleScript

START = b"""\
#!/bin/sh
'''exec' "$(dirname -- "$(realpath -- "$0")")"/python "$0" "$@"
' '''
"""
JOINED = START[:-1] + b" \\\n"


def test_entry_point() -> None:
    assert entry_point_script(ConsoleScript("demo", "demo.cli", "App.run")) == START + (
        b"# -*- coding: utf-8 -*-\n"
        b"import re\n"
        b"import sys\n"
        b"from demo.cli import App\n"
        b'if __name__ == "__main__":\n'
        b'    sys.argv[0] = re.sub(r"(-script\\.pyw|\\.exe)?$", "", sys.argv[0])\n'
        b"    sys.exit(App.run())\n"
    )


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (b"#!python\nx = 1\n", START + b"x = 1\n"),
        (b"#!pythonw -E\r\nx = 1\n", START + b"x = 1\n"),
        (b"#!python", START),
        (
            b"#!python\n# coding: latin-1\n\n'''Doc.'''\n",
            b"#!/bin/sh\n# coding: latin-1\n\n"
            + JOINED.removeprefix(b"#!/bin/sh\n")
            + b"'''Doc.'''\n",
        ),
        (b"#!/usr/bin/python\nx = 1\n", None),
        (b"#!/bin/sh\necho\n", None),
        (b"\x7fELF", None),
        (b"", None),
    ],
)
def test_rebind(content: bytes, expected: bytes | None) -> None:
    assert rebind_script(content) == expected


SOURCE = """\
#!python
# -*- coding: latin-1 -*-
'''A docstring.'''
from __future__ import annotations
import sys
print(sys.argv[1:], 'é', __doc__.endswith('A docstring.'))
"""


@pytest.mark.parametrize("folder", ["bin", 'a folder; with $HOME\'s "quotes"'])
def test_script_runs_the_python_beside_its_real_path(tmp_path: Path, folder: str) -> None:
    place = tmp_path / folder
    place.mkdir()
    (place / "python").symlink_to(sys.executable)
    script = place / "demo"
    script.write_bytes(rebind_script(SOURCE.encode("latin-1")) or b"")
    script.chmod(0o555)
    (tmp_path / "link").symlink_to(script)
    command = [str(tmp_path / "link"), "a b", "c"]
    ran = subprocess.run(command, capture_output=True, text=True, check=True, encoding="utf-8")
    assert ran.stdout == "['a b', 'c'] é True\n"


def test_entry_points_of_both_groups_in_order_of_name() -> None:
    text = """\
[console_scripts]
zeta = demo.cli:main
alpha=demo:App.run [extra,other]
[gui_scripts]
Window = demo.gui : main
[pytest11]
demo = demo.plugin
[broken]
percent = %(x)s
"""
    assert parse_entry_points(text) == (
        ConsoleScript("Window", "demo.gui", "main"),
        ConsoleScript("alpha", "demo", "App.run"),
        ConsoleScript("zeta", "demo.cli", "main"),
    )


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("x = demo:main", "it does not parse as an INI file"),
        ("[console_scripts]\na/b = x:y", "'a/b' cannot be the name of a script"),
        ("[console_scripts]\na\\b = x:y", "'a\\\\b' cannot be the name of a script"),
        ("[console_scripts]\n.. = x:y", "'..' cannot be the name of a script"),
        ("[console_scripts]\na\x1b = x:y", "'a\\x1b' cannot be the name of a script"),
        (
            "[console_scripts]\na = x",
            "the script 'a' refers to 'x', not to module:attribute",
        ),
        (
            "[console_scripts]\na = x..y:z",
            "the script 'a' refers to 'x..y:z', not to module:attribute",
        ),
        (
            "[console_scripts]\na = x:y()",
            "the script 'a' refers to 'x:y()', not to module:attribute",
        ),
        (
            "[console_scripts]\na = x:y\n[gui_scripts]\na = x:z",
            "the script 'a' is given twice, and differently",
        ),
    ],
)
def test_bad_entry_points(text: str, message: str) -> None:
    with pytest.raises(ValueError) as caught:  # noqa: PT011 - its full text is compared below
        parse_entry_points(text)
    assert str(caught.value) == message


def test_a_rebound_script_is_known_again():
    for text in (b"#!python\nprint(1)\n", b"#!python\n# coding: utf-8\n\n'''doc'''\n", b"#!python"):
        rebound = rebind_script(text)
        assert rebound is not None
        assert runs_python_beside(rebound)
    for text in (b"#!/bin/sh\necho\n", b"#!/bin/sh\n", b"\x7fELF", b"#!python\n", b""):
        assert not runs_python_beside(text)
