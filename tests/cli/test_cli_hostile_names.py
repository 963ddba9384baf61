"""Names and texts of other people in everything that is printed: seen as they are, never obeyed."""

import json
import os
import re
import shlex
import subprocess
import xml.etree.ElementTree as ET

import pytest

from support.sites import SITE_PACKAGES, envc

pytestmark = pytest.mark.slow

ESCAPE, TURN, BELL = "\x1b[2K\x1b]0;owned\x07", "\u202e", "\x07"
LINE = "\n::error file=x::forged\n##vso[task.complete]\n##teamcity[x]\nok   forged"
HOSTILE = f"{ESCAPE}{TURN}{LINE}\r]]>%0A</script><!--\x9b31m"
COMMAND = re.compile(r"^\s*::|##\w*\[", re.MULTILINE)
FORMATS = ["text", "github", "junit", "sarif", "html", "json"]


def assert_harmless(text):
    """No character that is not seen, and no line that a CI system would obey, but for our own."""
    odd = [c for c in text if not c.isprintable() and c not in "\n\t"]
    assert odd == [], text
    assert not [line for line in text.split("\n") if COMMAND.search(line)], text


@pytest.fixture
def beside(warm):
    """A site with an overlay of somebody who has read how logs are read."""
    warm.done("lock")
    text = json.dumps(HOSTILE)
    name = f"bad{ESCAPE}{TURN}\n::error::x".replace("/", "")
    (warm.folder / "overlays").mkdir(exist_ok=True)
    (warm.folder / "overlays" / f"{name}.toml").write_text(
        f'version = 1\n{text} = 1\n[overlay]\nname = {text}\nbase = "user"\n'
        f'requires = [{text}, "six; {ESCAPE.encode().hex()}"]\nshadow = {text}\n'
    )
    (warm.folder / "overlays" / "reason.toml").write_text(
        'version = 1\n[overlay]\nname = "reason"\nbase = "user"\nrequires = ["six<0"]\n'
        f'[[check.ignore]]\ncode = "ENVC301"\nreason = {text}\n'
    )
    return warm


@pytest.mark.parametrize("form", FORMATS)
@pytest.mark.parametrize("words", [(), ("-v",)])
def test_a_check_in_every_format(beside, form, words):
    answer = beside.envc("check", "--format", form, *words)
    assert answer.status == 1, answer.stderr
    assert_harmless(answer.stderr)
    if form == "github":
        lines = answer.stdout.splitlines()
        assert all(re.match(r"::(error|warning|notice) file=", line) for line in lines)
        assert not any(
            re.search("[^ -~]", line.encode("ascii", "replace").decode()) for line in lines
        )
    elif form == "html":
        data = answer.stdout
        assert "</script><!--" not in data
        assert [c for c in data if not c.isprintable() and c not in "\n\t"] == []
    else:
        assert_harmless(answer.stdout)
    if form == "junit":
        assert ET.fromstring(answer.stdout).tag == "testsuites"
    if form in {"json", "sarif"}:
        json.loads(answer.stdout)


def test_files_of_a_tree(beside):
    beside.materialize()
    (beside.target / "user" / SITE_PACKAGES / HOSTILE.replace("/", "")).write_text("x")
    for words in (("verify",), ("verify", "-v"), ("repair", "--dry-run"), ("doctor",)):
        answer = envc(*words, "--target", beside.target)
        assert_harmless(answer.stdout)
        assert_harmless(answer.stderr)


def test_folders_of_the_storage(beside):
    beside.edit('specs = ["overlays/*.toml"]', 'specs = ["overlays/*/*/overlay.toml"]')
    beside.materialize()
    user = beside.storage / os.environ.get("USER", "root")
    for name in (f"x{ESCAPE}", f"y{TURN}\n::error::z"):
        folder = user / name
        folder.mkdir(parents=True)
        (folder / "overlay.toml").write_text(
            f'version = 1\n[overlay]\nname = "x"\nbase = {json.dumps(HOSTILE)}\n'
        )
    for words in (("overlay", "list", "--all", "--target", beside.target),):
        answer = envc(*words)
        assert "x\\x1b" in answer.stdout
        assert_harmless(answer.stdout)
        assert_harmless(answer.stderr)
    answer = beside.envc("overlay", "collect")
    assert "x\\x1b" in f"{answer.stdout}{answer.stderr}"
    assert_harmless(answer.stdout)
    assert_harmless(answer.stderr)


@pytest.mark.parametrize(
    "words",
    [
        ("lock", "--upgrade-package", HOSTILE),
        ("why", HOSTILE),
        ("tree", "--overlay", HOSTILE),
        ("check", HOSTILE),
        ("overlay", "init", HOSTILE),
        ("run", "--overlay", HOSTILE, "--", "true"),
        ("run", "--", HOSTILE),
        ("diff", HOSTILE, HOSTILE),
        ("stage", HOSTILE),
        ("materialize", "--target", "x", "--from", HOSTILE),
        ("status", "--nodes", HOSTILE, "--target", "/x"),
        ("rollout", "--nodes", HOSTILE, "--target", "/x"),
        (HOSTILE,),
        ("lock", f"--{HOSTILE}"),
    ],
)
def test_words_of_a_command_line(beside, words):
    answer = beside.envc(*words)
    assert answer.status != 70, answer.stderr
    assert_harmless(answer.stdout)
    assert_harmless(answer.stderr)


def commands_in(answer, folder):
    """The commands of an answer that name the folder, as a person would copy them."""
    text = f"{answer.stdout}\n{answer.stderr}"
    found = re.findall(r"`(envc [^`]*)`|: (envc [^`\n]*)$", text, re.MULTILINE)
    return [command for each in found for command in each if folder.name in command]


def test_a_folder_whose_name_a_shell_would_run(beside, tmp_path):
    beside.edit('specs = ["overlays/*.toml"]', 'specs = ["overlays/*/*/overlay.toml"]')
    beside.materialize()
    there = ("--target", beside.target)
    folder = beside.storage / os.environ.get("USER", "root") / "z$(touch pwn)"
    folder.mkdir(parents=True)
    spec = folder / "overlay.toml"
    spec.write_text('version = 1\n[overlay]\nname = "z"\nbase = "user"\nrequires = ["six"]\n')
    answers = [
        beside.envc("overlay", "list", "--all", *there),
        beside.envc("run", "--overlay", folder, "--", "true"),
        beside.envc("check", spec),
    ]
    beside.done("overlay", "sync", "--dir", folder, *there)
    (folder / SITE_PACKAGES / "_envc_stack.py").unlink()
    answers.append(beside.envc("doctor", *there, "--overlay", folder))
    for answer in answers:
        commands = commands_in(answer, folder)
        assert commands, answer
        for command in commands:
            assert any(word.startswith(str(folder)) for word in shlex.split(command)), command
            subprocess.run(["sh", "-c", f"envc() {{ :; }}\n{command}"], check=True, cwd=tmp_path)
            assert not (tmp_path / "pwn").exists(), command
