"""`envc.toml`, the site's spec (format 1; docs: schemas/envc.md)."""

import re
from datetime import UTC, datetime
from typing import Annotated, Literal

from pydantic import AfterValidator, BeforeValidator, Field
from pydantic_core import PydanticCustomError

from envc.formats.document import (
    ChangeableCodeText,
    CodeText,
    ConstraintText,
    Document,
    FullPythonText,
    LayerName,
    ProjectText,
    PublicKeyText,
    PythonText,
    RequirementText,
    Table,
    by_project,
    project_name,
    read_document,
)
from envc.model.spec import PrereleasePolicy, ResolutionMode, ShadowPolicy


def _version(value: int) -> int:
    if value > 1:
        raise PydanticCustomError(
            "newer_format",
            "format {format} is newer than this envc, which reads format 1",
            {"format": value},
        )
    if value < 1:
        raise ValueError(f"there is no format {value}")
    return value


def _instant(value: object) -> object:
    """A TOML date-time, or the same as a string; UTC when it names no zone."""
    if isinstance(value, str):
        try:
            value = datetime.fromisoformat(value)
        except ValueError as error:
            raise ValueError(f"{value!r} is not a date and time (RFC 3339)") from error
    if isinstance(value, datetime) and value.tzinfo is None:
        return value.replace(tzinfo=UTC)
    return value


def _no_build(value: object) -> object:
    if isinstance(value, bool):
        return value
    if isinstance(value, list) and all(isinstance(name, str) for name in value):
        return [project_name(name) for name in value]
    raise ValueError("must be true, false, or an array of the projects that may not be built")


FormatVersion = Annotated[int, AfterValidator(_version)]
PlatformText = Annotated[
    str,
    Field(pattern=r"^(linux-(x86_64|aarch64|ppc64le|s390x)|macos-(arm64|x86_64)|windows-x86_64)$"),
]


ProjectSourceText = Annotated[
    str,
    Field(
        pattern=r"^(project(\[[A-Za-z0-9._-]+( *, *[A-Za-z0-9._-]+)*\])?|group:[A-Za-z0-9._-]+)$"
    ),
]


def _variable(text: str) -> str:
    if "\x00" in text:
        raise ValueError(f"{text!r} has a NUL, which no variable can hold")
    return text


def _module(text: str) -> str:
    """`-openmpi` would unload it, and a colon separates the names of those that are loaded."""
    if not re.fullmatch(r"[A-Za-z0-9_.][A-Za-z0-9_.+/@=-]*", text):
        raise ValueError(f"{text!r} is no name of an environment module, such as openmpi/4.1")
    return text


VariableText = Annotated[str, AfterValidator(_variable)]
ModuleText = Annotated[str, AfterValidator(_module)]


class SiteTable(Table):
    """`[site]`; nodes take what one of the `keys` has signed."""

    name: LayerName
    keys: list[PublicKeyText] = []


class ArchiveTable(Table):
    """`core.archive`: an interpreter that the site carries."""

    path: str = Field(pattern=r"^[^\x00-\x1f]+$")
    sha256: str = Field(pattern=r"^[0-9a-f]{64}$")


class CoreTable(Table):
    """`[core]`: the interpreter of every layer, which nodes have or the site carries."""

    python: PythonText
    interpreter: str | None = Field(default=None, pattern=r"^/[^\x00-\x1f]+$")
    archive: ArchiveTable | None = None


class IndexTable(Table):
    """`[[index]]`: a simple index, or a folder of wheels."""

    name: LayerName
    url: str | None = Field(default=None, pattern=r"^(https?|file)://[^\s]+$")
    path: str | None = None
    explicit: bool = False


class TargetTable(Table):
    """`[[target]]`: one kind of machine to lock for."""

    name: LayerName
    platform: PlatformText
    libc: str | None = Field(default=None, pattern=r"^(glibc-2|musl-1|macos-\d+)\.\d+$")
    python_full: FullPythonText | None = None
    cpu: str | None = Field(default=None, pattern=r"^[a-z0-9][a-z0-9_.-]*$")


class LayerTable(Table):
    """`[layer.NAME]`: a common layer."""

    requires: list[RequirementText]
    requires_from: list[ProjectSourceText] = []
    base: LayerName = "core"
    constraints: list[ConstraintText] = []
    overrides: list[ConstraintText] = []
    mode: Literal["open", "managed"] = "open"
    env: dict[Annotated[str, Field(pattern=r"^[A-Za-z_][A-Za-z0-9_]*$")], VariableText] = {}
    modules: list[ModuleText] = []


class ResolverTable(Table):
    """`[resolver]`: how candidates are chosen."""

    prereleases: PrereleasePolicy = "if-necessary"
    prerelease: Annotated[dict[ProjectText, PrereleasePolicy], BeforeValidator(by_project)] = {}
    exclude_newer: Annotated[datetime, BeforeValidator(_instant)] | None = None
    no_build: Annotated[bool | list[str], BeforeValidator(_no_build)] = True
    no_binary: list[ProjectText] = []
    resolution: ResolutionMode = "highest"


class OverlaysTable(Table):
    """`[overlays]`: where users' overlays live, and what they may replace."""

    storage: str | None = None
    specs: list[str] = []
    shadow: ShadowPolicy = "coherent"


class RetainTable(Table):
    """`[retain]`: the generations that every node keeps."""

    generations: int = Field(default=2, ge=1)
    days: int = Field(default=30, ge=0)


class CheckTable(Table):
    """`[check]`: codes of findings, by how they are treated."""

    error: list[CodeText] = []
    warning: list[ChangeableCodeText] = []
    ignore: list[ChangeableCodeText] = []


class SiteDocument(Table):
    """The whole file."""

    version: FormatVersion
    site: SiteTable
    core: CoreTable
    layer: dict[LayerName, LayerTable]
    index: list[IndexTable] = []
    sources: Annotated[dict[ProjectText, LayerName], BeforeValidator(by_project)] = {}
    target: list[TargetTable] = []
    resolver: ResolverTable = ResolverTable()
    overlays: OverlaysTable = OverlaysTable()
    retain: RetainTable = RetainTable()
    check: CheckTable = CheckTable()


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
# storage = "/shared/{name}"           # users' overlays live in <storage>/<user>/<name>
specs = ["overlays/*.toml"]            # the specs that `envc check` reads
shadow = "coherent"                    # may overlays replace common projects? never | coherent
"""
