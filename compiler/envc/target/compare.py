"""Is a tree what its manifest says, and are records, listings and specs what was published?"""

import errno
import hashlib
import os
import stat
import sys
from collections.abc import Callable, Iterator
from contextlib import suppress
from typing import TypeAlias

from envc.disk.digests import known_bytes
from envc.disk.processes import share_out
from envc.errors import EnvcError
from envc.model.digest import Digest, digest_of
from envc.model.generation import Generation
from envc.model.manifest import (
    DIRECTORY_MODE,
    PUBLISHED_MTIME_SECONDS,
    Difference,
    DifferenceKind,
    Manifest,
    manifest_from_text,
    parents_of,
)
from envc.model.names import GENERATION_NAMES, is_inventory_name, lock_file_name
from envc.store.store import Store
from envc.target.directory import GENERATION_MODE, Directory

# Where names stand that belong to no generation.
BESIDE = "target"
# Where the folders of an environment stand that envc did not build.
ENVIRONMENT = "environment"
# A folder that is gone, or none, or closed to us: that is told of the folder itself.
_CLOSED = (FileNotFoundError, NotADirectoryError, PermissionError)


# Name → the line of a manifest, its path left out; empty: it is not to be looked at.
_Listing: TypeAlias = "dict[bytes, bytes]"
_HashOf: TypeAlias = "Callable[[str], bytes]"

_LETTERS = {stat.S_IFREG: b"f", stat.S_IFDIR: b"d", stat.S_IFLNK: b"l"}
_FS_ENCODING = sys.getfilesystemencoding()
_TO_LIST = os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC


class _Beginnings(dict[int, bytes]):
    """Mode of an inode → how a line of such a one begins; asked for every file of a tree."""

    def __missing__(self, mode: int) -> bytes:
        letter = _LETTERS.get(stat.S_IFMT(mode), b"?")
        self[mode] = b"%s\t%04o\t" % (letter, stat.S_IMODE(mode))
        return self[mode]


_BEGINNINGS = _Beginnings()
_PROCESSES = 2
# With fewer, a process takes longer to start than they take.
_MANY_FOLDERS = 500


def verify_tree(
    manifest: Manifest,
    root: str,
    *,
    fast: bool = False,
    ignore: frozenset[str] = frozenset(),
    is_readable: bool = False,
) -> list[Difference]:
    """Every difference between a tree on disk and its manifest, in order of path.

    Reads every byte; `fast` trusts size and modification time instead, which an edit in place
    changes unless it takes care not to. `ignore` names entries at the top of `root` that are no
    part of the tree. Of a folder that is gone, or is none, nothing below it is told. Bytecode that
    programs wrote at run time (`__pycache__`, `.nbi`, `.nbc`) is not reported. What is closed to
    us, or refused by the disk, counts as changed, unless all of it is to be readable.

    Raises:
        OSError: something cannot be looked at for want of files, memory or a working disk.
    """
    if not is_directory(root):
        return [Difference(".", "missing")]
    folders = list(_listings(manifest, ignore).items())
    hash_of = None if fast else _hash_of if is_readable else _known_hash

    def compare(works: Iterator[tuple[bytes, _Listing]]) -> list[Difference]:
        return [each for work in works for each in _differences(root, *work, hash_of)]

    most = _PROCESSES if len(folders) > _MANY_FOLDERS else 1
    answers = share_out(folders, here=compare, in_forks=compare, most=most)
    found = [Difference(*difference) for answer in answers for difference in answer]
    # What stands behind a planted symlink is not the tree's.
    listed = dict(folders)
    gone = {path for path, kind in found if kind != "mode" and os.fsencode(path) in listed}
    return sorted(
        (each for each in found if not gone or gone.isdisjoint(parents_of([each.path]))),
        key=lambda difference: difference.path.encode(errors="surrogateescape"),
    )


def _listings(manifest: Manifest, ignore: frozenset[str]) -> dict[bytes, _Listing]:
    """Folder → name → the line of what stands there, its path left out; the root is empty."""
    listings: dict[bytes, _Listing] = {b"": {os.fsencode(name): b"" for name in ignore}}
    for line in manifest.lines:
        rest, _, path = line.rpartition(b"\t")
        folder, _, name = path.rpartition(b"/")
        listings[folder][name] = rest
        if line.startswith(b"d"):
            listings[path] = {}
    return listings


def _differences(
    root: str, folder: bytes, listing: _Listing, hash_of: "_HashOf | None"
) -> Iterator[Difference]:
    """What differs in one folder; of what stands in its folders each tells its own."""
    inside = os.fsdecode(folder) + "/" if folder else ""
    place = f"{root}/{inside}"
    missing = dict(listing)
    with suppress(*_CLOSED):
        descriptor = os.open(place, _TO_LIST)  # from there, each name is found in one step
        try:
            for name, kind in _unlike(descriptor, place, missing, hash_of):
                if kind != "extra" or not _is_run_time_bytecode(inside + name):
                    yield Difference(inside + name, kind)
        finally:
            os.close(descriptor)
    for left, rest in missing.items():
        if rest:
            yield Difference(inside + os.fsdecode(left), "missing")


def _unlike(
    descriptor: int, place: str, missing: _Listing, hash_of: "_HashOf | None"
) -> Iterator[tuple[str, DifferenceKind]]:
    """What stands in an open folder and is not as it is listed; all that is there is not missing.

    Of most files a few steps tell that they are: a tree has tens of thousands.
    """
    is_fast = hash_of is None
    with os.scandir(descriptor) as entries:
        for entry in entries:
            rest = missing.pop(entry.name.encode(_FS_ENCODING, "surrogateescape"), None)
            if not rest:
                if rest is None:
                    yield entry.name, "extra"
                continue
            status = entry.stat(follow_symlinks=False)
            told = b"%s%d\t" % (_BEGINNINGS[status.st_mode], status.st_size)
            if is_fast and rest.startswith(told) and _is_fresh(status):
                continue
            if (kind := _kind(status, place + entry.name, rest, hash_of)) is not None:
                yield entry.name, kind


