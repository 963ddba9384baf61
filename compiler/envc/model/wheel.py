"""What a wheel contains and claims, read without running it."""

from typing import Literal, NamedTuple, TypeAlias

from packaging.utils import NormalizedName

from envc.errors import Fault
from envc.model.digest import SureDigest
from envc.model.value import field, value

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


@value
class Library:
    """A shared library or extension module (ELF): the libraries it needs, and where it looks.

    `folders` are those of its run paths that lie in the tree, relative to the tree's root.
    `numpy_1` tells that it uses NumPy as it was before NumPy 2.
    """

    path: str
    needed: tuple[str, ...]
    folders: tuple[str, ...]
    numpy_1: bool = False


@value(kw_only=True)
class WheelContents:
    """A wheel's facts, and its files: path below the root → sha256 in hexadecimal.

    `joined` are its packages that join what other folders of `sys.path` have under their name
    (`pkgutil.extend_path`, `pkg_resources.declare_namespace`): namespaces older than PEP 420.
    Dotted name → what can be imported from it.
    """

    facts: WheelFacts
    files: dict[str, str]
    joined: dict[str, ModuleTree] = field(default_factory=dict)


@value
class Unknown:
    """A wheel whose contents cannot be had, and why; `lasts`: looking again tells no more."""

    project: str
    fault: Fault
    lasts: bool = False
