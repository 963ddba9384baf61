import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from envc.formats.scripts import (
    entry_point_script,
    parse_entry_points,
    program_script,
    rebind_script,
    stored_entry_point,
)
from envc.model.wheel import ConsoleScript

START = b"""\
#!/bin/sh
'''exec' "$(dirname -- "$(realpath -- "$0")")"/python "$0" "$@"
' '''
"""
JOINED = START[:-1] + b" \\\n"
COMMENT = (
    b'\f#/ 2>/dev/null || exec "$(PATH=/usr/bin:/bin${PATH:+:$PATH}; '
    b'dirname -- "$(readlink -f -- "$0")")"/python "$0" "$@"\n'
)
PROGRAM = b"#!/bin/sh\n" + COMMENT


def test_entry_point() -> None:
    assert entry_point_script(ConsoleScript("demo", "demo.cli", "App.run")) == PROGRAM + (
        b"import sys\n"
        b"from demo.cli import App\n"
        b'if __name__ == "__main__":\n'
        b"    sys.exit(App.run())\n"
    )


def test_a_stored_entry_point_is_what_it_always_was() -> None:
    assert stored_entry_point(ConsoleScript("demo", "demo.cli", "App.run")) == START + (
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


def program(content: bytes) -> bytes:
    """A wheel's script as it stands in a tree."""
    return program_script(rebind_script(content) or b"") or b""


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (b"#!python\nx = 1\n", PROGRAM + b"x = 1\n"),
        (b"#!pythonw -E\r\nx = 1\n", PROGRAM + b"x = 1\n"),
        (b"#!python", PROGRAM),
        (b"#!python\n'''Doc.'''\n", PROGRAM + b"'''Doc.'''\n"),
        (b"#!python\n# A comment.\n# coding: x\n", PROGRAM + b"# A comment.\n# coding: x\n"),
        (
            b"#!python\n\f # -*- coding: latin-1 -*-\r\n\n'''Doc.'''\n",
            b"#!/bin/sh\n# -*- coding: latin-1 -*-\r\n" + COMMENT + b"\n'''Doc.'''\n",
        ),
        (b"#!/usr/bin/python\nx = 1\n", b""),
    ],
)
def test_program(content: bytes, expected: bytes) -> None:
    assert program(content) == expected


@pytest.mark.parametrize("content", [b"#!/bin/sh\necho\n", b"\x7fELF", b"", b"#!/bin/sh\n# x"])
def test_what_was_not_rebound_is_no_program(content: bytes) -> None:
    assert program_script(content) is None


# Debian's names of them. `sh` is whatever starts scripts here.
SHELLS = {
    "sh": (),
    "bash": ("bash",),
    "bash --posix": ("bash", "--posix", "-eu"),
    "dash": ("dash", "-eu"),
    "busybox": ("busybox", "sh", "-eu"),
    "zsh": ("zsh", "-eu"),
    "mksh": ("mksh", "-eu"),
    "ksh": ("ksh93", "-eu"),
    "yash": ("yash", "-eu"),
}
TELLS = """\
#!python
import json, os, sys
os.environ.pop("_", None)  # the program itself, where a shell says so
print(json.dumps([sys.argv[1:], dict(os.environ)]))
"""


