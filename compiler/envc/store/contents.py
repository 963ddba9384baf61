"""What a wheel holds, for a check: read from any file that can be sought, nothing unpacked.

Read are the central directory, METADATA, WHEEL, RECORD, the entry points, the `__init__` of each
outermost package, which may join an old namespace, and then of those in it; and where asked, the
headers of its shared libraries. What a stored tree holds is read from its facts and its manifest.
"""

import os
import re
import zlib
from bisect import bisect_left
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import BinaryIO
from zipfile import BadZipFile, LargeZipFile, ZipFile, ZipInfo

from envc.disk.durable import disk_error
from envc.errors import UntrustedError
from envc.formats.elf import needed_libraries, searched_folders, uses_numpy_1
from envc.model.lock import LockedWheel
from envc.model.names import site_packages_of
from envc.model.wheel import Library, ModuleTree, WheelContents
from envc.store import limits
from envc.store.description import describe
from envc.store.dist_info import identify
from envc.store.identity import store_id
from envc.store.layout import Layout, Placement
from envc.store.modules import module_tree
from envc.store.refusal import Problem, RefusedError, untrusted
from envc.store.store import Store

# `__path__ = __import__("pkgutil").extend_path(__path__, __name__)` and its like, in no comment.
JOINING = re.compile(rb"^[^#\n]*\b(?:extend_path|declare_namespace)\s*(?:\(|as\b)", re.MULTILINE)
_LIBRARY = re.compile(r"[^/]*\.so(?:\.[^/]*)?")


def read_contents(file: BinaryIO, wheel: LockedWheel, python: str) -> WheelContents:
    """The contents of a wheel on an X.Y.

    Raises:
        UntrustedError: it is no wheel, or one that the store would refuse.
        Whatever `file` raises.
    """
    with _opened(file, wheel) as (archive, members):

        def text(member: str) -> bytes:
            is_commands = member.endswith("/entry_points.txt")
            most = limits.LOOK_COMMANDS_BYTES if is_commands else limits.LOOK_TEXT_BYTES
            return _read(archive, members[member], most)

        found = describe(wheel.filename, members, text, python)
        facts = found.facts(wheel, file.seek(0, os.SEEK_END))
        placed = {place.path: member for member, place in found.placements.items()}
        files = {
            path: found.rows[member].hexadecimal if member in found.rows else ""
            for path, member in placed.items()
        }
        looked_at_bytes = 0

        def joins(path: str) -> bool:
            nonlocal looked_at_bytes
            member = members[placed[path]]
            looked_at_bytes += member.file_size
            if looked_at_bytes > limits.LOOK_PACKAGES_BYTES:
                what = "its packages' own files are too large to look into"
                raise RefusedError(Problem("", what))
            return JOINING.search(_read(archive, member, limits.TEXT_BYTES)) is not None

        joined = _joined(facts.modules, files, python, joins)
        return WheelContents(facts=facts, files=files, joined=joined)


def read_libraries(file: BinaryIO, wheel: LockedWheel, python: str) -> tuple[Library, ...]:
    """The shared libraries of a wheel on an X.Y, in order of path.

    Left out are those in a folder `*.libs`: bundled by auditwheel, which look beside themselves.

    Raises:
        UntrustedError: it is no wheel, or one that the store would refuse.
        Whatever `file` raises.
    """
    with _opened(file, wheel) as (archive, members):
        layout = Layout(identify(wheel.filename, members), python)
        places = {member: layout.place(member) for member in members}
        found = [
            _library(place.path, _read(archive, members[member], limits.FILE_BYTES))
            for member, place in places.items()
            if isinstance(place, Placement) and is_library(place.path)
        ]
        return tuple(sorted(found, key=lambda library: library.path))


def stored_contents(store: Store, wheel: LockedWheel, python: str) -> WheelContents:
    """The contents of a wheel that the store has for an X.Y.

    Raises:
        OutsideError: the store does not hold it, or it cannot be read.
        SpecError: it is damaged.
    """
    stored = store_id(wheel.digest, python)
    facts = store.facts(stored)
    prefix = site_packages_of(python)
    made = {f"bin/{script.name}" for script in facts.console_scripts}
    made |= {f"{prefix}/{facts.dist_info}/{name}" for name in ("RECORD", "INSTALLER")}
    files = {
        entry.path: entry.content
        for entry in store.manifest(stored).entries()
        if entry.kind == "f" and entry.path not in made and "/__pycache__/" not in entry.path
    }
    tree = store.tree(stored)

    def joins(path: str) -> bool:
        return JOINING.search(_stored_file(f"{tree}/{path}", limits.TEXT_BYTES)) is not None

    joined = _joined(facts.modules, files, python, joins)
    return WheelContents(facts=facts, files=files, joined=joined)