def _is_fresh(status: os.stat_result) -> bool:
    return int(status.st_mtime) == PUBLISHED_MTIME_SECONDS


def _kind(
    status: os.stat_result, path: str, rest: bytes, hash_of: "_HashOf | None"
) -> DifferenceKind | None:
    """How an entry differs from its line; None: it does not.

    Without `hash_of`, its time tells whether its content does.
    """
    what, mode, size, content = rest.split(b"\t")
    if _LETTERS.get(stat.S_IFMT(status.st_mode)) != what:
        return "changed"
    if what == b"l":
        return None if os.readlink(os.fsencode(path)) == content else "link"
    if what == b"f":
        if status.st_size != int(size):
            return "changed"
        if not (_is_fresh(status) if hash_of is None else hash_of(path) == content):
            return "changed"
    return None if stat.S_IMODE(status.st_mode) == int(mode, 8) else "mode"


def mode_differences(directory: Directory, number: int, layer: str) -> Iterator[Difference]:
    """A tree's own folder and its generation's, if their modes are not the published ones.

    Neither is an entry of the tree's manifest; paths are relative to the tree.
    """
    generation = directory.generation(number)
    root = directory.tree(number, layer)
    modes = {generation: GENERATION_MODE}
    if root != generation:
        modes[root] = DIRECTORY_MODE
    for folder, mode in modes.items():
        if is_directory(folder) and stat.S_IMODE(os.lstat(folder).st_mode) != mode:
            yield Difference(os.path.relpath(folder, root), "mode")


def is_directory(path: str) -> bool:
    """Whether a directory stands there, not a symlink to one."""
    try:
        return stat.S_ISDIR(os.lstat(path).st_mode)
    except OSError:
        return False


def _hash_of(path: str) -> bytes:
    """The content's sha256 in hexadecimal."""
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest().encode()


def _known_hash(path: str) -> bytes:
    """The same; empty where the file is closed, or the disk broken."""
    try:
        return _hash_of(path)
    except OSError as error:
        if error.errno not in (errno.EACCES, errno.EIO):
            raise
        return b""


def _is_run_time_bytecode(path: str) -> bool:
    return "/__pycache__/" in path and path.endswith((".pyc", ".nbi", ".nbc"))


def damaged_records(directory: Directory, record: Generation, layer: str) -> Iterator[str]:
    """Which of a layer's records are not those that were published, relative to the generation."""
    if record.digest != record.own_digest():
        yield "manifest.json"
    wanted = {
        f"manifests/{layer}": record.layers[layer].digest,
        f"site/{lock_file_name(layer)}": record.layers[layer].lock,
    }
    for name, digest in wanted.items():
        if read_as(f"{directory.generation(record.generation)}/{name}", digest) is None:
            yield name


def environment_differences(directory: Directory, record: Generation) -> list[Difference]:
    """The folders that are not as they were described, of environments that the record speaks of.

    An overlay on a target leaves them to that.
    """
    if not any(map(is_inventory_name, record.specs or ())):
        return []
    from envc.target.environments import differences_from_described  # few stand on such a thing

    return differences_from_described(directory, record)


def extra_records(directory: Directory, record: Generation) -> Iterator[str]:
    """What stands beside a generation's records and trees, and was not published; relative to it.

    Of an overlay's folder, which is its tree, what is at the top is the tree's own matter.
    """
    wanted = {"manifests": {*record.layers}}
    if record.specs is not None:
        wanted["site"] = {*record.specs}
    if not directory.is_overlay:
        wanted["."] = {*GENERATION_NAMES, *record.layers}
    generation = directory.generation(record.generation)
    for folder, names in wanted.items():
        if is_directory(f"{generation}/{folder}"):  # else its records tell that it is not
            present = set(os.listdir(f"{generation}/{folder}"))
            yield from (os.path.normpath(f"{folder}/{name}") for name in present - names)


def stored_records(
    directory: Directory, record: Generation, layer: str
) -> Iterator[tuple[str, DifferenceKind]]:
    """Records of stored trees that are gone or damaged."""
    store = Store(directory.store)
    for tree in record.layers[layer].store_ids():
        for name in ("manifest", "facts.json"):
            if name == "facts.json" and tree == record.layers[layer].runtime:
                continue
            path = f"{directory.store}/wheels/{tree}/{name}"
            try:
                store.record(tree, name)
            except EnvcError:
                yield path, "changed" if os.path.lexists(path) else "missing"


def published_manifest(directory: Directory, record: Generation, layer: str) -> Manifest | None:
    """A layer's manifest as its record names it: the generation's, else the store's.

    None where both are damaged or gone.
    """
    wanted = record.layers[layer].digest
    own = f"{directory.generation(record.generation)}/manifests/{layer}"
    for path in (own, Store(directory.store).layer_manifest(wanted)):
        text = read_as(path, wanted)
        if text is not None:
            return manifest_from_text(text)
    return None


def read_as(path: str, digest: Digest) -> bytes | None:
    """A file's bytes if they have that digest."""
    text = known_bytes(path)
    return text if text is not None and digest_of(text) == digest else None


def records_in(directory: Directory) -> frozenset[str]:
    """What is no part of a tree though at its top: an overlay's tree is its generation."""
    return GENERATION_NAMES if directory.is_overlay else frozenset()
