"""Requirements that name a file, a folder or a repository: `six @ https://…/six-1.17.0.whl`.

Each becomes the one release of its project that there is. A wheel is locked by its URL or path and
its digest; what has to be built is, and the lock carries the wheel. What the present lock has of
the same requirement stays until `--upgrade` lets it move: a branch stays at its commit.

Source: PEP 508, PEP 610 (the forms of URLs).
"""

import os
import re
from collections.abc import Iterable
from copy import copy
from urllib.parse import parse_qsl, quote, urldefrag, urlsplit

from packaging.specifiers import SpecifierSet
from packaging.utils import NormalizedName, canonicalize_name
from packaging.version import Version

from envc.disk.digests import digest_of_file
from envc.errors import OutsideError, SpecError
from envc.index import for_people, without_credentials
from envc.model.digest import Digest, digest_from_hex, digest_of_json, is_digest
from envc.model.lock import Lock
from envc.model.release import Distribution
from envc.model.spec import SourcedRequirement
from envc.supply.building import BuiltWheel, Supply
from envc.supply.local_files import MOST_BYTES, digest_of_folder, local_path
from envc.supply.reference import Reference, file_at, filename_of, release_of


def url_references(
    requirements: Iterable[SourcedRequirement],
    supply: Supply,
    *,
    present: Lock | None,
    folder: str,
    moving: frozenset[NormalizedName] | None,
) -> tuple[Reference, ...]:
    """What the requirements name by a URL, in their order; fetched and built if need be.

    `folder` is where spec and lock stand, `present` the lock that is there; `moving` are the
    projects that may move from it, None: all.

    Raises:
        SpecError: a requirement names nothing that can be installed, or another project.
        BuildError, OutsideError, UntrustedError: it cannot be had, or built.
    """
    finder = _Finder(supply, folder)
    found: list[Reference] = []
    for sourced in requirements:
        if sourced.requirement.url is not None:
            project = canonicalize_name(sourced.requirement.name)
            stays = moving is not None and project not in moving
            found.append(finder.find(sourced, sourced.requirement.url, present if stays else None))
    return tuple(found)


class _Finder:
    def __init__(self, supply: Supply, folder: str) -> None:
        self._supply = supply
        self._folder = folder

    def find(self, sourced: SourcedRequirement, url: str, present: Lock | None) -> Reference:
        if url.startswith("git+"):
            return self._of_git(sourced, url.removeprefix("git+"), present)
        if urlsplit(url).scheme in ("https", "http"):
            return self._of_remote(sourced, url, present)
        path = local_path(url, self._folder)
        if path is None:
            raise _unusable(sourced, f"{for_people(url)} is nothing that envc can install")
        if os.path.isdir(path):
            source = os.path.relpath(path, self._folder)
            return self._built(sourced, path, digest=digest_of_folder(path), source=source)
        if not os.path.isfile(path):
            raise _unusable(sourced, f"there is no {path}")
        release = _release(sourced, os.path.basename(path))
        size = os.path.getsize(path)
        try:
            digest = digest_of_file(path, MOST_BYTES)
        except OSError as error:
            raise _unusable(sourced, f"{path} cannot be read: {error.strerror}") from error
        file = file_at(f"file://{quote(path)}", release, digest=digest, size_bytes=size)
        return self._of_file(sourced, file)

    def _of_remote(self, sourced: SourcedRequirement, url: str, present: Lock | None) -> Reference:
        bare, fragment = urldefrag(url)
        expected = dict(parse_qsl(fragment)).get("sha256")
        filename = filename_of(bare)
        release = _release(sourced, filename)
        digest = digest_from_hex(expected) if expected else _locked_digest(present, bare)
        if digest is not None and not is_digest(digest):
            raise _unusable(sourced, "its #sha256= is no sha256")
        path, digest = self._supply.source.reader.fetch(bare, filename, digest)
        size = os.path.getsize(path)
        file = file_at(without_credentials(bare), release, digest=digest, size_bytes=size)
        return self._of_file(sourced, file)

    def _of_file(self, sourced: SourcedRequirement, file: Distribution) -> Reference:
        """A file whose metadata can be had, and is that of the project."""
        self._supply.source.metadata(file)
        return _reference(sourced, file)

    def _of_git(self, sourced: SourcedRequirement, url: str, present: Lock | None) -> Reference:
        from envc.build import Repository

        bare, fragment = urldefrag(url)
        bare, reference = _split_reference(bare)
        subdirectory = dict(parse_qsl(fragment)).get("subdirectory", "")
        requested = without_credentials(url)
        shown = without_credentials(bare)
        context = self._supply.context
        repository = Repository(
            bare, kept=f"{context.cache}/git-v1", shown=shown, offline=context.offline
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
    ) -> Reference:
        """A folder as the wheel that is built from it."""
        from envc.build import Source

        name = sourced.requirement.name
        if not self._supply.site.spec.resolver.may_build(canonicalize_name(name)):
            raise SpecError(
                f"{name} would have to be built, and the site does not allow it",
                where=str(sourced.origin),
                mend='name a wheel, or have the site say no-build = false (or ["…"]) in [resolver]',
            )
        folder = Source(label=name, path=path, digest=digest)
        built = self._supply.built(folder, source, folder=self._folder, requested=requested)
        _release(sourced, built.file.filename)
        return _reference(sourced, built.file, built)


def _reference(
    sourced: SourcedRequirement, file: Distribution, built: BuiltWheel | None = None
) -> Reference:
    """The reference of a requirement to a file; by version, extras and marker stay."""
    pinned = copy(sourced.requirement)
    pinned.url = None
    pinned.specifier = SpecifierSet(f"=={file.version}")
    return Reference(
        file=file,
        asked=SourcedRequirement(pinned, sourced.origin),
        place=sourced.requirement.url or "",
        named=f"what {sourced.requirement} names",
        copy=built.copy if built else None,
        build=built.build if built else None,
    )


def _release(sourced: SourcedRequirement, filename: str) -> tuple[NormalizedName, Version]:
    """Project and version that a file's name tells, of the project that is asked for."""
    release = release_of(filename)
    if release is None:
        raise _unusable(
            sourced, f"{filename!r} is the name of neither a wheel nor a source distribution"
        )
    if release[0] != canonicalize_name(sourced.requirement.name):
        raise _unusable(sourced, f"{filename} is of project {release[0]}")
    return release


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