def stored_libraries(store: Store, wheel: LockedWheel, python: str) -> tuple[Library, ...]:
    """The shared libraries of a wheel that the store has, as `read_libraries` tells them.

    Raises:
        OutsideError: the store does not hold it, or it cannot be read.
    """
    stored = store_id(wheel.digest, python)
    tree = store.tree(stored)
    paths = [entry.path for entry in store.manifest(stored).entries() if entry.kind == "f"]
    return tuple(
        _library(path, _stored_file(f"{tree}/{path}", -1))
        for path in sorted(paths)
        if is_library(path)
    )


def is_library(path: str) -> bool:
    """Whether a file may be a shared library that looks for others outside of its project."""
    folder, _, name = path.rpartition("/")
    return _LIBRARY.fullmatch(name) is not None and not folder.endswith(".libs")


# zipfile's answers to archives that are hostile or torn.
_BROKEN = (
    *(BadZipFile, LargeZipFile, zlib.error, EOFError),
    *(ValueError, LookupError, RuntimeError, NotImplementedError),
)


@contextmanager
def _opened(file: BinaryIO, wheel: LockedWheel) -> Iterator[tuple[ZipFile, Mapping[str, ZipInfo]]]:
    """A wheel as an archive, and its files by name; what is wrong with it names the wheel."""
    from envc.store.central_directory import length_of_directory  # what is kept needs no look

    try:
        _refuse_endless(*length_of_directory(_Sought(file)))
        with ZipFile(file) as archive:
            _refuse_endless(len(archive.infolist()), 0)  # which is not what it says
            yield archive, {m.filename: m for m in archive.infolist() if not m.is_dir()}
    except RefusedError as error:
        raise untrusted(wheel.filename, error.problems) from None
    except _BROKEN as error:
        raise UntrustedError(
            f"it is not a wheel that can be read: {error}",
            where=wheel.filename,
            mend="do not use this file: exclude its version, and tell who runs the index",
        ) from error


class _Sought:
    """A file as bytes of which only those asked for are read."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self._size_bytes = file.seek(0, os.SEEK_END)

    def __len__(self) -> int:
        return self._size_bytes

    def __getitem__(self, key: slice, /) -> bytes:
        start, end, _ = key.indices(self._size_bytes)
        self._file.seek(start)
        return self._file.read(end - start)


def _refuse_endless(entries: int, directory_bytes: int) -> None:
    if entries > limits.LOOK_ENTRIES or directory_bytes > limits.LOOK_DIRECTORY_BYTES:
        what = f"it has more than {limits.LOOK_ENTRIES} files, or endless names: no check looks in"
        raise RefusedError(Problem("", what))


def _read(archive: ZipFile, member: ZipInfo, limit_bytes: int) -> bytes:
    is_small = member.file_size <= limits.RATIO_EXEMPT_BYTES
    if not is_small and member.file_size > limits.RATIO * member.compress_size:
        what = f"it unpacks to more than {limits.RATIO} times its size"
        raise RefusedError(Problem(member.filename, what))
    with archive.open(member) as stream:
        content = stream.read(limit_bytes + 1)
    if len(content) > limit_bytes:
        raise RefusedError(Problem(member.filename, f"it is larger than {limit_bytes} bytes"))
    return content


def _joined(
    modules: ModuleTree, files: Mapping[str, str], python: str, joins: Callable[[str], bool]
) -> dict[str, ModuleTree]:
    """The packages that join others, dotted, and what can be imported from each.

    `joins` tells of the path of an `__init__.py`; asked of the outermost packages, and of those
    that are the outermost ones in a package that does.
    """
    prefix = site_packages_of(python)
    paths = sorted(files)
    found: dict[str, ModuleTree] = {}
    waiting = list(_outermost(modules))
    while waiting:
        package = waiting.pop()
        folder = f"{prefix}/{package.replace('.', '/')}/"
        start = f"{folder}__init__.py"
        if start in files and joins(start):
            below = paths[bisect_left(paths, folder) : bisect_left(paths, f"{folder}\U0010ffff")]
            inside = module_tree((path.removeprefix(folder) for path in below), python)
            inside.pop("__init__", None)
            found[package] = inside
            waiting += _outermost(inside, f"{package}.")
    return found


def _outermost(tree: ModuleTree, above: str = "") -> Iterator[str]:
    """The outermost packages of a tree, dotted."""
    for name, content in tree.items():
        if content == "package":
            yield above + name
        elif isinstance(content, dict):
            yield from _outermost(content, f"{above}{name}.")


def _library(path: str, content: bytes) -> Library:
    folders = dict.fromkeys(searched_folders(path, content))
    return Library(path, needed_libraries(content), tuple(folders), uses_numpy_1(content))


def _stored_file(path: str, size_bytes: int) -> bytes:
    try:
        with open(path, "rb") as file:
            return file.read(size_bytes)
    except OSError as error:
        raise disk_error(error, "read a file of the store", path) from error
