"""Sites with projects of the real index: how they are locked and tried, for `tests/network`.

What is fetched is kept in `build/network/cache`: a second run asks for little.
"""

import json
import os
import platform
import shutil
import subprocess
import sys
import tomllib
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from packaging.requirements import Requirement

from envc.index import default_index
from support.sites import PYTHON, Answer, envc_process

ROOT = Path(__file__).resolve().parents[2]
CACHE = ROOT / "build/network/cache"
UV = f"{os.path.dirname(sys.executable)}/uv"
# Read before the fixtures hide the person's configuration from the tests.
INDEX = default_index().url or ""

RELEASES = """\
from importlib.metadata import distributions
for found in distributions():
    print(f"{found.name}=={found.version}")
"""
IMPORT_ALL = """\
import importlib, json, sys, warnings
warnings.simplefilter("ignore")
failed = {}
for name in json.loads(sys.argv[1]):
    try:
        importlib.import_module(name)
    except BaseException as error:
        failed[name] = f"{type(error).__name__}: {error}"
print(json.dumps(failed))
"""


def envc(folder: Path, *words: object) -> Answer:
    """Call envc in a process, with the real index and a cache that stays."""
    surroundings = {"ENVC_CACHE_DIR": str(CACHE), "ENVC_INDEX_URL": INDEX}
    return envc_process(*words, cwd=folder, environment=surroundings)


def pins_of_uv(requirements: Iterable[str]) -> dict[str, str] | None:
    """What uv resolves the requirements to, project → version; None: it finds no solution."""
    words = ["--only-binary", ":all:", "--no-header", "--no-annotate", "--quiet"]
    # The whole version: uv takes X.Y for X.Y.0, and some releases want a later one.
    words += ["--python-version", platform.python_version()]
    done = subprocess.run(
        [UV, "pip", "compile", "-", *words],
        input="\n".join(requirements),
        env={**os.environ, "UV_DEFAULT_INDEX": INDEX, "UV_CACHE_DIR": str(CACHE / "uv")},
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        assert "No solution found" in done.stderr, done.stderr
        return None
    return dict(line.split("==") for line in done.stdout.split())


def copied(name: str, folder: Path) -> Path:
    """A copy of a sample site with its overlays, in a folder that is not there yet."""
    shutil.copytree(ROOT / f"fixtures/sites/{name}", folder)
    spec = folder / "envc.toml"
    spec.write_text(spec.read_text().replace('"3.11"', f'"{PYTHON}"'))
    return folder


def materialized(name: str, folder: Path) -> Path:
    """A copy of a sample site, locked and materialized in its `target`; it may be there."""
    if not folder.exists():
        copied(name, folder)
    for words in (("lock",), ("materialize", "--target", "target")):
        answer = envc(folder, *words)
        assert answer.status == 0, answer.stderr
    return folder


def lent(name: str, folder: Path) -> Iterator[Path]:
    """The same for a fixture: it is removed when nobody needs it any more."""
    yield materialized(name, folder)
    removed(folder)


def removed(folder: Path) -> None:
    """Remove what is materialized, or locked, in a folder."""
    subprocess.run(["chmod", "-R", "u+w", folder], check=True)
    shutil.rmtree(folder)


def above_by_uv(site: Path, overlay: Path) -> dict[str, str] | None:
    """What uv resolves the base's projects (by name), what binds above them, and an overlay to."""
    layers = tomllib.loads((site / "envc.toml").read_text())["layer"].values()
    names = [Requirement(line).name for layer in layers for line in layer["requires"]]
    bounds = [line for layer in layers for line in layer.get("constraints", ())]
    own = tomllib.loads(overlay.read_text())["overlay"]["requires"]
    return pins_of_uv([*names, *bounds, *own])


def layers_of(tree: Path) -> dict[str, dict[str, Any]]:
    """The layers of the current generation of a target, or an overlay's, by name."""
    record = json.loads((tree / "current/manifest.json").read_text())
    return dict(record["layers"])


def declared(layer: dict[str, Any], store: Path) -> set[str]:
    """The packages and modules, in namespaces too, that the wheels of a generation's layer declare.

    `layer` is that of the generation's `manifest.json`.
    """
    found: set[str] = set()
    for wheel in layer["wheels"]:
        facts = json.loads((store / f"wheels/{wheel['store_id']}/facts.json").read_text())
        found.update(_within(facts["modules"]))
    return found


def _within(modules: dict[str, Any], prefix: str = "") -> Iterator[str]:
    for name, content in modules.items():
        if isinstance(content, str):
            yield f"{prefix}{name}"
        else:
            yield from _within(content, f"{prefix}{name}.")


def failed_imports(python: str, names: Iterable[str]) -> dict[str, str]:
    """Which of these modules an interpreter cannot import, each with the error."""
    done = subprocess.run(
        [python, "-c", IMPORT_ALL, json.dumps(sorted(names))],
        env={**os.environ, "MPLBACKEND": "agg"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    failed: dict[str, str] = json.loads(done.stdout.splitlines()[-1])
    return failed


def failed_in_overlay_alone(overlay: Path, names: Iterable[str]) -> dict[str, str]:
    """Which of these modules an overlay cannot import though a flat environment of the same can.

    That environment stays, and is made what it has to be where it is there.

    Some modules can be imported nowhere: what they import is not among what they require, or their
    place is that of the standard library.
    """
    failed = failed_imports(f"{overlay}/bin/python", names)
    if not failed:
        return {}
    flat, pins = overlay / "flat", overlay / "flat.txt"
    done = subprocess.run(
        [f"{overlay}/bin/python", "-c", RELEASES], capture_output=True, text=True, check=True
    )
    pins.write_text(done.stdout)
    surroundings = {**os.environ, "UV_DEFAULT_INDEX": INDEX, "UV_CACHE_DIR": str(CACHE / "uv")}
    for words in (
        ("venv", "--quiet", "--allow-existing", "--python", sys.executable, flat),
        ("pip", "sync", "--quiet", "--only-binary", ":all:", "--python", flat, pins),
    ):
        subprocess.run([UV, *map(str, words)], env=surroundings, check=True)
    everywhere = failed_imports(f"{flat}/bin/python", failed)
    return {name: why for name, why in failed.items() if name not in everywhere}


def assert_consistent(*command: object) -> None:
    """A command that checks a tree (`pip check`) finds nothing."""
    done = subprocess.run([*map(str, command)], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def run(folder: Path, *words: object) -> str:
    """What a tool of others says; it asks the index that is meant here."""
    surroundings = {
        **os.environ,
        "UV_DEFAULT_INDEX": INDEX,
        "UV_CACHE_DIR": str(CACHE / "uv"),
        "PDM_PYPI_URL": INDEX,
        "PDM_CHECK_UPDATE": "0",
        "PIP_INDEX_URL": INDEX,
        "PIP_DISABLE_PIP_VERSION_CHECK": "1",
    }
    done = subprocess.run(
        list(map(str, words)),
        cwd=folder,
        env=surroundings,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout
