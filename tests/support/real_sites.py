"""Sites with projects of the real index: how they are locked and tried, for `tests/network`.

What is fetched is kept in `build/network/cache`: a second run asks for little.
"""

import json
import os
import platform
import subprocess
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from envc.index import default_index
from support.sites import Answer, envc_process

ROOT = Path(__file__).resolve().parents[2]
CACHE = ROOT / "build/network/cache"
UV = f"{os.path.dirname(sys.executable)}/uv"
# Read before the fixtures hide the person's configuration from the tests.
INDEX = default_index().url or ""

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


def declared(layer: dict[str, Any], store: Path) -> set[str]:
    """The packages and modules, not namespaces, that the wheels of a generation's layer declare.

    `layer` is that of the generation's `manifest.json`.
    """
    found: set[str] = set()
    for wheel in layer["wheels"]:
        facts = json.loads((store / f"wheels/{wheel['store_id']}/facts.json").read_text())
        found |= {name for name, content in facts["modules"].items() if isinstance(content, str)}
    return found


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


def assert_consistent(*command: object) -> None:
    """A command that checks a tree (`pip check`) finds nothing."""
    done = subprocess.run([*map(str, command)], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
