"""`envc.toml`, the site's spec (format 1; docs: schemas/envc.md)."""

import re
from datetime import UTC, datetime
from typing import Annotated, Any, Literal, NamedTuple

from packaging.version import InvalidVersion, Version

from envc.formats.document import (
    ChangeableCodeText,
    CodeText,
    ConstraintText,
    Document,
    LayerName,
    ProjectText,
    RequirementText,
    by_project,
    project_name,
    read_document,
)
from envc.formats.forms import (
    AbsolutePath,
    Cpu,
    FoundFolder,
    FoundPath,
    FullPython,
    InventoryName,
    Libc,
    OneLinePath,
    Platform,
    ProjectSource,
    Python,
    Sha256,
    Url,
    VariableName,
)
from envc.formats.location import PublicKeyText
from envc.formats.values import Before, Beside, Flaw, FormError
from envc.model.policy import OverlaysSpec
from envc.model.spec import LONGEST_REQUIREMENT, PrereleasePolicy, ResolutionMode
from envc.model.value import field, value


def _version(number: int) -> int:
    if number > 1:
        what = f"format {number} is newer than this envc, which reads format 1"
        mend = "use a newer envc, or write the format that this one reads"
        raise FormError(Flaw(what, mend))
    if number < 1:
        raise ValueError(f"there is no format {number}")
    return number


class AtLeast(NamedTuple):
    """A check of a number."""

    least: int

    def __call__(self, number: int) -> int:
        """The number."""
        if number < self.least:
            what = f"must be at least {self.least}, is {number}"
            raise FormError(Flaw(what, "change the value"))
        return number


def _instant(moment: object) -> object:
    """A TOML date-time, or the same as a string; UTC when it names no zone."""
    if isinstance(moment, str):
        try:
            moment = datetime.fromisoformat(moment)
        except ValueError as error:
            raise ValueError(f"{moment!r} is not a date and time (RFC 3339)") from error
    if isinstance(moment, datetime) and moment.tzinfo is None:
        return moment.replace(tzinfo=UTC)
    return moment


def _no_build(told: object) -> object:
    if isinstance(told, bool):
        return told
    if isinstance(told, list) and all(isinstance(name, str) for name in told):
        return [project_name(name) for name in told]
    raise ValueError("must be true, false, or an array of the projects that may not be built")


FormatVersion = Annotated[int, _version]


def _variable(text: str) -> str:
    if "\x00" in text:
        raise ValueError(f"{text!r} has a NUL, which no variable can hold")
    return text


def _module(text: str) -> str:
    """`-openmpi` would unload it, and a colon separates the names of those that are loaded."""
    if not re.fullmatch(r"[A-Za-z0-9_.][A-Za-z0-9_.+/@=-]*", text):
        raise ValueError(f"{text!r} is no name of an environment module, such as openmpi/4.1")
    return text


VariableText = Annotated[str, _variable]
ModuleText = Annotated[str, _module]
# Where an environment is that envc did not build; what is done when it has changed.
ChangedBase = Literal["refuse", "warn"]


@value(kw_only=True)
class SiteTable:
    """`[site]`; nodes take what one of the `keys` has signed."""

    name: LayerName
    keys: tuple[PublicKeyText, ...] = ()


@value(kw_only=True)
class ArchiveTable:
    """`core.archive`: an interpreter that the site carries."""

    path: OneLinePath
    sha256: Sha256


@value(kw_only=True)
class CoreTable:
    """`[core]`: the interpreter of every layer, which nodes have or the site carries."""

    python: Python
    interpreter: AbsolutePath | None = None
    archive: ArchiveTable | None = None


@value(kw_only=True)
class IndexTable:
    """`[[index]]`: a simple index, or a folder of wheels."""

    name: LayerName
    url: Url | None = None
    path: str | None = None
    explicit: bool = False


@value(kw_only=True)
class TargetTable:
    """`[[target]]`: one kind of machine to lock for."""

    name: LayerName
    platform: Platform
    libc: Libc | None = None
    python_full: FullPython | None = None
    cpu: Cpu | None = None


@value(kw_only=True)
class DescribedTable:
    """`layer.NAME.described`: an environment that envc did not build."""

    file: InventoryName
    python: FoundPath | None = None
    paths: tuple[FoundFolder, ...] = ()
    modules: tuple[ModuleText, ...] = ()


def _release(text: str) -> str:
    try:
        release = Version(text) if len(text) <= LONGEST_REQUIREMENT else None
    except InvalidVersion:
        release = None
    if release is None or release.local is not None:
        raise ValueError(f"{text[:30]!r} is no release that an index could have, such as 2.8.0")
    return text


# Project → the release that a private version is judged as.
StandsFor = Annotated[dict[ProjectText, Annotated[str, _release]], Before(by_project)]


@value(kw_only=True)
class LayerTable:
    """`[layer.NAME]`: a common layer, of what it `requires` or of a `described` environment."""

    requires: tuple[RequirementText, ...] = ()
    requires_from: tuple[ProjectSource, ...] = ()
    described: DescribedTable | None = None
    stands_for: StandsFor = field(default_factory=dict)
    replace: tuple[ProjectText, ...] = ()
    changed_base: ChangedBase = "refuse"
    base: LayerName = "core"
    constraints: tuple[ConstraintText, ...] = ()
    overrides: tuple[ConstraintText, ...] = ()
    mode: Literal["open", "managed"] = "open"
    env: dict[VariableName, VariableText] = field(default_factory=dict)
    modules: tuple[ModuleText, ...] = ()


