"""The tutorials and the how-to pages, typed as they stand; what is printed is compared whole.

In a page, a block `console` has lines that begin with `$ ` and below each what it prints; a block
with a title is a file to be written. The administrator is ada, the user alice; /usr/local, /shared
and their homes are folders of the test. `--update-golden` writes into the page what is printed.
A page begins where the tutorial ends that it names: `<!-- after: administrator -->`.
"""

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from getpass import getuser
from pathlib import Path

import pytest

from support.index_server import IndexServer
from support.sites import PROGRESS, PYTHON
from support.wheelhouse import module
from support.wheels import Recipe, build_all

DOCS = Path(__file__).parents[2] / "docs"
PAGES = sorted([*DOCS.glob("tutorials/*.md"), *DOCS.glob("howto/*.md")])
BLOCK = re.compile(r'^```(\w+)(?: title="(.*?)")?\n(.*?)^```$', re.MULTILINE | re.DOTALL)
BEFORE = re.compile(r"<!-- after: (\S+) -->")
PERSON = re.compile(r"<!-- (ada|alice) -->")
FOLDERS = ("/usr/local/Canopy", "/shared", "/home/ada", "/home/alice", "/mnt/stick")
ROOM = re.compile(r"^about to write .*\n", re.MULTILINE)
VARYING = (
    (re.compile(r"\b([0-9a-f]{64}|[0-9a-f]{12})\b"), "…"),
    (re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ"), "2026-03-02T08:00:00Z"),
    (re.compile(r"glibc-[0-9.]+"), "glibc-2.36"),
    (re.compile(r"[\d,]+ files(?: \([\d,]+ copied\))?"), "… files"),
    (re.compile(r"\b[\d.]+ (kB|MB|GB)\b"), "… MB"),
)


def plain(name: str, version: str, *requires: str, text: str = "") -> Recipe:
    files = module(name, version, text)
    return Recipe(name=name, version=version, requires=requires, files=files)


_COW = "def main():\n    import sys\n    print('moo:', *sys.argv[1:])\n"
WHEELS = (
    plain("ipython", "9.8.0"),
    plain("numpy", "1.26.4"),
    plain("numpy", "2.4.0"),
    plain("scipy", "1.11.0", "numpy<2"),
    plain("scipy", "1.17.0", "numpy>=1.26"),
    plain("pandas", "2.2.0", "numpy>=1.22"),
    plain("pandas", "3.0.0", "numpy>=1.26"),
    plain("polars", "1.36.0"),
    plain("oldplots", "0.9", "numpy<2"),
    Recipe(name="ipykernel", version="7.1.0", files={"ipykernel_launcher.py": ""}),
    Recipe(
        name="cowsay",
        version="6.1",
        files=module("cowsay", "6.1", _COW),
        console_scripts={"cowsay": "cowsay:main"},
    ),
)


@dataclass
class Sandbox:
    """The machine of a tutorial: folders of the test in the place of its own."""

    root: Path
    index: str

    def led(self, text: str) -> str:
        """A text of the page, with the folders of the test."""
        for folder in FOLDERS:
            text = text.replace(folder, f"{self.root}{folder}")
        return text

    def shown(self, text: str) -> str:
        """What was printed, as the page has it."""
        text = PROGRESS.sub("", text).replace(str(self.root), "")
        text = ROOM.sub("", text).replace(f", {getuser()}'s)", ", ada's)")
        text = text.replace(f"{getuser()}/alice  on", "alice/alice  on")
        text = text.replace(f"Python {PYTHON}", "Python 3.11").replace(
            f"python{PYTHON}", "python3.11"
        )
        for varying, word in VARYING:
            text = varying.sub(word, text)
        return text

    def typed(self, person: str, line: str) -> str:
        """What a person reads after a line; the status where it is none of 0."""
        home = self.root / "home" / person
        environment = {
            "HOME": str(home),
            "USER": person,
            "LOGNAME": person,
            "PATH": f"{self.root}/bin:/usr/bin:/bin",
            "ENVC_INDEX_URL": self.index,
            "ENVC_CACHE_DIR": f"{home}/.cache/envc",
            "LC_ALL": "C.UTF-8",
            "COLUMNS": "100",
            "GIT_CONFIG_GLOBAL": "/dev/null",
        }
        done = subprocess.run(
            ["sh", "-c", self.led(line)],
            cwd=(self.root / "home" / person),
            env=environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
            timeout=120,
        )
        status = f"status {done.returncode}\n" if done.returncode else ""
        said = status + self.shown(done.stdout)
        return said if said.endswith("\n") or not said else f"{said}\n"

    def write(self, person: str, path: str, text: str) -> None:
        """Write a file that a page shows."""
        place = Path(self.led(path))
        place = place if place.is_absolute() else self.root / "home" / person / place
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_text(self.led(text).replace("3.11", PYTHON))


@pytest.fixture(scope="module")
def index(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    wheels = tmp_path_factory.mktemp("index")
    build_all(WHEELS, wheels)
    with IndexServer(wheels) as server:
        yield server.url


class Machine:
    """The folders of one sandbox after another, at one place, and as they were after some pages."""

    def __init__(self, folder: Path, index: str) -> None:
        self.sandbox = Sandbox(folder / "machine", index)
        self._kept = folder / "kept"

    def new(self) -> Sandbox:
        """As it was bought."""
        root = self.sandbox.root
        remove(root)
        for folder in ("bin", "usr/local", "shared", "home/ada", "home/alice", "mnt/stick"):
            (root / folder).mkdir(parents=True)
        (root / "shared").chmod(0o1777)
        (root / "bin" / "envc").write_text(f'#!/bin/sh\nexec {sys.executable} -m envc "$@"\n')
        (root / "bin" / "envc").chmod(0o755)
        for name in ("python3", "python3.11"):
            os.symlink(os.path.realpath(sys.executable), root / "bin" / name)
        return self.sandbox

    def after(self, page: str) -> Sandbox:
        """As it is when somebody has followed that tutorial."""
        kept = self._kept / page
        if not kept.exists():
            done(DOCS / "tutorials" / f"{page}.md", self.new())
            kept.parent.mkdir(exist_ok=True)
            subprocess.run(["cp", "-a", self.sandbox.root, kept], check=True)
        remove(self.sandbox.root)
        subprocess.run(["cp", "-a", kept, self.sandbox.root], check=True)
        return self.sandbox


def remove(folder: Path) -> None:
    if folder.exists():
        subprocess.run(["chmod", "-R", "u+w", folder], check=True)
        shutil.rmtree(folder)


@pytest.fixture(scope="module")
def machine(index: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Machine]:
    folder = tmp_path_factory.mktemp("tutorials")
    yield Machine(folder, index)
    remove(folder)


def done(page: Path, sandbox: Sandbox) -> str:
    """The page's text with what is printed now."""
    text = page.read_text()
    person = (PERSON.search(text) or ["", "ada"])[1]

    def typed(block: re.Match[str]) -> str:
        kind, title, body = block.groups()
        if title:
            sandbox.write(person, title, body)
        if kind != "console":
            return block[0]
        said = ""
        for line in re.findall(r"^\$ (.*(?:\\\n.*)*)$", body, re.MULTILINE):
            said += f"$ {line}\n{sandbox.typed(person, line)}"
        return f"```console\n{said}```"

    return BLOCK.sub(typed, text)


@pytest.mark.slow
@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_a_page_reads_as_it_goes(page, machine, update_golden):
    before = BEFORE.search(page.read_text())
    found = done(page, machine.after(before[1]) if before else machine.new())
    if update_golden:
        page.write_text(found)
    assert found == page.read_text()
