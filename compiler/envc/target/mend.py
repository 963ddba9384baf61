"""The steps of a repair, carried out: a new inode for every path that is not as published.

What names and explains a generation (its record, its specs and locks, `current`) can be had again
from what was planned for it, which the store keeps.
"""

import errno
import os
import stat
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress

from envc.disk.digests import known_digest
from envc.disk.durable import make_folder, replace_symlink, replacing, sync_directory, write_file
from envc.errors import EnvcError
from envc.formats.generation import generation_to_json
from envc.model.digest import digest_of
from envc.model.generation import Generation, generation_name
from envc.model.manifest import DIRECTORY_MODE, FILE_MODE, PUBLISHED_MTIME_SECONDS, Manifest
from envc.model.names import lock_file_name
from envc.model.plan import MakeSymlink, WriteFile
from envc.model.publication import Publication, PublishedLayer
from envc.plan.repair import LinkFile, MakeFolder, RemovePath, SetMode, Step
from envc.target.compare import is_directory
from envc.target.directory import Directory
from envc.target.publish import remove_tree
from envc.target.trees import link_or_copy, write_published

_PUBLISHED = (PUBLISHED_MTIME_SECONDS, PUBLISHED_MTIME_SECONDS)
# With these no other path can be mended either.
_NO_DISK = (errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EIO, errno.EMFILE, errno.ENFILE)


def mend_tree(manifest: Manifest, root: str, steps: Iterable[Step]) -> dict[str, OSError]:
    """Carry out the steps that mend a tree; those that failed by their paths, and why.

    Nothing is changed in place: a bad file is replaced by a rename, so whoever has it open keeps
    what he has.

    Raises:
        OSError: the disk is full or broken.
    """
    if not is_directory(root):
        with writable(os.path.dirname(root)):
            _make_folder(root)
    with writable(root):
        failed = carry_out(root, steps)
        for folder in manifest.folders():
            with suppress(OSError):  # one that could not be made is told already
                os.utime(f"{root}/{folder}", _PUBLISHED)
    return failed


def carry_out(root: str, steps: Iterable[Step]) -> dict[str, OSError]:
    """Carry out steps below a folder; those that failed by their paths, and why.

    Raises:
        OSError: the disk is full or broken.
    """
    failed: dict[str, OSError] = {}
    for step in steps:
        try:
            _carry_out(f"{root}/{step.path}", step)
        except OSError as error:
            if error.errno in _NO_DISK:
                raise
            failed[step.path] = error
    return failed


def _carry_out(path: str, step: Step) -> None:
    match step:
        case RemovePath():
            remove(path)
        case MakeFolder():
            _make_folder(path)
        case SetMode(mode=mode):
            os.chmod(path, mode)
        case MakeSymlink(destination=destination):
            _clear_folder(path)
            replace_symlink(path, destination)
        case LinkFile() | WriteFile():
            _replace_file(path, step)


def _replace_file(path: str, step: LinkFile | WriteFile) -> None:
    _clear_folder(path)
    with replacing(path) as temporary:
        if isinstance(step, WriteFile):
            write_published(temporary, step.content, step.mode)
        else:
            link_or_copy(step.source, temporary)


def _make_folder(path: str) -> None:
    if os.path.lexists(path) and not is_directory(path):
        os.unlink(path)
    os.makedirs(path, exist_ok=True)
    os.chmod(path, DIRECTORY_MODE)


def _clear_folder(path: str) -> None:
    """Remove a folder that stands where something else belongs."""
    if is_directory(path):
        remove_tree(path)


def remove(path: str) -> None:
    """Remove a file or a folder that was never published."""
    if is_directory(path):
        remove_tree(path)
    else:
        with suppress(FileNotFoundError):  # it stood in something that was removed before it
            os.unlink(path)


@contextmanager
def writable(root: str) -> Iterator[None]:
    """Open a folder that is closed to its owner too, as a generation's is."""
    mode = stat.S_IMODE(os.stat(root).st_mode)
    os.chmod(root, mode | stat.S_IWUSR)
    try:
        yield
    finally:
        os.chmod(root, mode)


def mend_record(
    directory: Directory, number: int, publications: list[Publication]
) -> Generation | None:
    """The record of a generation, written anew from what was planned; None: nothing fits it."""
    fitting = next((p for p in publications if _fits(directory, number, p)), None)
    if fitting is None:
        return None
    record = fitting.record(number, (_placed(directory, number, each) for each in fitting.layers))
    with writable(directory.generation(number)):
        path = f"{directory.generation(number)}/manifest.json"
        write_file(path, generation_to_json(record), mode=FILE_MODE)
    return record


def mend_specs(
    directory: Directory, record: Generation, publications: list[Publication]
) -> dict[str, bool]:
    """Specs and locks of a generation that were damaged: path in it → whether it is mended."""
    folder = f"{directory.generation(record.generation)}/site"
    locks = {lock_file_name(name): layer.lock for name, layer in record.layers.items()}
    published = locks | (record.specs or {})
    damaged = [
        name for name, digest in published.items() if known_digest(f"{folder}/{name}") != digest
    ]
    if not damaged:
        return {}
    specs = (publication.specs for publication in publications)
    kept = {(name, digest_of(text)): text for each in specs for name, text in each}
    texts = {name: kept[key] for name in damaged if (key := (name, published[name])) in kept}
    if texts:
        with writable(directory.generation(record.generation)):
            make_folder(folder)
    for name, text in texts.items():
        write_file(f"{folder}/{name}", text, mode=FILE_MODE)
    return {f"site/{name}": name in texts for name in damaged}


def mend_current(directory: Directory, complete: list[int]) -> bool:
    """Whether `current` led astray, or nowhere; it names the newest `complete` generation then."""
    try:
        number = directory.current_number()
    except EnvcError:
        number = 0
    if number in complete or not complete:
        return False
    path = f"{directory.path}/current"
    if os.path.lexists(path) and not os.path.islink(path):
        from envc.target.remove import move_to_trash  # few targets have something else there

        move_to_trash(directory, path)
    replace_symlink(path, f"generations/{generation_name(max(complete))}")
    sync_directory(directory.path)
    return True


def _fits(directory: Directory, number: int, publication: Publication) -> bool:
    """Whether the generation's locks and manifests are those of what was planned."""
    folder = directory.generation(number)
    layers = {layer.plan.layer for layer in publication.layers}
    try:
        found = set(os.listdir(f"{folder}/manifests"))
    except OSError:
        return False
    return found == layers and all(
        known_digest(f"{folder}/manifests/{layer.plan.layer}") == layer.plan.digest
        and known_digest(f"{folder}/site/{lock_file_name(layer.plan.layer)}") == layer.lock
        for layer in publication.layers
    )


def _placed(directory: Directory, number: int, layer: PublishedLayer) -> tuple[int, int]:
    """How many files of a layer are links to the store, and how many are copies."""
    root = directory.tree(number, layer.plan.layer)
    linked = copied = 0
    for link in layer.plan.links:
        tree = f"{directory.store}/wheels/{link.store_id}/tree"
        for path in map(os.fsdecode, link.every_path()):
            # What is missing will be linked again.
            if _inode(f"{root}/{path}") in (0, _inode(f"{tree}/{path}")):
                linked += 1
            else:
                copied += 1
    return linked, copied + len(layer.plan.files)


def _inode(path: str) -> int:
    """A file's inode; 0 where it is missing."""
    try:
        return os.lstat(path).st_ino
    except OSError:
        return 0
