"""Requirements that name a file, a folder or a repository: `six @ https://…/six-1.17.0.whl`.

Each becomes the one release of its project that there is. A wheel is locked by its URL or path and
its digest; what has to be built is, and the lock carries the wheel. What the present lock has of
the same requirement stays until `--upgrade` lets it move: a branch stays at its commit.

Source: PEP 508, PEP 610 (the forms of URLs).
"""

import os
import re
from collections.abc import Iterable, Sequence
from copy import copy
from typing import TypeAlias
from urllib.parse import parse_qsl, quote, urldefrag, urlsplit

from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet
from packaging.utils import (
    InvalidSdistFilename,
    InvalidWheelFilename,
    NormalizedName,
    canonicalize_name,
    parse_sdist_filename,
    parse_wheel_filename,
)
from packaging.version import Version

from envc.disk.digests import digest_of_file
from envc.errors import OutsideError, SpecError
from envc.index import for_people, without_credentials
from envc.model.digest import Digest, digest_from_hex, digest_of_json, is_digest
from envc.model.lock import Lock, LockedBuild
from envc.model.resolution import Problem
from envc.model.spec import SourcedRequirement
from envc.model.value import replace, value
from envc.supply.building import Supply
from envc.supply.local_files import digest_of_folder, local_path
from envc.supply.sole import SoleRelease, adopt, file_at, filename_of, off_the_base
from envc.supply.wheelhouse import Carried

ProjectVersion: TypeAlias = tuple[NormalizedName, Version]

_REMOTE = ("https", "http")


@value
class Direct(SoleRelease):
    """What a requirement names, and how its file was built (if it was)."""

    requirement: Requirement
    build: LockedBuild | None = None

    @property
    def named(self) -> str:
        """The requirement, as something that has a name."""
        return f"what {self.requirement} names"

    @property
    def place(self) -> str:
        """The URL or the path of the requirement."""
        return self.requirement.url or ""

    @property
    def by_version(self) -> SourcedRequirement:
        """The same requirement by version: extras and marker stay."""
        pinned = copy(self.requirement)
        pinned.url = None
        pinned.specifier = SpecifierSet(f"=={self.file.version}")
        return SourcedRequirement(pinned, self.origin)


def directs_of(
    requirements: Iterable[SourcedRequirement],
    supply: Supply,
    *,
    present: Lock | None,
    folder: str,
    moving: frozenset[NormalizedName] | None,
) -> tuple[Direct, ...]:
    """What the requirements name directly, in their order; fetched and built if need be.

    `folder` is where spec and lock stand, `present` the lock that is there; `moving` are the
    projects that may move from it, None: all.

    Raises:
        SpecError: a requirement names nothing that can be installed, or another project.
        BuildError, OutsideError, UntrustedError: it cannot be had, or built.
    """
    finder = _Finder(supply, folder)
    found: list[Direct] = []
    for sourced in requirements:
        if sourced.requirement.url is None:
            continue
        project = canonicalize_name(sourced.requirement.name)
        stays = moving is not None and project not in moving
        found.append(finder.direct(sourced, present if stays else None))
    return tuple(found)


def with_directs(problem: Problem, directs: Sequence[Direct]) -> Problem:
    """The problem, its direct requirements by version, and nothing of them taken from the base.

    Raises:
        ShadowRefusedError: the base has one of them, and nothing may be replaced.
    """
    by_origin = {each.origin: each.by_version for each in directs}
    return replace(
        off_the_base(problem, directs),
        roots=tuple(by_origin.get(root.origin, root) for root in problem.roots),
    )


def builds_of(directs: Sequence[Direct]) -> tuple[LockedBuild, ...]:
    """How those that had to be built were."""
    return tuple(each.build for each in directs if each.build is not None)


def carried_by(directs: Sequence[Direct]) -> tuple[Carried, ...]:
    """The wheels that the lock will carry."""
    return tuple(each.carried for each in directs if each.carried is not None)


