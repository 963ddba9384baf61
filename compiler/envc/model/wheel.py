"""What a wheel contains and claims, read without running it."""

from typing import Literal, NamedTuple, TypeAlias

from packaging.utils import NormalizedName

from envc.model.digest import SureDigest
from envc.model.value import value

# What stands under an importable name: "package" (has an `__init__`; everything below is its
# own), "module" (one file), or a namespace (PEP 420): its portions, by name.
ModuleTree: TypeAlias = "dict[str, Literal['package', 'module'] | ModuleTree]"


class ConsoleScript(NamedTuple):
    """A console or GUI entry point: the command, and what it calls."""

    name: str
    module: str
    attribute: str


@value(kw_only=True)
class WheelFacts:
    """A wheel's claims and contents. Paths are relative to the environment's root.

    `scripts` are the files that `.data/scripts` puts in `bin/`; `start_files` those that Python
    runs or reads at start-up (`.pth`, `.start`, `sitecustomize.py`); `data_files` those outside
    `bin/` and `site-packages` (`share/`, `etc/`, `include/`).
    """

    filename: str
    digest: SureDigest
    size_bytes: int
    project: NormalizedName
    version: str
    dist_info: str
    requires: tuple[str, ...]
    requires_python: str | None
    extras: tuple[NormalizedName, ...]
    modules: ModuleTree
    console_scripts: tuple[ConsoleScript, ...]
    scripts: tuple[str, ...]
    start_files: tuple[str, ...]
    data_files: tuple[str, ...]
