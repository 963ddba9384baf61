"""One day of an overlay, on each kind of base that others build: toys, as those tools leave them.

The real ones, from Debian's archive and an index: `make trial-described`.
"""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from envc.formats.inventory import inventory_from_json
from support.prefixes import COMPILED, egg_info, install, made_older, prefix, toy, write
from support.sites import PYTHON, SITE_PACKAGES, envc, python
from support.twin import START_UP, Allowed, differences, seen_by, unexpected
from support.wheels import Recipe

pytestmark = pytest.mark.slow

WHEELS = (
    toy("extra", "1.0", "tool>=1"),
    toy("tool", "2.0"),
    toy("fastnum", "2.0.0"),
    toy("science", "2.0", "fastnum>=2"),
    toy("picky", "1.0", "science<1"),
)
BASE = (
    toy("fastnum", "1.26.4", compiled=True),
    toy("science", "1.0", "fastnum<2", "absent>=1"),
    toy("tool", "1.0"),
)
VERSIONS = """\
import importlib, importlib.metadata, json, sys
names = [name for name in sys.argv[1:]]
print(json.dumps({name: importlib.import_module(name).__version__ for name in names}))
seen = [each.metadata["Name"] for each in importlib.metadata.distributions()]
assert len(seen) == len(set(seen)), seen
for name in names:
    assert importlib.metadata.version(name) == importlib.import_module(name).__version__, name
"""
CHECK = [sys.executable, "-m", "pip", "--python"]


@pytest.fixture(autouse=True)
def _meant(toy_index, monkeypatch):
    monkeypatch.setenv("ENVC_INDEX_URL", toy_index)


def by_pip(folder: Path, patch: pytest.MonkeyPatch) -> None:
    """A virtual environment with a RECORD for all, and an editable project by a finder."""
    site = prefix(folder / "nv")
    for recipe in BASE:
        install(site, recipe)
    write(folder / "mine/src/mine/__init__.py", "__version__ = '1.0'\n")
    mapping = {"mine": f"{folder}/mine/src/mine"}
    finder = f"MAPPING: dict[str, str] = {mapping!r}\n{FINDER}"
    line = "import __editable___mine_1_0_finder; __editable___mine_1_0_finder.install()\n"
    files = {"__editable___mine_1_0_finder.py": finder, "__editable__.mine-1.0.pth": line}
    install(site, Recipe(name="mine", version="1.0", files=files))
    made_older(site)


FINDER = """
import sys
from importlib.util import spec_from_file_location

class Finder:
    @classmethod
    def find_spec(cls, name, path=None, target=None):
        if name in MAPPING:
            return spec_from_file_location(name, MAPPING[name] + "/__init__.py")

def install():
    sys.meta_path.append(Finder)
"""


def by_a_vendor(folder: Path, patch: pytest.MonkeyPatch) -> None:
    """A prefix with a private build that no index has, and modules of no project."""
    site = prefix(folder / "nv")
    for recipe in (BASE[0], toy("science", "1.0.dev1+nv25.5", "fastnum<2"), BASE[2]):
        install(site, recipe)
    write(site / "loose.py", "")
    made_older(site)


def by_modules(folder: Path, patch: pytest.MonkeyPatch) -> None:
    """Three prefixes that PYTHONPATH joins."""
    made_older(prefix(folder / "nv"))
    for number, recipe in enumerate(BASE):
        install(folder / f"m{number}", recipe)
    patch.setenv("PYTHONPATH", ":".join(f"{folder}/m{number}" for number in range(len(BASE))))
    patch.setenv("LOADEDMODULES", "Sci/1")


def by_easybuild(folder: Path, patch: pytest.MonkeyPatch) -> None:
    """Prefixes that a `sitecustomize` on PYTHONPATH adds behind everything else."""
    site = prefix(folder / "nv")
    made_older(site)
    for number, recipe in enumerate(BASE):
        install(folder / f"m{number}" / SITE_PACKAGES, recipe)
    write(folder / "eb/sitecustomize.py", SITECUSTOMIZE)
    patch.setenv("PYTHONPATH", f"{folder}/eb")
    patch.setenv("EBPYTHONPREFIXES", ":".join(f"{folder}/m{n}" for n in range(len(BASE))))


