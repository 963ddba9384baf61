"""Every sample of the pages: command lines are read as envc reads them, specs as it reads specs.

What a page lets people type has to be a line that envc takes. Words in capitals stand for values.
"""

import re
import shlex
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path

import pytest

from envc.cli.commands import COMMANDS
from envc.cli.grammar import read
from envc.errors import EnvcError
from envc.expand.overlay import expand_overlay
from envc.formats.envc_toml import read_site
from envc.formats.overlay_toml import read_overlay

ROOT = Path(__file__).parents[2]
PAGES = sorted(
    path
    for pattern in ("README.md", "SECURITY.md", "CONTRIBUTING.md", "docs/**/*.md", "schemas/*.md")
    for path in ROOT.glob(pattern)
    if "decisions" not in path.parts
)
# Words that stand for values which are numbers.
NUMBERS = {"N": "1", "SECONDS": "10", "DAYS": "10"}
INLINE = re.compile(r"(?<!`)`((?:[A-Z_]+=\S+ )?(?:\S*/)?envc [^`\n]+)`(?!`)")
IN_BLOCK = re.compile(r"^ {4,}(?:\$ |srun \S.*? |sudo )?((?:\S*/)?envc .+)$", re.MULTILINE)
SITE_TABLE = re.compile(
    r"^\[(site|core|layer\.\S+|overlays|retain|engine\.\S+|\[index\])\]", re.MULTILINE
)
LINK = re.compile(r"\]\(([^)\s]*)#([^)\s]+)\)")
BLOCK = re.compile(r"(?:^(?: {4}.*)?\n)+", re.MULTILINE)
FENCED = re.compile(r"^```(\w*)\n(.*?)^```", re.MULTILINE | re.DOTALL)


def indented(text: str) -> Iterator[str]:
    """The blocks of a page: those in fences, and those that are indented."""
    for found in FENCED.finditer(text):
        yield found[2]
    for found in BLOCK.finditer(FENCED.sub("", text)):
        lines = [line.removeprefix("    ") for line in found[0].splitlines()]
        if any(lines):
            yield "\n".join(lines).strip("\n")


def lines_of(page: Path) -> Iterator[str]:
    text = page.read_text()
    yield from (found[1] for found in INLINE.finditer(FENCED.sub("", text)))
    for block in indented(text):
        yield from (found[1] for found in IN_BLOCK.finditer("    " + block.replace("\n", "\n    ")))


def spelled(line: str) -> Iterator[list[str]]:
    """The words of a line, of each line that it stands for: `add|remove`."""
    line = re.split(r" {2,}(?=\S)| +# | *(?:>>?|\||&&|;) +", line.replace("…", "").rstrip())[0]
    words = shlex.split(line)
    words = [NUMBERS.get(word.strip("[]"), word) for word in words if word not in {"...", "\\"}]
    if words[0].endswith("envc"):
        words[0] = "envc"
    choices = next((word for word in words if re.fullmatch(r"[a-z]+(\|[a-z]+)+", word)), None)
    for choice in choices.split("|") if choices else [""]:
        yield [choice if word == choices else word for word in words[1:]]


def take(words: list[str]) -> None:
    """Read a line as `envc` does; whatever is missing is the reader's to fill in."""
    while words and words[0].startswith("-"):
        words = words[2:] if words[0] == "--site" else words[1:]
    if not words or not words[0].islower() or words[0] == "help":
        return
    module = import_module(f"envc.cli.{words[0]}") if words[0] in COMMANDS else None
    assert module is not None, f"envc has no command {words[0]}"
    command, rest = getattr(module, "COMMAND", None), words[1:]
    if command is None:
        if not rest or not rest[0].islower():
            return
        assert rest[0] in module.VERBS, f"envc {words[0]} has no verb {rest[0]}"
        command, rest = module.VERBS[rest[0]], rest[1:]
    try:
        read(command, rest, page="envc")
    except EnvcError as error:
        faults = [fault.what for fault in error.faults if " is missing: " not in fault.what]
        needs = [
            what for what in faults if " needs a value, " in what and what.split()[0] in rest[-1:]
        ]
        assert faults == needs, faults


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_envc_takes_every_line_that_a_page_lets_people_type(page):
    for line in lines_of(page):
        for words in spelled(line):
            try:
                take(words)
            except (AssertionError, ValueError) as error:
                pytest.fail(f"{line}: {error}")


def test_lines_are_found():
    assert sum(1 for page in PAGES for _ in lines_of(page)) > 200


HEAD = {
    "version": "version = 1\n",
    "[site]": '[site]\nname = "sample"\n',
    "[core]": '[core]\npython = "3.11"\n',
    "[layer.": "[layer.user]\nrequires = []\n",
}


def whole(block: str) -> str:
    """A block in which digests and keys were cut."""
    block = re.sub(r"\b[0-9a-f]{4}…", "0" * 64, block)
    return block.replace("AAAAC3…", f"AAAAC3NzaC1lZDI1NTE5AAAAI{'A' * 43}")


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_envc_reads_every_spec_that_a_page_shows(page):
    for block in map(whole, indented(page.read_text())):
        if SITE_TABLE.search(block):
            missing = [text for key, text in HEAD.items() if key not in block and key != "version"]
            start = "" if re.search("^version =", block, re.MULTILINE) else HEAD["version"]
            read_site((start + block + "\n" + "".join(missing)).encode(), "envc.toml")
        elif re.search(r"^\[overlay\]", block, re.MULTILINE):
            start = "" if re.search("^version =", block, re.MULTILINE) else HEAD["version"]
            expand_overlay(read_overlay((start + block).encode(), "overlay.toml"))


def slug(heading: str) -> str:
    """The anchor of a heading, as GitHub and the pages' generator make it."""
    kept = re.sub(r"[^\w\- ]", "", heading.strip().lower())
    return kept.replace(" ", "-")


def anchors(page: Path) -> set[str]:
    text = FENCED.sub("", page.read_text())
    return {slug(found) for found in re.findall(r"^#+ (.+)$", text, re.MULTILINE)}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_every_anchor_leads_to_a_heading(page):
    for path, anchor in LINK.findall(page.read_text()):
        if not re.match("[a-z]+:", path):
            other = (page.parent / path).resolve() if path else page
            assert anchor in anchors(other), f"{path}#{anchor}"
