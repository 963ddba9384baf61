"""Text from outside: it moves no cursor, begins no line, and is no command to a CI system."""

import pytest

from envc.cli.grammar import Arguments
from envc.cli.output import Output, harmless, harmless_lines, lines, show, table


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("numpy 2.1 — größer", "numpy 2.1 — größer"),
        ("a\tb", "a\tb"),
        ("\x1b[2J\x1b]0;owned\x07", r"\x1b[2J\x1b]0;owned\x07"),
        ("one\ntwo\r", r"one\ntwo\r"),
        ("\x9b31m", r"\x9b31m"),
        ("abc\u202edef\u2066", r"abc\u202edef\u2066"),
        ("line\u2028separator", r"line\u2028separator"),
        ("bytes \udcff of no encoding", r"bytes \udcff of no encoding"),
        ("::error file=x::owned", ":\\:error file=x::owned"),
        ("   ::add-mask::x", "   :\\:add-mask::x"),
        ("see ::error", "see ::error"),
        ("##[group]x", "#\\#[group]x"),
        ("told ##vso[task.setvariable]x", "told #\\#vso[task.setvariable]x"),
    ],
)
def test_what_is_shown(text, shown):
    assert harmless(text) == shown
    assert harmless(shown) == shown


def test_a_text_of_several_lines_keeps_them():
    assert harmless_lines("one\n::error\ntwo\x1b") == "one\n:\\:error\ntwo\\x1b"


def test_every_way_to_print_a_line_is_harmless(capsys):
    assert list(lines(["a\nb"])) == ["a\\nb\n"]
    assert list(table([["a", "\x1b[1m"], ["b", "c"]])) == ["a  \\x1b[1m\n", "b  c\n"]
    show(Output(told=["x\nok   forged"]), Arguments(json=False, quiet=False))
    assert capsys.readouterr().err == "x\\nok   forged\n"
