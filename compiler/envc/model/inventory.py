"""What an environment holds that envc did not build: the counterpart of a lock."""

from typing import Annotated, Literal, TypeAlias

from packaging.requirements import Requirement
from packaging.utils import NormalizedName, canonicalize_name
from packaging.version import Version

from envc.model.digest import Digest, SureDigest, digest_of_json
from envc.model.finding import Grade
from envc.model.spec import LONGEST_REQUIREMENT, has_endless_number
from envc.model.value import field, value
from envc.model.wheel import ConsoleScript, ModuleTree

INVENTORY_FORMAT = 1


def _inside(path: str) -> str:
    if not {"", ".", ".."}.isdisjoint(path.removesuffix("/").split("/")):
        raise ValueError("this path leaves its folder")
    return path


def _version(text: str) -> str:
    if len(text) > LONGEST_REQUIREMENT or has_endless_number(text):
        raise ValueError("this version has no end")
    Version(text)
    return text


def _requirement(line: str) -> str:
    if len(line) > LONGEST_REQUIREMENT or has_endless_number(line):
        raise ValueError("this requirement has no end")
    Requirement(line)
    return line


def _project(name: str) -> str:
    if canonicalize_name(name, validate=True) != name:
        raise ValueError("this is no project's name as indexes have it")
    return name


# What an inventory says is somebody else's: each text is looked at where it is read.
Shown = Annotated[str, r"[^\x00-\x1f\x7f]*"]
AbsolutePath = Annotated[str, r"/[^\x00-\x1f\x7f]*"]
# A name that stands in a folder; and a path below one.
Name = Annotated[str, r"[^\x00-\x1f\x7f/]+", _inside]
InsidePath = Annotated[str, r"[^\x00-\x1f\x7f]+", _inside]
FullVersion = Annotated[str, r"\d{1,3}\.\d{1,3}\.\d{1,3}"]
Platform = Annotated[str, r"[a-z0-9]+-\w+"]
Libc = Annotated[str, r"((glibc|musl|macos)-\d+(\.\d+)*)?"]
VersionText = Annotated[str, _version]
RequirementLine = Annotated[str, _requirement]
ProjectName = Annotated[NormalizedName, _project]

# How the files of a distribution are known, best first; of the last two, none is.
Known: TypeAlias = Literal["record", "installed-files", "system", "walk", "top-level", "unknown"]
_WITHOUT_FILES = frozenset({"top-level", "unknown"})


@value(kw_only=True)
class DescribedFolder:
    """A folder of the path: what tells that it is as it was, and why it is on the path.

    `mtime_seconds` are whole ones: copies, images and mounts keep those. `names` is the digest of
    the names of its metadata folders and start-up files (`names_digest`). `runs_start_files` tells
    whether Python runs those. `added_by` is the start-up file of another folder that names it.
    """

    path: AbsolutePath
    mtime_seconds: int
    names: SureDigest
    runs_start_files: bool
    added_by: Shown = ""


@value(kw_only=True)
class InstalledDistribution:
    """A distribution: `folder` is its place among the folders, `metadata` its name there.

    `places` are the highest paths below the folder that nobody else has anything in. `files` tells
    how they are known. `is_double`: another one of the project comes before it on the path.
    `joined` are its packages that join what other folders have under their name, as those of wheels
    do (`WheelContents.joined`). `is_listed`: only its version is known, by somebody's list.
    """

    folder: int
    metadata: Name
    project: ProjectName
    version: VersionText
    files: Known
    is_compiled: bool
    is_double: bool = False
    is_listed: bool = False
    requires: tuple[RequirementLine, ...] = ()
    requires_python: Shown | None = None
    extras: tuple[NormalizedName, ...] = ()
    modules: ModuleTree
    joined: dict[str, ModuleTree] = field(default_factory=dict)
    console_scripts: tuple[ConsoleScript, ...] = ()
    start_files: tuple[Name, ...] = ()
    places: tuple[InsidePath, ...] = ()


@value(kw_only=True)
class Unowned:
    """What stands in a folder and belongs to no distribution."""

    folder: int
    modules: ModuleTree
    start_files: tuple[Name, ...] = ()
    places: tuple[InsidePath, ...] = ()


@value(kw_only=True)
class Unmet:
    """A requirement of a distribution that its own environment does not meet."""

    project: ProjectName
    requirement: RequirementLine
    present: VersionText | None = None


@value(kw_only=True)
class Inventory:
    """An environment as its interpreter told of it.

    `interpreter` is the one that trees are built for, `python` the one that was asked: the same,
    but for virtual environments. `folders` are in the order of the path, `distributions` in order
    of folder and project. `unmet` has what the environment lacks (`present` is None) or has in
    another version. `unread` are sentences. `modules` are the environment modules that were loaded,
    `variables` what an activation had set.
    """

    python: AbsolutePath
    interpreter: AbsolutePath
    python_full: FullVersion
    platform: Platform
    libc: Libc
    folders: tuple[DescribedFolder, ...]
    distributions: tuple[InstalledDistribution, ...]
    unowned: tuple[Unowned, ...] = ()
    unmet: tuple[Unmet, ...] = ()
    unread: tuple[str, ...] = ()
    modules: tuple[Shown, ...] = ()
    variables: tuple[tuple[str, str], ...] = ()

    @property
    def core(self) -> str:
        """The X.Y of its Python."""
        return ".".join(self.python_full.split(".")[:2])

    def visible(self) -> tuple[InstalledDistribution, ...]:
        """The distributions that its own programs see, in order of project."""
        shown = (each for each in self.distributions if not each.is_double)
        return tuple(sorted(shown, key=lambda each: each.project))

    def known(self) -> Grade:
        """How well the least known of the visible distributions is known."""
        visible = self.visible()
        if any(each.is_listed for each in visible):
            return "versions"
        return "metadata" if any(each.files in _WITHOUT_FILES for each in visible) else "files"

    def digest(self) -> Digest:
        """The digest of what it holds: not of where that is, nor of when it was written."""
        return digest_of_json(
            [
                [self.python_full, self.platform, self.libc],
                [[each.names, each.runs_start_files, each.added_by] for each in self.folders],
                [_told(each) for each in self.distributions],
            ]
        )


def _told(each: InstalledDistribution) -> list[object]:
    where = [each.folder, each.metadata, each.project, each.version, each.is_compiled]
    return [*where, each.requires, each.requires_python, each.extras, each.modules, each.places]
