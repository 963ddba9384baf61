"""Requirements that name a file, a folder or a repository: `six @ https://…/six-1.17.0.whl`.

Each becomes the one release of its project that there is. A wheel is locked by its URL or path and
its digest; what has to be built is, and the lock carries the wheel. What the present lock has of
the same requirement stays until `--upgrade` lets it move: a branch stays at its commit.

Source: PEP 508, PEP 610 (the forms of URLs).
"""

import os
import re
import tempfile
from collections.abc import Iterable, Sequence
from copy import copy
from dataclasses import dataclass, replace
from urllib.parse import parse_qsl, quote, unquote, urldefrag, urlsplit

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

from envc.errors import BuildError, OutsideError, SpecError
from envc.index import digest_of_file, for_people, without_credentials
from envc.model.digest import Digest, digest_from_hex, digest_of_json, is_digest
from envc.model.lock import Lock, LockedBuild
from envc.model.release import Distribution
from envc.model.spec import SourcedRequirement
from envc.pipeline.supply.building import Carried, Supply, place_of

_REMOTE = ("https", "http")
_NOT_CONTENT = {".git", "__pycache__", ".venv"}


@dataclass(frozen=True, slots=True)
class Direct:
    """A requirement of a spec, the file that alone meets it, and how that was built (if it was)."""

    sourced: SourcedRequirement
    file: Distribution
    build: LockedBuild | None = None
    carried: Carried | None = None

    @property
    def project(self) -> NormalizedName:
        """The project's name."""
        return self.file.project

    @property
    def requirement(self) -> SourcedRequirement:
        """The same requirement by version: extras and marker stay."""
        pinned = copy(self.sourced.requirement)
        pinned.url = None
        pinned.specifier = SpecifierSet(f"=={self.file.version}")
        return SourcedRequirement(pinned, self.sourced.origin)


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


def is_as_locked(requirements: Iterable[SourcedRequirement], lock: Lock, *, folder: str) -> bool:
    """Whether the files and folders that requirements name are what the lock was made from.

    `folder` is where spec and lock stand. Of what is not there any more, the lock has what was made
    of it: nothing has changed that anybody could lock anew.
    """
    known = {
        os.path.normpath(os.path.join(folder, wheel.path)): wheel.digest
        for pin in lock.pins
        for wheel in pin.wheels
        if wheel.path is not None
    }
    for build in lock.builds:
        path = _local_path(build.source if "://" in build.source else f"./{build.source}", folder)
        if path is not None:
            known[path] = build.source_digest
    paths = {_local_path(sourced.requirement.url or "", folder) for sourced in requirements}
    return all(_digest_of(path) in {None, known[path]} for path in paths if path in known)


