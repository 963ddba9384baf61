"""A site on disk over a folder of wheels, and envc called on it."""

import io
import json
import os
import re
import subprocess
import sys
from collections.abc import Mapping
from contextlib import chdir, redirect_stderr, redirect_stdout
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from envc.cli.main import main

PYTHON = f"{sys.version_info.major}.{sys.version_info.minor}"
PYTHON_FULL = ".".join(map(str, sys.version_info[:3]))
SITE_PACKAGES = f"lib/python{PYTHON}/site-packages"


def over_wheels(tables: str) -> str:
    """The spec of a site over its folder of wheels; `tables` are what it says besides."""
    return _spec("wheels", 'path = "wheels"', tables)


def over_url(name: str, url: str, tables: str) -> str:
    """The spec of a site over the index at a URL; `tables` are what it says besides."""
    return _spec(name, f'url = "{url}"', tables)


def _spec(index: str, place: str, tables: str) -> str:
    return f"""\
version = 1

[site]
name = "canopy"

[core]
python = "{{python}}"

[[index]]
name = "{index}"
{place}

{tables}"""


SPEC = over_wheels("""\
[layer.system]
requires = ["report"]

[layer.user]
base = "system"
requires = [
    "numpy<2",
    "pandas",
    "scipy==1.11.0",
]
env = {{ OMP_NUM_THREADS = "1" }}

[overlays]
storage = "{storage}"
specs = ["overlays/*.toml"]
""")


# A line of progress is there or not as the machine is busy or not.
PROGRESS = re.compile(r"^[a-z]+: [0-9.,]+ \w+ in [0-9.]+ s \(.+/s\)\n", re.MULTILINE)


@dataclass(frozen=True)
class Answer:
    """How one call of envc ended; lines of progress are left out of `stderr`."""

    status: int
    stdout: str
    stderr: str

    @property
    def json(self) -> Any:
        return json.loads(self.stdout)


def generations_in(folder: Path) -> list[str]:
    """The names of the generations that stand in a target or an overlay, in order."""
    found = (folder / "generations").iterdir()
    return sorted(each.name for each in found if not each.is_symlink())


def envc(*words: object, cwd: Path | None = None) -> Answer:
    """Call envc in this process."""
    out, err = io.StringIO(), io.StringIO()
    with redirect_stdout(out), redirect_stderr(err), chdir(cwd or os.getcwd()):
        status = main([str(word) for word in words])
    return Answer(status, out.getvalue(), PROGRESS.sub("", err.getvalue()))


def envc_process(*words: object, cwd: Path, environment: Mapping[str, str] | None = None) -> Answer:
    """Call envc in a process of its own."""
    done = subprocess.run(
        [sys.executable, "-m", "envc", *map(str, words)],
        cwd=cwd,
        env={**os.environ, **(environment or {})},
        capture_output=True,
        text=True,
        check=False,
    )
    return Answer(done.returncode, done.stdout, PROGRESS.sub("", done.stderr))


def python(tree: Path, code: str, *words: str) -> str:
    """What a program prints in a tree; the tree's own interpreter runs it."""
    done = subprocess.run(
        [f"{tree}/bin/python", "-c", code, *words], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


@dataclass(frozen=True)
class SiteFolder:
    """A site in `root/site`, its target in `root/target`, its overlays in `root/storage`.

    Its index is `site/wheels`, which leads to the folder `wheels`.
    """

    root: Path
    wheels: Path

    @property
    def folder(self) -> Path:
        return self.root / "site"

    @property
    def target(self) -> Path:
        return self.root / "target"

    @property
    def storage(self) -> Path:
        return self.root / "storage"

    def write(self, spec: str = SPEC) -> "SiteFolder":
        """Write the spec, as `over_wheels` makes it; `{storage}` and `{python}` are filled in."""
        self.folder.mkdir(parents=True, exist_ok=True)
        self.storage.mkdir(exist_ok=True)
        self.storage.chmod(0o1777)
        (self.folder / "wheels").symlink_to(self.wheels)
        text = spec.format(storage=self.storage, python=PYTHON)
        (self.folder / "envc.toml").write_text(text)
        return self

    def edit(self, old: str, new: str) -> None:
        """Replace a piece of the spec, which must be there."""
        path = self.folder / "envc.toml"
        text = path.read_text()
        assert old in text
        path.write_text(text.replace(old, new))

    def overlay(self, name: str, *lines: str, base: str = "user") -> Path:
        """Write `overlays/NAME.toml` with these lines below `[overlay]`."""
        path = self.folder / "overlays" / f"{name}.toml"
        path.parent.mkdir(exist_ok=True)
        head = ["version = 1", "", "[overlay]", f'name = "{name}"', f'base = "{base}"']
        path.write_text("\n".join([*head, *lines]) + "\n")
        return path

    def envc(self, *words: object) -> Answer:
        """Call envc in the site's folder."""
        return envc(*words, cwd=self.folder)

    def done(self, *words: object) -> Answer:
        """Call envc in the site's folder; it must succeed."""
        answer = self.envc(*words)
        assert answer.status == 0, answer.stderr
        return answer

    def materialize(self, *words: object) -> Any:
        """Materialize; the report."""
        return self.done("materialize", "--target", self.target, "--json", *words).json

    def lock_text(self, layer: str) -> str:
        return (self.folder / f"pylock.{layer}.toml").read_text()

    def current(self) -> str:
        return os.readlink(self.target / "current")