@pytest.mark.parametrize("path", ["bin", "", None])
@pytest.mark.parametrize("shell", SHELLS)
def test_a_program_needs_no_path_and_changes_none(
    tmp_path: Path, shell: str, path: str | None
) -> None:
    name, *options = SHELLS[shell] or ("",)
    command = [shutil.which(name), *options] if name else []
    if None in command:
        pytest.skip(f"{name} is not here")
    place = tmp_path / "a folder\nof two lines; $(false)" / "bin"
    hers = tmp_path / "hers\n"
    for folder in (place, hers):
        folder.mkdir(parents=True)
    script, plain, source = place / "demo", tmp_path / "plain", tmp_path / "source.py"
    script.write_bytes(program(TELLS.encode()))
    source.write_text(TELLS)
    plain.write_text(f'#!/bin/sh\nexec "{sys.executable}" "{source}" "$@"\n')
    other = [place / tool for tool in ("dirname", "readlink", "realpath")]
    for path_of_other in other:  # an environment may have commands of such names
        path_of_other.write_text("#!/bin/sh\necho elsewhere\n")
    for executable in (script, plain, *other):
        executable.chmod(0o555)
    (place / "python").symlink_to(sys.executable)
    (hers / "first").symlink_to(script)
    (hers / "-second").symlink_to("first")
    (tmp_path / "third").symlink_to("hers\n/-second")
    (tmp_path / "folder").symlink_to(place)
    environment = {} if path is None else {"PATH": path and str(place)}

    def told(way: object, cwd: Path = tmp_path) -> str:
        words = [*command, str(way), "a b", ""]
        ran = subprocess.run(
            words, env=environment, cwd=cwd, capture_output=True, text=True, check=False
        )
        assert (ran.returncode, ran.stderr) == (0, ""), words
        return ran.stdout

    expected = told(plain)
    assert json.loads(expected)[0] == ["a b", ""]
    for way in (script, "folder/demo", "./third", hers / "-second", "hers\n/first"):
        assert told(way) == expected
    assert json.loads(told("./demo", place)) == json.loads(told(plain, place))


SOURCE = """\
#!python
# -*- coding: latin-1 -*-
'''A docstring.'''
from __future__ import annotations
import sys
print(sys.argv[1:], 'é', __doc__)
"""


@pytest.mark.parametrize("folder", ["bin", 'a folder; with $HOME\'s "quotes"'])
def test_script_runs_the_python_beside_its_real_path(tmp_path: Path, folder: str) -> None:
    place = tmp_path / folder
    place.mkdir()
    (place / "python").symlink_to(sys.executable)
    script = place / "demo"
    script.write_bytes(program(SOURCE.encode("latin-1")))
    script.chmod(0o555)
    (tmp_path / "link").symlink_to(script)
    command = [str(tmp_path / "link"), "a b", "c"]
    ran = subprocess.run(command, capture_output=True, text=True, check=True, encoding="utf-8")
    assert ran.stdout == "['a b', 'c'] é A docstring.\n"


@pytest.mark.parametrize(
    "code",
    [
        "print(repr(__doc__))",
        '"""Sum\\tof things."""\nprint(repr(__doc__))',
        'b"no docstring"\nprint(repr(__doc__))',
        '"" or print("ran")',
        '"a" "b"; print(repr(__doc__))',
        '"%s" % print("ran")',
        "# a comment\n\n\f\n'Doc.'\nfrom __future__ import annotations\nprint(repr(__doc__))",
        "\r\n'Doc.'\r\nprint(repr(__doc__))\r\n",
        "'''exec' $0 '''\nprint(repr(__doc__))",
    ],
)
@pytest.mark.parametrize("shell", ["sh", "bash"])
def test_a_program_means_to_python_what_it_meant(tmp_path: Path, shell: str, code: str) -> None:
    source, script = tmp_path / "source.py", tmp_path / "demo"
    source.write_bytes(f"#!python\n{code}".encode())
    script.write_bytes(program(source.read_bytes()))
    (tmp_path / "python").symlink_to(sys.executable)
    (tmp_path / "\f#").write_text("#!/bin/sh\necho a file of that name is not run\n")
    (tmp_path / "\f#").chmod(0o755)
    commands = [sys.executable, str(source)], [shell, "-e", str(script)]
    meant, ran = (
        subprocess.run(command, capture_output=True, text=True, check=False, cwd=tmp_path)
        for command in commands
    )
    assert (ran.returncode, ran.stdout, ran.stderr) == (0, meant.stdout, "")


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
