"""Commands that messages give to paste: what comes from outside is one word of them, never run."""

import ast
import re
import shlex
from pathlib import Path

import pytest

from envc.cli.commands import COMMANDS
from envc.errors import shell_word

PACKAGE = Path(__file__).parents[2] / "compiler/envc"
# A command outside of backticks, up to where something is put in; or an option before its value.
VERBS = "|".join(sorted(COMMANDS))
COMMAND = re.compile(
    rf"(?:(?:^|[\s(:])(?:envc (?:{VERBS})|rm|chmod|setfacl|unset|module load)"
    r"(?: [-+:=./\w]+)*? |\S --[a-z-]+ )$"
)
QUOTED = {"shell_word", "quote", "tcl_word"}


def unquoted(source):
    """Line and expression of what is put into a command as it is."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.JoinedStr):
            before = ""
            for part in node.values:
                if isinstance(part, ast.Constant):
                    before += part.value
                    continue
                if is_in_command(before) and not is_quoted(part):
                    yield part.lineno, ast.unparse(part.value)
                before += "x"


def is_in_command(before):
    """Whether the next word is one of a command; what begins in backticks is a whole command."""
    _, opened, begun = before.rpartition("`")
    return (before.count("`") % 2 and begun != "") or (
        not (opened and begun == "") and COMMAND.search(begun) is not None
    )


def is_quoted(part):
    is_constant = isinstance(part.value, ast.Name) and part.value.id.isupper()
    is_number = part.format_spec is not None and ast.unparse(part.format_spec) == "f'd'"
    names = {each.id for each in ast.walk(part.value) if isinstance(each, ast.Name)}
    return is_constant or is_number or bool(names & QUOTED)


def test_every_word_from_outside_is_quoted():
    found = {path: list(unquoted(path.read_text())) for path in sorted(PACKAGE.rglob("*.py"))}
    assert {path: each for path, each in found.items() if each} == {}


@pytest.mark.parametrize(
    "message",
    [
        'f"run `envc overlay sync --dir {folder}`"',
        'f"`envc repair --overlay {folder}` brings it back"',
        'f"envc lock --overlay {spec}"',
        'f"lock it: envc lock --overlay {spec}"',
        'f"chmod 600 {path}"',
        'f"take it away (chmod o-w {place})"',
        'f"if you trust it, name it: --site {folder}"',
        '("run `envc run --overlay" f" {name}`")',
    ],
)
def test_one_that_is_not_quoted_is_found(message):
    assert len(list(unquoted(message))) == 1


@pytest.mark.parametrize(
    "message",
    [
        'f"run `envc overlay sync --dir {shell_word(folder)}`"',
        'f"write it with `{command}`"',
        'f"`ulimit -n {most:d}`"',
        'f"`envc lock` writes {path}"',
        'f"envc runs on {python}"',
    ],
)
def test_other_texts_are_left_alone(message):
    assert list(unquoted(message)) == []


@pytest.mark.parametrize(
    "word", ["/srv/store/user-1/plots_2.toml", "sha256:ab", "a b", "z$(touch pwn)", "it's", "`x`"]
)
def test_a_word_comes_back_as_it_was(word):
    assert shlex.split(f"envc run --overlay {shell_word(word)}")[-1] == word
    assert (shell_word(word) == word) == bool(re.fullmatch(r"[-\w/.:]+", word))
