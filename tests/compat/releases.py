"""Both releases of envc, called as people call them: the one that is tested, and 0.1.

0.1 is a commit of this repository. It runs in a virtual environment of its own, which borrows the
libraries of the one that runs the tests: nothing is fetched.
"""

import importlib.metadata
import json
import os
import site
import subprocess
import sys
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Self

import pytest
from packaging.requirements import Requirement

from support.sites import SITE_PACKAGES, Answer

FIRST = "8560f81d6d931443cc35283ffa01d78d2d0f237e"
# Annotations of classes are read in another way from there on, and 0.1 does not know it.
_FIRST_ENDS_AT = (3, 14)
_REPOSITORY = Path(__file__).resolve().parents[2]

# Stops the process before its first change of a path that matches.
#   -c CODE SIGNAL PATTERN WORDS…
_STOPS = """\
import os, re, sys

CHANGES = {"os.mkdir", "os.rename", "os.link", "os.symlink", "os.remove", "os.rmdir"}
signal, pattern = int(sys.argv.pop(1)), re.compile(sys.argv.pop(1))

def watch(event, arguments):
    global signal
    writes = event == "open" and isinstance(arguments[2], int) and arguments[2] & os.O_ACCMODE
    if signal and (event in CHANGES or writes):
        paths = [os.fsdecode(each) for each in arguments if isinstance(each, (str, bytes))]
        if any(map(pattern.search, paths)):
            sent, signal = signal, 0
            os.kill(os.getpid(), sent)

sys.addaudithook(watch)
from envc.cli.main import program
program()
"""


@dataclass(frozen=True)
class Release:
    """One release of envc: the interpreter that has it, its cache, and the folder it is called in.

    `source` is the folder of its import package; `calls` calls it quickly.
    """

    name: str
    python: str
    source: Path
    calls: "Calls"
    cache: Path
    folder: Path = Path("/")
    more: tuple[tuple[str, str], ...] = ()

    @property
    def environment(self) -> dict[str, str]:
        """What its processes are told."""
        return {**os.environ, "ENVC_CACHE_DIR": str(self.cache), **dict(self.more)}

    def told(self, **more: str) -> "Release":
        """The same with these variables."""
        return replace(self, more=(*self.more, *more.items()))

    def within(self, folder: Path) -> "Release":
        """The same, called in another folder."""
        return replace(self, folder=folder)

    def keeping(self, cache: Path) -> "Release":
        """The same with another cache."""
        return replace(self, cache=cache)

    def envc(self, *words: object) -> Answer:
        """How one call ended, which is never with a bug."""
        answer = self.calls.answer(words, self.folder, self.environment)
        return _no_bug(words, answer)

    def done(self, *words: object) -> Answer:
        """How one call ended, which is well."""
        answer = self.envc(*words)
        assert answer.status == 0, (self.name, words, answer.stdout, answer.stderr)
        return answer

    def json(self, *words: object) -> Any:
        """What a call reports that ends well; the words of another program may follow `--`."""
        at = words.index("--") if "--" in words else len(words)
        return self.done(*words[:at], "--json", *words[at:]).json

    def stopped(self, signal: int, pattern: str, *words: object) -> "subprocess.Popen[str]":
        """A call that gets a signal before its first change of a path that matches."""
        return subprocess.Popen(
            [self.python, "-c", _STOPS, str(int(signal)), pattern, *map(str, words)],
            cwd=self.folder,
            env=self.environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )


class Calls:
    """Answers calls of the release that an interpreter has; a context manager."""

    def __init__(self, python: str) -> None:
        self._process = subprocess.Popen(
            [python, str(Path(__file__).with_name("forks.py"))],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._process.communicate()

    def answer(
        self, words: Sequence[object], folder: Path, environment: Mapping[str, str]
    ) -> Answer:
        """How a call ended, in this folder and with nothing but these variables."""
        request = {"words": [*map(str, words)], "folder": str(folder), "environment": environment}
        calls, answers = self._process.stdin, self._process.stdout
        assert calls is not None
        assert answers is not None
        calls.write(json.dumps(request) + "\n")
        calls.flush()
        return Answer(**json.loads(answers.readline()))


def answer_of(command: Sequence[object], *, environment: Mapping[str, str] | None = None) -> Answer:
    """How a command ended that has some release of envc in it, which is never with a bug."""
    words = [*map(str, command)]
    done = subprocess.run(
        words, cwd="/", env=environment, capture_output=True, text=True, check=False
    )
    return _no_bug(words, Answer(done.returncode, done.stdout, done.stderr))


def _no_bug(words: Sequence[object], answer: Answer) -> Answer:
    assert "Traceback" not in answer.stderr, (words, answer.stderr)
    assert answer.status != 70, (words, answer.stderr)
    return answer


@contextmanager
def this_release(cache: Path) -> Iterator[Release]:
    """The release that is tested."""
    import envc

    with Calls(sys.executable) as calls:
        yield Release("this", sys.executable, Path(envc.__file__).parent, calls, cache)


@contextmanager
def first_release(folder: Path, cache: Path) -> Iterator[Release]:
    """0.1, put into a folder; the test is skipped where it cannot be had."""
    if sys.version_info >= _FIRST_ENDS_AT:
        pytest.skip(f"0.1 does not run on Python {sys.version_info.major}.{sys.version_info.minor}")
    source = folder / "source"
    source.mkdir(parents=True)
    _take_from_git(source)
    project = tomllib.loads((source / "pyproject.toml").read_text())["project"]
    _refuse_missing(project["dependencies"])
    environment = folder / "environment"
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", environment], check=True)
    packages = environment / SITE_PACKAGES
    paths = [f"{source}/compiler", *site.getsitepackages()]
    (packages / "release.pth").write_text("".join(f"{path}\n" for path in paths))
    _describe(packages, project)
    python = str(environment / "bin/python")
    where = answer_of([python, "-c", "import envc; print(envc.__file__)"]).stdout
    package = source / "compiler/envc"
    assert where == f"{package}/__init__.py\n"
    with Calls(python) as calls:
        yield Release("0.1", python, package, calls, cache)


def _take_from_git(folder: Path) -> None:
    safe = f"safe.directory={_REPOSITORY}"  # the checkout may be another user's
    command = ["git", "-c", safe, "-C", str(_REPOSITORY), "archive", FIRST]
    parts = ["compiler", "docs/findings", "pyproject.toml"]
    try:
        archive = subprocess.run([*command, *parts], capture_output=True, check=False)
    except FileNotFoundError:
        pytest.skip("0.1 cannot be had: git is not installed")
    if archive.returncode != 0:
        pytest.skip(
            f"0.1 cannot be had: commit {FIRST[:7]} is not in this checkout (a shallow clone? "
            f"`git fetch --unshallow`): {archive.stderr.decode().strip()}"
        )
    subprocess.run(["tar", "-x", "-C", folder], input=archive.stdout, check=True)


def _refuse_missing(requirements: list[str]) -> None:
    """Fail where the environment that runs the tests lacks a library of 0.1."""
    for text in requirements:
        requirement = Requirement(text)
        if requirement.marker is None or requirement.marker.evaluate():
            version = importlib.metadata.version(requirement.name)
            fits = requirement.specifier.contains(version, prereleases=True)
            assert fits, f"0.1 requires {text}, and {version} is here: add it to the group dev"


def _describe(packages: Path, project: Mapping[str, Any]) -> None:
    """Write the metadata by which 0.1 finds what it requires."""
    name = f"envc-{project['version']}.dist-info"
    head = ["Metadata-Version: 2.4", "Name: envc", f"Version: {project['version']}"]
    requires = [f"Requires-Dist: {each}" for each in project["dependencies"]]
    (packages / name).mkdir()
    (packages / name / "METADATA").write_text("\n".join([*head, *requires]) + "\n")
    (packages / name / "RECORD").write_text(f"{name}/METADATA,,\n{name}/RECORD,,\n")
