"""uv, to compare with: where it is, and what it makes of a scenario."""

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

from packaging.utils import canonicalize_name

from support.packse import Scenario

UV = shutil.which("uv", path=f"{Path(sys.executable).parent}:{os.environ.get('PATH', '')}")


def compiled(scenario: Scenario, url: str, folder: Path) -> set[tuple[str, str]] | None:
    """(project, version) of every pin of `uv pip compile`; None where it finds no solution."""
    folder.mkdir()
    output = folder / "pins.txt"
    present = scenario.tables.get("present", {})
    output.write_text("".join(f"{project}=={version}\n" for project, version in present.items()))
    words = ["pip", "compile", "--quiet", "--no-header", "--no-annotate", "--output-file", output]
    words += ["--no-python-downloads", "--cache-dir", folder / "cache", "--default-index", url]
    words += _options(scenario, folder)
    done = subprocess.run(
        [UV, *map(str, words)], cwd=folder, capture_output=True, text=True, check=False
    )
    if done.returncode != 0:
        assert "No solution found" in done.stderr, done.stderr
        return None
    pins = [line.partition(";")[0].strip().split("==") for line in output.read_text().splitlines()]
    return {(canonicalize_name(project), version) for project, version in pins}


def _options(scenario: Scenario, folder: Path) -> Iterator[str | Path]:
    """The scenario as files that uv reads, and options."""
    options = scenario.options
    for kind, option in (("constraints", "--constraint"), ("overrides", "--override")):
        yield from (option, _written(folder / f"{kind}.txt", scenario.tables["root"].get(kind, [])))
    yield from ("--prerelease", scenario.prereleases)
    for project, word in options.get("prerelease", {}).items():
        yield from ("--prerelease-package", f"{project}={word}")
    yield from ("--resolution", options.get("resolution", "highest"))
    if "exclude_newer" in options:
        yield from ("--exclude-newer", options["exclude_newer"].isoformat())
    if options.get("upgrade"):
        yield "--upgrade"
    (target, *others) = scenario.targets()
    yield from ("--python-version", target.python_full)
    yield from ["--universal"] if others else ["--python-platform", "x86_64-manylinux_2_36"]
    yield _written(folder / "requirements.in", scenario.tables["root"]["requires"])


def _written(path: Path, lines: list[str]) -> Path:
    path.write_text("".join(f"{line}\n" for line in lines))
    return path