def names_files(requirements: Iterable[SourcedRequirement]) -> bool:
    """Whether any of these names a file or a folder of this machine."""
    return any(_local_path(sourced.requirement.url or "", "/") for sourced in requirements)


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
        path = _local_path(url, self._folder)
        if path is not None:
            return self._of_path(sourced, path)
        raise _unusable(sourced, f"{for_people(url)} is nothing that envc can install")

    def _of_remote(self, sourced: SourcedRequirement, url: str, present: Lock | None) -> Direct:
        bare, fragment = urldefrag(url)
        expected = dict(parse_qsl(fragment)).get("sha256")
        filename = os.path.basename(unquote(urlsplit(bare).path))
        project, version, kind = _named(sourced, filename)
        digest = digest_from_hex(expected) if expected else _locked_digest(present, bare)
        if digest is not None and not is_digest(digest):
            raise _unusable(sourced, "its #sha256= is no sha256")
        path, digest = self._supply.source.fetch(bare, filename, digest)
        file = Distribution(
            project=project,
            version=version,
            filename=filename,
            url=without_credentials(bare),
            index="",
            kind="wheel" if kind == "wheel" else "sdist",
            digest=digest,
            size_bytes=os.path.getsize(path),
        )
        return self._checked(Direct(sourced, file))

    def _of_path(self, sourced: SourcedRequirement, path: str) -> Direct:
        if os.path.isdir(path):
            source = os.path.relpath(path, self._folder)
            return self._built(sourced, path, _digest_of_folder(path), source)
        if not os.path.isfile(path):
            raise _unusable(sourced, f"there is no {path}")
        filename = os.path.basename(path)
        project, version, kind = _named(sourced, filename)
        file = Distribution(
            project=project,
            version=version,
            filename=filename,
            url=f"file://{quote(path)}",
            index="",
            kind="wheel" if kind == "wheel" else "sdist",
            digest=digest_of_file(path),
            size_bytes=os.path.getsize(path),
        )
        return self._checked(Direct(sourced, file))

    def _of_git(self, sourced: SourcedRequirement, url: str, present: Lock | None) -> Direct:
        from envc.build import Repository

        bare, fragment = urldefrag(url.removeprefix("git+"))
        bare, reference = _split_reference(bare)
        subdirectory = dict(parse_qsl(fragment)).get("subdirectory", "")
        requested = without_credentials(url.removeprefix("git+"))
        shown = without_credentials(bare)
        repository = Repository(
            bare,
            kept=f"{self._supply.source.cache}/git-v1",
            shown=shown,
            offline=self._supply.source.is_offline,
        )
        commit = repository.commit(_locked_commit(present, requested) or reference)
        digest = digest_of_json(["git", shown, commit, subdirectory])
        suffix = f"#subdirectory={subdirectory}" if subdirectory else ""
        with tempfile.TemporaryDirectory(prefix="envc-git-") as folder:
            place = f"{folder}/checkout"
            repository.check_out(commit, place)
            project = os.path.normpath(os.path.join(place, subdirectory))
            if not project.startswith(place) or not os.path.isdir(project):
                raise _unusable(sourced, f"{shown} has no folder {subdirectory!r}")
            direct = self._built(sourced, project, digest, f"git+{shown}@{commit}{suffix}")
        if direct.build is None:
            return direct
        return replace(direct, build=replace(direct.build, requested=requested))

    def _built(self, sourced: SourcedRequirement, path: str, digest: Digest, source: str) -> Direct:
        """A folder as the wheel that is built from it."""
        from envc.build import Source

        name = sourced.requirement.name
        building = self._supply.building
        if building is None:
            raise BuildError(
                f"{name} has to be built, which is for `envc lock` to do",
                where=str(sourced.origin),
                mend="lock it first",
            )
        if not building.may_build(canonicalize_name(name)):
            raise SpecError(
                f"{name} would have to be built, and the site does not allow it",
                where=str(sourced.origin),
                mend='name a wheel, or have the site say no-build = false (or ["…"]) in [resolver]',
            )
        built = building.from_source(Source(label=name, path=path, digest=digest))
        filename = os.path.basename(built.path)
        project, version, _ = _named(sourced, filename)
        place = place_of(self._folder, filename, built.digest)
        wheel = Distribution(
            project=project,
            version=version,
            filename=filename,
            url=f"file://{quote(place)}",
            index="",
            kind="wheel",
            digest=built.digest,
            size_bytes=built.size_bytes,
        )
        self._supply.source.adopt(wheel, built.path)
        build = LockedBuild(
            wheel=filename,
            wheel_digest=built.digest,
            source=source,
            source_digest=digest,
            requires=built.requires,
            python_full=building.python_full,
        )
        return Direct(sourced, wheel, build, Carried(built.path, place))

    def _checked(self, direct: Direct) -> Direct:
        """The same: its metadata can be had, and is that of the project."""
        self._supply.source.metadata(direct.file)
        return direct


def _named(sourced: SourcedRequirement, filename: str) -> tuple[NormalizedName, Version, str]:
    """Project, version and kind that a file's name tells, of the project that is asked for."""
    kind = "wheel" if filename.endswith(".whl") else "sdist"
    try:
        if kind == "wheel":
            project, version, *_ = parse_wheel_filename(filename)
        else:
            project, version = parse_sdist_filename(filename)
    except (InvalidWheelFilename, InvalidSdistFilename) as error:
        raise _unusable(
            sourced, f"{filename!r} is the name of neither a wheel nor a source distribution"
        ) from error
    if project != canonicalize_name(sourced.requirement.name):
        raise _unusable(sourced, f"{filename} is of project {project}")
    return project, version, kind


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


def _local_path(url: str, folder: str) -> str | None:
    """The path that a requirement or a lock's source means, if it is one of this machine."""
    if not url.startswith((".", "/")) and urlsplit(url).scheme != "file":
        return None
    bare = urldefrag(url)[0]
    written = unquote(urlsplit(bare).path) if bare.startswith("file:") else bare
    return os.path.normpath(os.path.join(folder, written))


def _digest_of(path: str) -> Digest | None:
    """The digest of a file or a folder; None where there is neither."""
    if os.path.isdir(path):
        return _digest_of_folder(path)
    return digest_of_file(path) if os.path.isfile(path) else None


def _digest_of_folder(folder: str) -> Digest:
    """The digest of every file below a folder, by path; what no build reads is left out."""
    found: dict[str, str] = {}
    for path, folders, names in os.walk(folder):
        folders[:] = sorted(set(folders) - _NOT_CONTENT)
        for name in names:
            place = os.path.join(path, name)
            if os.path.isfile(place):
                found[os.path.relpath(place, folder)] = digest_of_file(place)
    return digest_of_json(["folder", found])


def builds_of(directs: Sequence[Direct]) -> tuple[LockedBuild, ...]:
    """How those that had to be built were."""
    return tuple(each.build for each in directs if each.build is not None)


def carried_by(directs: Sequence[Direct]) -> tuple[Carried, ...]:
    """The wheels that the lock will carry."""
    return tuple(each.carried for each in directs if each.carried is not None)