SITECUSTOMIZE = f"""\
import os
import site

for prefix in os.environ.get("EBPYTHONPREFIXES", "").split(os.pathsep):
    if prefix:
        site.addsitedir(os.path.join(prefix, "lib", "python{PYTHON}", "site-packages"))
"""


def by_old_setuptools(folder: Path, patch: pytest.MonkeyPatch) -> None:
    """`.egg-info` folders without any list of files."""
    site = prefix(folder / "nv")
    egg_info(site, "fastnum", "1.26.4")
    write(site / "fastnum" / COMPILED, "")
    egg_info(site, "science", "1.0", requires="fastnum<2\n")
    egg_info(site, "tool", "1.0")
    made_older(site)


def by_conda(folder: Path, patch: pytest.MonkeyPatch) -> None:
    """Metadata without a RECORD; conda's own lists tell the files."""
    site = prefix(folder / "nv")
    inside = SITE_PACKAGES
    for recipe in BASE:
        install(site, recipe)
        (site / f"{recipe.stem}.dist-info/RECORD").unlink()
        names = [*recipe.files, f"{recipe.stem}.dist-info/METADATA"]
        told = {"name": recipe.name, "files": [f"{inside}/{name}" for name in names]}
        write(folder / f"nv/conda-meta/{recipe.stem}-0.json", json.dumps(told))
    made_older(site)


def by_a_view(folder: Path, patch: pytest.MonkeyPatch) -> None:
    """A view as Spack makes them: links to files, and to folders that one project alone has."""
    site = prefix(folder / "nv")
    for recipe in BASE:
        own = folder / f"opt/{recipe.name}-{recipe.version}-abc" / SITE_PACKAGES
        install(own, recipe)
        write(own / recipe.name / "data/a.txt", "")
        (site / recipe.name).mkdir()
        for path in (own / recipe.name).iterdir():
            (site / recipe.name / path.name).symlink_to(path)
        (site / f"{recipe.stem}.dist-info").symlink_to(own / f"{recipe.stem}.dist-info")
    made_older(site)


def by_a_store(folder: Path, patch: pytest.MonkeyPatch) -> None:
    """An environment of links into a store, as Nix makes them: all times are one second past 0."""
    site = prefix(folder / "nv")
    for recipe in BASE:
        own = folder / f"store/abc-{recipe.stem}" / SITE_PACKAGES
        install(own, recipe)
        for path in own.iterdir():
            (site / path.name).symlink_to(path)
        os.utime(own, (1, 1))
    os.utime(site, (1, 1))


KINDS = (
    *(by_pip, by_a_vendor, by_modules, by_easybuild, by_old_setuptools, by_conda),
    *(by_a_view, by_a_store),
)


def problems(interpreter: Path) -> set[str]:
    """What `pip check` says of an environment."""
    done = subprocess.run(
        [*CHECK, interpreter, "check"], capture_output=True, text=True, check=False
    )
    said = {line for line in done.stdout.splitlines() if line != "No broken requirements found."}
    assert done.returncode == bool(said), done.stderr
    return said


def versions(ov: Path, *names: str) -> dict[str, str]:
    found: dict[str, str] = json.loads(python(ov, VERSIONS, *names))
    return found


def refused(ov: Path, *words: str) -> str:
    answer = envc("overlay", "add", *words, "--dir", ov)
    assert answer.status == 3, answer.stderr
    return answer.stderr


