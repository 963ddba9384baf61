"""A folder of OSV files, or a ZIP archive of them → the advisories about some projects.

No network is asked: a site mirrors the database as it mirrors an index, and knows how old it is.
"""

import os
import re
import zipfile
import zlib
from collections.abc import Collection, Iterator

from packaging.utils import NormalizedName, canonicalize_name

from envc.disk.durable import disk_error
from envc.errors import SpecError, UsageError
from envc.formats.osv import read_advisory
from envc.model.advisory import Advisory
from envc.model.value import value

# The archive of all of Python's advisories has some twenty thousand of a few KiB each.
_MOST_FILES, _MOST_BYTES_OF_ALL, _MOST_BYTES = 1_000_000, 2 << 30, 4 << 20
_SUFFIX = ".json"
_NAME = re.compile(rb'"name"\s*:\s*"([^"\\]*)"')
_MEND = "name a folder of OSV's files, or its archive all.zip, with --db"


@value(kw_only=True)
class Advisories:
    """What a database says of some projects, how many files it has, and which cannot be read."""

    found: tuple[Advisory, ...]
    files: int
    newest_seconds: int
    unread: tuple[str, ...]


def read_advisories(path: str, projects: Collection[NormalizedName]) -> Advisories:
    """The advisories about these projects, in order of their files' names.

    Raises:
        UsageError: there is no such database, or there is no advisory in it.
        OutsideError: the disk refused.
    """
    found: list[Advisory] = []
    unread: list[str] = []
    number = size = newest = 0
    for name, seconds, text in _files(path):
        number, size, newest = number + 1, size + len(text or b""), max(newest, seconds)
        if number > _MOST_FILES or size > _MOST_BYTES_OF_ALL:
            raise UsageError("this database is too large", where=path, mend=_MEND)
        if text is None:
            unread.append(name)
            continue
        if not _may_be_about(text, projects):
            continue
        try:
            advisory = read_advisory(text, f"{path}/{name}")
        except SpecError:
            unread.append(name)
            continue
        if advisory is not None and any(each.project in projects for each in advisory.affected):
            found.append(advisory)
    if not number:
        raise UsageError("there is no advisory in this database", where=path, mend=_MEND)
    return Advisories(found=tuple(found), files=number, newest_seconds=newest, unread=tuple(unread))


def _may_be_about(text: bytes, projects: Collection[NormalizedName]) -> bool:
    """Whether a file may speak of one of these: most speak of others, and are not taken apart."""
    names = _NAME.findall(text)
    return not names or any(
        canonicalize_name(name.decode("utf-8", "replace")) in projects for name in names
    )


def _files(path: str) -> Iterator[tuple[str, int, bytes | None]]:
    """The names of the files, when each was written (0: nobody knows), and what they hold.

    None: it is too large, or damaged.
    """
    if os.path.isdir(path):
        yield from _files_of_folder(path)
        return
    try:
        with zipfile.ZipFile(path) as archive:
            for member in sorted(archive.infolist(), key=lambda each: each.filename):
                if member.filename.endswith(_SUFFIX):
                    yield member.filename, 0, _member(archive, member)
    except FileNotFoundError as error:
        raise UsageError("there is no such database", where=path, mend=_MEND) from error
    except zipfile.BadZipFile as error:
        raise UsageError("this is no database of advisories", where=path, mend=_MEND) from error
    except OSError as error:
        raise disk_error(error, "read the database", path) from error


def _files_of_folder(path: str) -> Iterator[tuple[str, int, bytes | None]]:
    for folder, folders, names in os.walk(path):
        folders.sort()
        for name in sorted(names):
            if name.endswith(_SUFFIX):
                file = f"{folder}/{name}"
                yield os.path.relpath(file, path), *_file(file)


def _file(path: str) -> tuple[int, bytes | None]:
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
        with open(descriptor, "rb") as file:
            status = os.fstat(descriptor)
            text = file.read(_MOST_BYTES + 1) if os.path.isfile(path) else None
    except OSError:
        return 0, None
    return int(status.st_mtime), text if text is not None and len(text) <= _MOST_BYTES else None


def _member(archive: zipfile.ZipFile, member: zipfile.ZipInfo) -> bytes | None:
    if member.file_size > _MOST_BYTES:
        return None
    try:
        with archive.open(member) as file:
            text = file.read(_MOST_BYTES + 1)
    except (zipfile.BadZipFile, zlib.error, NotImplementedError, RuntimeError, EOFError):
        return None
    return text if len(text) <= _MOST_BYTES else None
