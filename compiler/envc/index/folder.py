"""A folder of wheels and source distributions as an index: what stands there, with digests."""

import json
import os
from collections.abc import Mapping, Sequence
from functools import cached_property, partial
from urllib.parse import quote

from packaging.utils import NormalizedName
from packaging.version import Version

from envc.disk.cache import Cache, key_of
from envc.disk.memo import DigestMemo
from envc.errors import OutsideError
from envc.index.filenames import project_of, version_of
from envc.index.listing import Offer
from envc.model.digest import Digest
from envc.model.release import Deferred, Distribution, Files, Release


class FolderIndex:
    """The files of a folder, not of the folders below it. It is read once, at first use.

    A distribution's `url` is a file URL, its `index` the folder's absolute path.
    """

    def __init__(self, name: str, path: str, *, cache: Cache) -> None:
        self.name = name
        self.path = os.path.abspath(path)
        self._digests = DigestMemo(cache)

    def offer(self, project: NormalizedName) -> Offer:
        """What the folder has of the project. Files are hashed when a release is looked at.

        Raises:
            OutsideError: the folder cannot be read; for a release's distributions: a file.
        """
        filenames = self._filenames.get(project, [])
        by_version: dict[Version, list[str]] = {}
        for filename in filenames:
            version = version_of(filename, project)
            if version is not None:
                by_version.setdefault(version, []).append(filename)
        releases = tuple(
            Release(project, version, partial(self._files, project, version, by_version[version]))
            for version in sorted(by_version, reverse=True)
        )
        return Offer(bool(releases), releases, partial(self._fingerprint, filenames))

    # A folder is as quick to ask as the cache is.
    remembered = offer

    def _fingerprint(self, filenames: Sequence[str]) -> str:
        found = [(name, self._status(name)) for name in filenames]
        return key_of(json.dumps([(n, each.st_size, each.st_mtime_ns) for n, each in found]))

    def _status(self, filename: str) -> os.stat_result:
        path = os.path.join(self.path, filename)
        try:
            return os.stat(path)
        except OSError as error:
            raise self._unreadable(path, error) from error

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

    def _files(self, project: NormalizedName, version: Version, names: Sequence[str]) -> Files:
        def distribution(place: int) -> Distribution:
            path = os.path.join(self.path, names[place])
            status = self._status(names[place])
            return Distribution(
                project=project,
                version=version,
                filename=names[place],
                url=f"file://{quote(os.fsencode(path))}",
                index=self.path,
                kind="wheel" if path.endswith(".whl") else "sdist",
                digest=self._digest(path, status),
                size_bytes=status.st_size,
            )

        return Files(names, Deferred(len(names), distribution))

    def _digest(self, path: str, status: os.stat_result) -> Digest:
        try:
            return self._digests.of(path, status)
        except OSError as error:
            raise self._unreadable(path, error) from error

    def _unreadable(self, path: str, error: OSError) -> OutsideError:
        return OutsideError(
            f"index {self.name!r} cannot be read: {error.strerror or error}",
            where=path,
            mend="check that the folder is there and can be read",
        )