def _standing(plain: Any) -> list[Flaw]:
    """What is wrong with how a layer says what it is."""
    if not isinstance(plain, dict):
        return []
    if "described" in plain:
        what = "a `described` layer is what is there, and has no `{}`"
        mend = 'remove it; what is to be added stands in a layer of its own, with base = "…"'
        keys = [key for key in ("requires", "requires-from", "base") if key in plain]
        return [Flaw(what.format(key), mend, (key,)) for key in keys]
    what = "`{}` is for `described` layers"
    keys = [key for key in ("stands-for", "changed-base") if key in plain]
    found = [Flaw(what.format(key), "remove it", (key,)) for key in keys]
    if "requires" not in plain:
        found.append(Flaw("missing key", "add it", ("requires",)))
    return found


@value(kw_only=True)
class ResolverTable:
    """`[resolver]`: how candidates are chosen."""

    prereleases: PrereleasePolicy = "if-necessary"
    prerelease: Annotated[dict[ProjectText, PrereleasePolicy], Before(by_project)] = field(
        default_factory=dict
    )
    exclude_newer: Annotated[datetime, Before(_instant)] | None = None
    no_build: Annotated[bool | tuple[str, ...], Before(_no_build)] = True
    no_binary: tuple[ProjectText, ...] = ()
    resolution: ResolutionMode = "highest"


@value(kw_only=True)
class RetainTable:
    """`[retain]`: the generations that every node keeps."""

    generations: Annotated[int, AtLeast(1)] = 2
    days: Annotated[int, AtLeast(0)] = 30


@value(kw_only=True)
class CheckTable:
    """`[check]`: codes of findings, by how they are treated."""

    error: tuple[CodeText, ...] = ()
    warning: tuple[ChangeableCodeText, ...] = ()
    ignore: tuple[ChangeableCodeText, ...] = ()


_PLACEHOLDER = re.compile(r"\{([^{}]*)\}")


class Words(NamedTuple):
    """A check of a command's words: these placeholders, and one that tells which nodes."""

    needed: tuple[str, ...]

    def __call__(self, words: object) -> object:
        """The words."""
        if not isinstance(words, list) or not all(isinstance(word, str) for word in words):
            return words
        found = [name for word in words for name in _PLACEHOLDER.findall(word)]
        known = {*self.needed, "node", "nodes", "fan_out"}
        unknown = [name for name in found if name not in known]
        if unknown:
            names = ", ".join(f"{{{name}}}" for name in sorted(known))
            raise FormError(Flaw(f"{{{unknown[0]}}} stands for nothing", f"write one of {names}"))
        missing = [name for name in self.needed if name not in found]
        if missing:
            raise FormError(Flaw(f"{{{missing[0]}}} is missing", "say where it stands"))
        if len({"node", "nodes"} & set(found)) != 1:
            what = "it must name {node} or {nodes}, one of them"
            raise FormError(Flaw(what, "write {nodes} for a command that takes a set, else {node}"))
        return words


@value(kw_only=True)
class EngineTable:
    """`[engine.NAME]`: a command that runs a command on nodes, and one that copies a file there."""

    run: Annotated[tuple[str, ...], Before(Words(("command",)))]
    copy: Annotated[tuple[str, ...], Before(Words(("path", "place")))] = ()


@value(kw_only=True)
class SiteDocument:
    """The whole file."""

    version: FormatVersion
    site: SiteTable
    core: CoreTable
    layer: dict[LayerName, Annotated[LayerTable, Beside(_standing)]]
    index: tuple[IndexTable, ...] = ()
    sources: Annotated[dict[ProjectText, LayerName], Before(by_project)] = field(
        default_factory=dict
    )
    target: tuple[TargetTable, ...] = ()
    resolver: ResolverTable = field(default_factory=ResolverTable)
    overlays: OverlaysSpec = field(default_factory=OverlaysSpec)
    retain: RetainTable = field(default_factory=RetainTable)
    check: CheckTable = field(default_factory=CheckTable)
    engine: dict[LayerName, EngineTable] = field(default_factory=dict)


def read_site(text: bytes, file: str) -> Document[SiteDocument]:
    """The document of an `envc.toml`, or of `[tool.envc]` in a `pyproject.toml`.

    Raises:
        SpecError: with every fault of the file.
    """
    prefix = ("tool", "envc") if file.endswith("pyproject.toml") else ()
    return read_document(text, file, SiteDocument, prefix=prefix)


TEMPLATE = """\
# The site: its core, its common layers, and where its users' overlays live.
# Every key is described in the guide: docs/guide.md.
version = 1

[site]
name = "{name}"

[core]
python = "{python}"                      # every layer is compiled for this X.Y
# interpreter = "/usr/bin/python{python}"   # what each node has; default: the one that runs envc
# archive = {{ path = "cpython.tar.zst", sha256 = "…" }}   # or: bring it along

# [[target]]                           # default: the machine envc runs on
# name = "compute"
# platform = "linux-x86_64"
# libc = "glibc-2.28"

[layer.system]                         # tools that the administrator maintains
requires = ["ipython"]

[layer.user]                           # what everybody computes with
requires = ["numpy", "scipy"]
# constraints = ["numpy<3"]            # bind this layer and every layer above it

[overlays]
# Users' overlays live in <storage>/<user>/<name>. Shared: "/shared/{name}", after
# install -d -m 1777 /shared/{name}
storage = "$HOME/overlays"
specs = ["overlays/*.toml"]            # the specs that `envc check` reads
shadow = "coherent"                    # may overlays replace common projects? never | coherent
"""
