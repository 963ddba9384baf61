"""A folder of wheels and source distributions as an index: what stands there, with digests."""

import json
import os
from collections.abc import Mapping
from functools import cached_property, partial
from urllib.parse import quote

from packaging.utils import NormalizedName
from packaging.version import Version

from envc.disk.cache import Cache, Files, key_of
from envc.disk.digests import digest_of_file
from envc.disk.memo import Memo
from envc.errors import OutsideError
from envc.index.filenames import project_of, version_of
from envc.index.listing import Offer
from envc.model.digest import Digest
from envc.model.release import Distribution, Release


class FolderIndex:
    """The files of a folder, not of the folders below it. It is read once, at first use.

    A distribution's `url` is a file URL, its `index` the folder's absolute path.
    """

    def __init__(self, name: str, path: str, *, cache: Cache) -> None:
        self.name = name
        self.path = os.path.abspath(path)
        self._digests = Memo(Files(cache, "digests-v1"), str, rooms=("disk", "formats", "model"))

    def offer(self, project: NormalizedName) -> Offer:
        """What the folder has of the project. Files are hashed when a release is looked at.

        Raises:
            OutsideError: the folder cannot be read; for a release's distributions: a file.
        """
        by_version: dict[Version, list[str]] = {}
        for filename in self._filenames.get(project, ()):
            version = version_of(filename, project)
            if version is not None:
                by_version.setdefault(version, []).append(filename)
        releases = tuple(
            Release.deferred(
                project,
                version,
                read=partial(self._distributions, project, version, by_version[version]),
            )
            for version in sorted(by_version, reverse=True)
        )
        return Offer(bool(releases), releases)

    def fingerprint(self, project: NormalizedName) -> tuple[bool, str]:
        """Whether the folder has the project, and a text that changes when its wheels do.

        Raises:
            OutsideError: the folder cannot be read.
        """
        found: list[tuple[str, int, int]] = []
        for filename in self._filenames.get(project, ()):
            path = os.path.join(self.path, filename)
            try:
                status = os.stat(path)
            except OSError as error:
                raise self._unreadable(path, error) from error
            found.append((filename, status.st_size, status.st_mtime_ns))
        return bool(found), key_of(json.dumps(found))

    remembered_fingerprint = fingerprint

    # A folder is as quick to ask as the cache is.
    remembered = offer

    @cached_property
    def _filenames(self) -> Mapping[NormalizedName, list[str]]:
        """Project → file names, in order."""
        try:
            names = sorted(os.listdir(self.path))
        except OSError as error:
            raise self._unreadable(self.path, error) from error
        by_project: dict[NormalizedName, list[str]] = {}
        for filename in names:
            project = project_of(filename)
            if project is not None:
                by_project.setdefault(project, []).append(filename)
        return by_project

    def _distributions(
        self, project: NormalizedName, version: Version, filenames: list[str]
    ) -> tuple[Distribution, ...]:
        return tuple(self._distribution(project, version, filename) for filename in filenames)

    def _distribution(
        self, project: NormalizedName, version: Version, filename: str
    ) -> Distribution:
        path = os.path.join(self.path, filename)
        try:
            status = os.stat(path)
            digest = self._digest(path, status)
        except OSError as error:
            raise self._unreadable(path, error) from error
        return Distribution(
            project=project,
            version=version,
            filename=filename,
            url=f"file://{quote(os.fsencode(path))}",
            index=self.path,
            kind="wheel" if filename.endswith(".whl") else "sdist",
            digest=digest,
            size_bytes=status.st_size,
        )

    def _digest(self, path: str, status: os.stat_result) -> Digest:
        """The file's digest; the cache knows it as long as the file was not touched."""
        key = self._digests.key(path, status.st_ino, status.st_size, status.st_mtime_ns)
        known = self._digests.read(key)
        if known is not None:
            return Digest(known)
        digest = digest_of_file(path)
        self._digests.write(key, digest)
        return digest

    def _unreadable(self, path: str, error: OSError) -> OutsideError:
        return OutsideError(
            f"index {self.name!r} cannot be read: {error.strerror or error}",
            where=path,
            mend="check that the folder is there and can be read",
        )
