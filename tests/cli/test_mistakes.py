"""What people mistype, and what they read then: whole texts, by command.

A page of `golden/mistakes` is a transcript. `$ ` begins what is typed, in the site's folder; below
it stand the exit status, unless it is 0, and all that is printed. `+ ` begins what the shell does
before, unseen; an empty line ends an answer. `--update-golden` writes the answers anew. What a
mistake says with --json is held against the form of errors.
"""

import json
import os
import re
import shlex
import subprocess
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path

import pytest
from jsonschema import Draft202012Validator

from envc.cli.commands import COMMANDS
from support.golden import compare
from support.sites import PYTHON, SiteFolder, envc

PAGES = Path(__file__).parent.parent / "golden" / "mistakes"
NAMES = sorted(path.stem for path in PAGES.glob("*.txt"))
ERROR = Path(__file__).parents[2] / "schemas" / "output-error-v1.schema.json"
FORM = Draft202012Validator(json.loads(ERROR.read_text()))
VERBS = {name: getattr(import_module(f"envc.cli.{name}"), "VERBS", ()) for name in COMMANDS}
# A page for each command, and for each verb of an overlay; `node` is for envc itself.
WANTED = {*COMMANDS, *(f"overlay-{verb}" for verb in VERBS["overlay"])} - {"node", "overlay"}
TEN, USAGE = 10, 2
# What differs from run to run, or from machine to machine, and what stands for it.
VARYING = (
    (re.compile(r"\b(sha256:)?[0-9a-f]{64}\b"), "DIGEST"),
    (re.compile(r"^ +\d+\.\d s  ", re.MULTILINE), "SECONDS "),
    (re.compile(r"\bhost \(.*?, Python"), "host (…, Python"),
)


def typed(page: str) -> list[str]:
    return [line for line in page.splitlines() if line.startswith(("$ ", "+ ", "# "))]


@pytest.fixture
def world(warm: SiteFolder, monkeypatch: pytest.MonkeyPatch) -> SiteFolder:
    """A site, its target and an overlay `alice` that was built, as a user would find them."""
    warm.materialize()
    monkeypatch.setenv("COLUMNS", "100")
    monkeypatch.setenv("USER", "alice")
    warm.done("overlay", "init", "ours", "--target", warm.target)
    warm.done("overlay", "add", "report", "--overlay", "ours", "--target", warm.target)
    warm.overlay("bob", 'requires = ["report"]')
    monkeypatch.chdir(warm.folder)
    return warm


def answered(world: SiteFolder, line: str) -> Iterator[str]:
    """What a line of a transcript brings."""
    words = shlex.split(line.replace("TARGET", str(world.target)))[1:]
    if words[0] != "envc":
        subprocess.run(line[2:], shell=True, check=True, cwd=world.folder)
        return
    answer = envc(*words[1:], cwd=world.folder)
    if answer.status:
        yield f"status {answer.status}"
    if answer.status == USAGE:
        end = words.index("--") if "--" in words else len(words)
        again = envc(*words[1:end], "--json", *words[end:], cwd=world.folder)
        FORM.validate(json.loads(again.stdout))
    for text in (answer.stderr, answer.stdout):
        yield from masked(world, text).splitlines()


def masked(world: SiteFolder, text: str) -> str:
    for path, name in ((world.target, "TARGET"), (world.folder, "SITE"), (world.storage, "STORE")):
        text = text.replace(str(path), name)
    text = text.replace(str(world.root), "WORLD").replace(os.environ["HOME"], "HOME")
    text = text.replace(f"Python {PYTHON}", "Python X.Y")
    for varying, word in VARYING:
        text = varying.sub(word, text)
    return text


@pytest.mark.slow
@pytest.mark.parametrize("name", NAMES)
def test_a_page_of_mistakes_reads_so(name, world, update_golden):
    page = PAGES / f"{name}.txt"
    text = ""
    for line in typed(page.read_text()):
        text += f"{line}\n"
        if line.startswith("$ "):
            said = "\n".join(answered(world, line))
            text += f"{said}\n\n"
        elif line.startswith("+ "):
            list(answered(world, line))
    compare(page, text, update=update_golden)


def test_each_command_has_its_page_and_each_page_ten_mistakes():
    assert set(NAMES) == WANTED
    short = {name: len(asked(name)) for name in NAMES if len(asked(name)) < TEN}
    assert short == {}


def asked(name: str) -> list[str]:
    return [line for line in typed((PAGES / f"{name}.txt").read_text()) if line.startswith("$ ")]
