"""envc's own files, and those that people write, after somebody changed them: read, or refused."""

import contextlib
import json
import shutil
import tomllib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest
from hypothesis import strategies as st

from envc.errors import SpecError
from envc.expand.overlay import expand_overlay
from envc.expand.site import expand_site
from envc.formats.envc_toml import read_site
from envc.formats.facts import facts_from_json
from envc.formats.generation import generation_from_json
from envc.formats.location import location_from_text
from envc.formats.overlay_toml import read_overlay
from envc.formats.publication import publication_from_bytes
from envc.formats.pylock_read import lock_from_text
from envc.host.machine import machine_of
from envc.store import Store
from envc.target.compare import verify_tree
from fuzz.arena import Arena, Fuzz
from fuzz.mutations import mutated, mutated_json, mutated_toml
from hostile.snapshots import snapshot
from support.sites import PYTHON, SiteFolder

pytestmark = pytest.mark.slow

OVERLAY = b"""\
version = 1

[overlay]
name = "alice"
base = "user"
requires = ["polars>=1", "numpy>=2"]
constraints = ["six<2"]
hide = ["pandas"]
shadow = "coherent"
"""

SITE = b"""\
version = 1
[site]
name = "canopy"
[core]
python = "3.11"
[[index]]
name = "site"
path = "wheels"
explicit = false
[sources]
numpy = "site"
[[target]]
name = "compute"
platform = "linux-x86_64"
libc = "glibc-2.28"
cpu = "x86-64-v2"
[layer.system]
requires = ["six"]
[layer.user]
base = "system"
requires = ["numpy>=1 ; python_version>'3'"]
overrides = ["six==1"]
env = { OMP_NUM_THREADS = "1" }
[resolver]
exclude-newer = "2026-11-01T00:00:00Z"
no-build = true
[overlays]
storage = "/shared"
specs = ["overlays/*.toml"]
[retain]
generations = 2
""".replace(b"3.11", PYTHON.encode())


@dataclass(frozen=True)
class Reader:
    """What reads a file; `kind` is how its structure is edited."""

    read: Callable[[bytes], object]
    kind: str = "bytes"


READERS = {
    "facts": Reader(lambda text: facts_from_json(text, "facts.json"), "json"),
    "generation": Reader(lambda text: generation_from_json(text, "manifest.json"), "json"),
    "location": Reader(lambda text: location_from_text(text, "location.toml"), "toml"),
    "lock": Reader(lambda text: lock_from_text(text, "pylock.user.toml", "user"), "toml"),
    "overlay": Reader(lambda text: expand_overlay(read_overlay(text, "overlay.toml")), "toml"),
    "plan": Reader(publication_from_bytes),
    "site": Reader(
        lambda text: expand_site(read_site(text, "envc.toml"), lambda _: machine_of(None)), "toml"
    ),
}


# Where a built site has one of them.
PLACES = {
    "facts": "target/store/wheels/*/facts.json",
    "generation": "target/generations/000001/manifest.json",
    "location": "target/location.toml",
    "lock": "site/pylock.user.toml",
    "plan": "target/store/plans/*",
}


def valid(name: str, built: SiteFolder) -> bytes:
    """A file of that kind as envc writes it, or as people do."""
    if name in PLACES:
        return min(built.root.glob(PLACES[name])).read_bytes()
    return OVERLAY if name == "overlay" else SITE


@pytest.mark.parametrize("name", sorted(READERS))
def test_reader(name: str, fuzz: Fuzz[bytes], built: SiteFolder) -> None:
    reader, content = READERS[name], valid(name, built)
    reader.read(content)
    strategy = mutated(content) | st.binary(max_size=200)
    if reader.kind == "json":
        strategy |= mutated_json(json.loads(content))
    if reader.kind == "toml":
        strategy |= mutated_toml(tomllib.loads(content.decode()))

    def check(text: bytes) -> None:
        with contextlib.suppress(SpecError):
            reader.read(text)

    fuzz(strategy, check)


def test_manifest_of_the_store(fuzz: Fuzz[bytes], built: SiteFolder, arena: Arena) -> None:
    source = min((built.target / "store/wheels").iterdir())
    content = (source / "manifest").read_bytes()

    def check(text: bytes) -> None:
        folder = arena.fresh() / "wheels/x"
        shutil.copytree(source, folder)
        (folder / "manifest").unlink()
        (folder / "manifest").write_bytes(text)
        store = Store(str(folder.parent.parent))
        if text == content:
            assert not verify_tree(store.manifest("x"), store.tree("x"))
        else:
            with pytest.raises(SpecError):
                store.manifest("x")

    fuzz(mutated(content) | st.binary(max_size=200), check)


def spoil(path: Path, content: bytes) -> None:
    """Replace a file that may be closed, and whose other names must keep what they have."""
    path.parent.chmod(0o755)
    path.unlink()
    path.write_bytes(content)


@pytest.mark.parametrize("name", ["envc.toml", "pylock.system.toml", "pylock.user.toml"])
def test_commands_on_a_site(name: str, fuzz: Fuzz[bytes], warm: SiteFolder) -> None:
    """Whatever stands in a site's files: no traceback, and nothing outside the target changes."""
    warm.materialize()
    content = (warm.folder / name).read_bytes()
    strategy = mutated(content) | mutated_toml(tomllib.loads(content.decode()))

    def check(text: bytes) -> None:
        (warm.folder / name).write_bytes(text)
        before = snapshot(warm.folder)
        for words in (
            ("lock", "--check", "--offline"),
            ("materialize", "--offline", "--target", warm.target),
        ):
            answer = warm.envc(*words)
            assert answer.status in (0, 1, 2, 3, 4, 5), answer.stderr
        assert snapshot(warm.folder) == before
        assert sorted(path.name for path in warm.root.iterdir()) == ["site", "storage", "target"]

    fuzz(strategy, check)


@pytest.mark.parametrize("name", ["manifest.json", "manifests/user", "site/pylock.user.toml"])
def test_commands_on_a_target(name: str, fuzz: Fuzz[bytes], warm: SiteFolder) -> None:
    """Whatever stands in a generation's records: verify says so, and no command has a bug."""
    warm.materialize()
    path = warm.target / "generations/000001" / name
    content = path.read_bytes()

    def check(text: bytes) -> None:
        spoil(path, text)
        for words in (("verify",), ("generations",), ("repair", "--offline"), ("gc", "--dry-run")):
            answer = warm.envc(*words, "--target", warm.target)
            assert answer.status in (0, 1, 2, 4, 5), answer.stderr
        spoil(path, content)

    fuzz(mutated(content), check)


def test_materialize_from_a_plan_that_was_kept(fuzz: Fuzz[bytes], warm: SiteFolder) -> None:
    """It is carried out as it is, or made anew; nothing is built outside of the target."""
    others = set((warm.target / "store/plans").iterdir())
    warm.materialize()
    (path,) = {*(warm.target / "store/plans").iterdir()} - others
    content = path.read_bytes()
    outside = snapshot(warm.folder)

    def check(text: bytes) -> None:
        shutil.rmtree(warm.target / "generations")
        (warm.target / "current").unlink(missing_ok=True)
        spoil(path, text)
        answer = warm.envc("materialize", "--offline", "--target", warm.target)
        assert answer.status == 0, answer.stderr
        assert warm.envc("verify", "--target", warm.target).status == 0
        assert snapshot(warm.folder) == outside
        assert sorted(path.name for path in warm.root.iterdir()) == ["site", "storage", "target"]

    fuzz(mutated(content), check)