def done(*words: object) -> None:
    answer = envc(*words)
    assert answer.status == 0, answer.stderr


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.__name__)
def test_a_day_of_an_overlay(kind: Callable[..., None], tmp_path, monkeypatch):
    kind(tmp_path, monkeypatch)
    ov, base = tmp_path / "ov", tmp_path / "nv"
    known = problems(base / "bin/python3")
    done("overlay", "init", ov, "--on", base)
    assert versions(ov, "fastnum", "tool") == {"fastnum": "1.26.4", "tool": "1.0"}
    # One that adds.
    done("overlay", "add", "extra", "--dir", ov)
    assert versions(ov, "extra", "tool") == {"extra": "1.0", "tool": "1.0"}
    assert problems(ov / "bin/python") <= known
    # One that replaces a pure-Python project.
    done("overlay", "add", "tool>=2", "--dir", ov)
    assert versions(ov, "tool", "fastnum") == {"tool": "2.0", "fastnum": "1.26.4"}
    assert problems(ov / "bin/python") <= known
    # One in conflict, and one that would replace what is compiled: refused, with the reason.
    assert "picky 1.0 requires science<1" in refused(ov, "picky")
    assert 'replace = ["fastnum"' in refused(ov, "fastnum>=2")
    with (ov / "overlay.toml").open("a") as file:
        file.write('replace = ["fastnum", "science"]\n')
    done("overlay", "add", "fastnum>=2", "--dir", ov)
    assert versions(ov, "fastnum", "science") == {"fastnum": "2.0.0", "science": "2.0"}
    assert problems(ov / "bin/python") <= known
    assert envc("check", ov).status == 0
    # An editable project of the base is seen as before.
    if (tmp_path / "mine").exists():
        assert versions(ov, "mine") == {"mine": "1.0"}


ALLOWED = (
    *START_UP,
    Allowed("distributions/*/INSTALLER*", "which installer it was"),
    Allowed("pkg_resources/*/metadata: INSTALLER *", "as above"),
    Allowed("*/installer: *", "as above"),
)


@pytest.mark.parametrize("kind", [by_a_vendor, by_conda], ids=lambda kind: kind.__name__)
def test_it_is_as_a_flat_environment(kind: Callable[..., None], tmp_path, monkeypatch):
    kind(tmp_path, monkeypatch)
    ov = tmp_path / "ov"
    done("overlay", "init", ov, "--on", tmp_path / "nv")
    done("overlay", "add", "tool>=2", "extra", "--dir", ov)
    kind(tmp_path / "flat", monkeypatch)
    site = tmp_path / "flat/nv" / SITE_PACKAGES
    for name in ("tool", "tool-1.0.dist-info"):
        (site / name).rename(tmp_path / name)
    for recipe in (WHEELS[1], WHEELS[0]):
        install(site, recipe)
    stack = seen_by(ov / "bin/python", walk=("tool", "fastnum"))
    flat = seen_by(tmp_path / "flat/nv/bin/python3", walk=("tool", "fastnum"))
    assert unexpected(differences(stack, flat), ALLOWED) == []


def test_a_base_under_another_path_is_the_same(tmp_path, monkeypatch):
    by_a_vendor(tmp_path, monkeypatch)
    ov, other = tmp_path / "ov", tmp_path / "mounted/nv"
    monkeypatch.setenv("NV", str(tmp_path / "nv"))
    done("overlay", "init", ov, "--on", tmp_path / "nv")
    spec = ov / "overlay.toml"
    spec.write_text(spec.read_text().replace(f"{tmp_path}/nv/", "${NV}/"))
    done("overlay", "add", "tool>=2", "--dir", ov)
    lock = next(ov.glob("pylock.*.toml")).read_bytes()
    other.parent.mkdir()
    shutil.copytree(tmp_path / "nv", other, symlinks=True)
    for folder in (tmp_path / "nv", other):
        done("describe", folder, "-o", tmp_path / f"{folder.parent.name}.json")
    texts = [path.read_bytes() for path in sorted(tmp_path.glob("*.json"))]
    digests = {inventory_from_json(text, "f").digest() for text in texts}
    assert (len(texts), len(digests)) == (2, 1)
    (tmp_path / "nv").rename(tmp_path / "away")
    monkeypatch.setenv("NV", str(other))
    # There is nothing to resolve, and so no index to ask.
    monkeypatch.setenv("ENVC_INDEX_URL", f"{os.environ['ENVC_INDEX_URL']}/nowhere")
    done("overlay", "sync", "--dir", ov)
    assert next(ov.glob("pylock.*.toml")).read_bytes() == lock
    assert versions(ov, "tool", "fastnum") == {"tool": "2.0", "fastnum": "1.26.4"}