class _Finder:
    def __init__(self, supply: Supply, folder: str) -> None:
        self._supply = supply
        self._folder = folder

    def direct(self, sourced: SourcedRequirement, present: Lock | None) -> Direct:
        url = sourced.requirement.url or ""
        if url.startswith("git+"):
            return self._of_git(sourced, url, present)
        scheme = urlsplit(url).scheme
        if scheme in _REMOTE:
            return self._of_remote(sourced, url, present)
        path = local_path(url, self._folder)
        if path is not None:
            return self._of_path(sourced, path)
        raise _unusable(sourced, f"{for_people(url)} is nothing that envc can install")

    def _of_remote(self, sourced: SourcedRequirement, url: str, present: Lock | None) -> Direct:
        bare, fragment = urldefrag(url)
        expected = dict(parse_qsl(fragment)).get("sha256")
        filename = filename_of(bare)
        release = _release_of(sourced, filename)
        digest = digest_from_hex(expected) if expected else _locked_digest(present, bare)
        if digest is not None and not is_digest(digest):
            raise _unusable(sourced, "its #sha256= is no sha256")
        path, digest = self._supply.source.reader.fetch(bare, filename, digest)
        return self._of_file(sourced, path, release, url=without_credentials(bare), digest=digest)

    def _of_path(self, sourced: SourcedRequirement, path: str) -> Direct:
        if os.path.isdir(path):
            source = os.path.relpath(path, self._folder)
            return self._built(sourced, path, digest=digest_of_folder(path), source=source)
        if not os.path.isfile(path):
            raise _unusable(sourced, f"there is no {path}")
        release = _release_of(sourced, os.path.basename(path))
        url, digest = f"file://{quote(path)}", digest_of_file(path)
        return self._of_file(sourced, path, release, url=url, digest=digest)

    def _of_file(
        self,
        sourced: SourcedRequirement,
        path: str,
        release: ProjectVersion,
        *,
        url: str,
        digest: Digest,
    ) -> Direct:
        """A file that is at `path` now; its metadata can be had, and is that of the project."""
        file = file_at(url, *release, digest=digest, size_bytes=os.path.getsize(path))
        self._supply.source.metadata(file)
        return Direct(file, sourced.origin, None, sourced.requirement)

    def _of_git(self, sourced: SourcedRequirement, url: str, present: Lock | None) -> Direct:
        from envc.build import Repository

        bare, fragment = urldefrag(url.removeprefix("git+"))
        bare, reference = _split_reference(bare)
        subdirectory = dict(parse_qsl(fragment)).get("subdirectory", "")
        requested = without_credentials(url.removeprefix("git+"))
        shown = without_credentials(bare)
        repository = Repository(
            bare,
            kept=f"{self._supply.context.cache}/git-v1",
            shown=shown,
            offline=self._supply.context.offline,
        )
        commit = repository.commit(_locked_commit(present, requested) or reference)
        digest = digest_of_json(["git", shown, commit, subdirectory])
        suffix = f"#subdirectory={subdirectory}" if subdirectory else ""
        import tempfile  # few runs need a repository

        with tempfile.TemporaryDirectory(prefix="envc-git-") as folder:
            place = f"{folder}/checkout"
            repository.check_out(commit, place)
            project = os.path.normpath(os.path.join(place, subdirectory))
            if not project.startswith(place) or not os.path.isdir(project):
                raise _unusable(sourced, f"{shown} has no folder {subdirectory!r}")
            source = f"git+{shown}@{commit}{suffix}"
            return self._built(sourced, project, digest=digest, source=source, requested=requested)

    def _built(
        self,
        sourced: SourcedRequirement,
        path: str,
        *,
        digest: Digest,
        source: str,
        requested: str = "",
    ) -> Direct:
        """A folder as the wheel that is built from it."""
        from envc.build import Source

        name = sourced.requirement.name
        building = self._supply.building
        if not building.may_build(canonicalize_name(name)):
            raise SpecError(
                f"{name} would have to be built, and the site does not allow it",
                where=str(sourced.origin),
                mend='name a wheel, or have the site say no-build = false (or ["…"]) in [resolver]',
            )
        built = building.wheel(Source(label=name, path=path, digest=digest))
        release = _release_of(sourced, os.path.basename(built.path))
        wheel, carried = adopt(built, *release, supply=self._supply, folder=self._folder)
        build = building.record(built, source=source, source_digest=digest, requested=requested)
        return Direct(wheel, sourced.origin, carried, sourced.requirement, build)


def _release_of(sourced: SourcedRequirement, filename: str) -> ProjectVersion:
    """Project and version that a file's name tells, of the project that is asked for."""
    try:
        if filename.endswith(".whl"):
            project, version, *_ = parse_wheel_filename(filename)
        else:
            project, version = parse_sdist_filename(filename)
    except (InvalidWheelFilename, InvalidSdistFilename) as error:
        raise _unusable(
            sourced, f"{filename!r} is the name of neither a wheel nor a source distribution"
        ) from error
    if project != canonicalize_name(sourced.requirement.name):
        raise _unusable(sourced, f"{filename} is of project {project}")
    return project, version


def _unusable(sourced: SourcedRequirement, reason: str) -> SpecError:
    name = sourced.requirement.name
    return SpecError(
        f"{name} cannot be had as it is asked for: {reason}",
        where=str(sourced.origin),
        mend="name a wheel, a source distribution, a folder, or a repository as git+https://…",
    )


def _split_reference(url: str) -> tuple[str, str]:
    """The URL of a repository and the reference after its last `@`, which is in its path."""
    match = re.fullmatch(r"([^:]+://[^/]*)(/.*?)(?:@([^@]*))?", url)
    if match is None:
        raise OutsideError(
            "this is no URL of a repository",
            where=for_people(url),
            mend="give it as git+https://host/path@reference",
        )
    return match[1] + match[2], match[3] or ""


def _locked_digest(present: Lock | None, url: str) -> Digest | None:
    """The digest that the present lock has of the file at a URL."""
    wheels = [wheel for pin in present.pins for wheel in pin.wheels] if present else []
    found = {wheel.url: wheel.digest for wheel in wheels}
    found |= {build.source: build.source_digest for build in (present.builds if present else ())}
    return found.get(without_credentials(url))


def _locked_commit(present: Lock | None, requested: str) -> str:
    """The commit that the present lock has for a requirement of a repository; "": none."""
    for build in present.builds if present else ():
        if build.requested == requested:
            return build.source.partition("#")[0].rpartition("@")[2]
    return ""
