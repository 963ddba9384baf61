"""What must hold after every fault (design, section 8), looked at without envc's own eyes.

Each violation is a sentence. Paths in it are relative to the directory; processes' numbers and
random names do not show, so that two lists can be compared.
"""

import hashlib
import json
import os
import re
import stat
from base64 import urlsafe_b64encode
from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from envc.formats.publication import publication_from_bytes

_HEXADECIMAL = re.compile(r"[0-9a-f]{64}")
# What stands at the top of an overlay's generation and is no part of its tree.
_RECORDS = ("manifest.json", "manifests", "site", ".lease")

Listing = dict[str, tuple[object, ...]]


def listing(folder: Path, *, inodes: bool = True) -> Listing:
    """Everything below a folder: path → kind, mode, content and (`inodes`) who it is and its time.

    The content of a file is its digest, of a symlink its destination.
    """
    return {path: _seen(os.path.join(folder, path), inodes=inodes) for path in _walk(folder)}


def _walk(folder: Path) -> Iterator[str]:
    for parent, folders, files in os.walk(folder):
        for name in sorted([*folders, *files]):
            yield os.path.relpath(os.path.join(parent, name), folder)


def _seen(path: str, *, inodes: bool) -> tuple[object, ...]:
    status = os.lstat(path)
    kind = stat.S_IFMT(status.st_mode)
    content = ""
    if stat.S_ISREG(kind):
        content = _digest(path)
    elif stat.S_ISLNK(kind):
        content = os.readlink(path)
    seen = (kind, stat.S_IMODE(status.st_mode), content)
    if not inodes:
        return seen
    # A directory's time changes with what is made in it for a moment: a trial link, say.
    time = 0 if stat.S_ISDIR(kind) else status.st_mtime_ns
    return (*seen, status.st_ino, time)


def _digest(path: str) -> str:
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


@dataclass(frozen=True)
class Before:
    """What was there before the fault: each generation's listing, and the world around."""

    generations: dict[str, Listing]
    outside: dict[str, Listing]

    @classmethod
    def of(cls, directory: Path, outside: Iterable[Path]) -> "Before":
        folder = directory / "generations"
        names = sorted(name for name in _names(folder) if name.isdigit())
        return cls(
            {name: listing(folder / name) for name in names},
            {str(path): listing(path) for path in outside},
        )


def violations(directory: Path) -> Iterator[str]:
    """What is wrong under a final name: the store's, the generations', `current`."""
    yield from _store(directory / "store")
    yield from _cores(directory / "core")
    yield from _kits(directory / "envc")
    for name in _names(directory / "generations"):
        if name.isdigit() and not (directory / "generations" / name).is_symlink():
            yield from _generation(directory, directory / "generations" / name)
    by_lock = directory / "by-lock"
    for name in _names(by_lock):
        if _HEXADECIMAL.fullmatch(name) and not (by_lock / name / "manifest.json").is_file():
            yield f"by-lock/{name} leads nowhere"
    current = directory / "current"
    if os.path.lexists(current) and not (current / "manifest.json").is_file():
        yield "current leads nowhere"
    command = directory / "bin/envc"
    if os.path.lexists(command) and not os.access(command, os.X_OK):
        yield "bin/envc leads nowhere"


def changes(before: Before, directory: Path, leaving: Iterable[int] = ()) -> Iterator[str]:
    """What differs from before, though nothing may: earlier generations, and all that is outside.

    The generations `leaving` may be gone; as long as they have their name they are as they were.
    """
    for name, old in before.generations.items():
        folder = directory / "generations" / name
        if not folder.exists():
            if int(name) not in leaving:
                yield f"generation {name} is gone"
        elif int(name) not in leaving:
            yield from _differences(f"generation {name}", old, listing(folder))
    for place, old in before.outside.items():
        yield from _differences(place, old, listing(Path(place)))


def leftovers(directory: Path) -> Iterator[str]:
    """What a run that ended must not leave: staging, temporary files, trash, open generations."""
    for path in _walk(directory):
        name = os.path.basename(path)
        begins = name.startswith((".staging", ".trial", ".part"))
        if begins or name.endswith((".envc-tmp", ".leftover")):
            yield f"{path} is left over"
    for folder in ("store/tmp", "trash"):
        for name in _names(directory / folder):
            yield f"{folder}/{name} is left over"
    for name in _names(directory / "generations"):
        if (directory / "generations" / name).is_symlink():
            continue
        mode = stat.S_IMODE(os.stat(directory / "generations" / name).st_mode)
        if name.isdigit() and mode != 0o555:
            yield f"generations/{name} has mode {mode:o}"


def incomplete(directory: Path) -> Iterator[str]:
    """What a run that ended well must have: stable names, names by closure, all stored trees,

    and a target its own envc.
    """
    current = directory / "current"
    is_target = not (current / "pyvenv.cfg").exists()
    if is_target and not os.access(directory / "bin/envc", os.X_OK):
        yield "bin/envc is missing"
    record = json.loads((current / "manifest.json").read_text())
    for name, layer in record["layers"].items():
        named = directory / "by-lock" / layer["closure"].removeprefix("sha256:")
        if not named.exists():
            yield f"the closure of {name} has no name"
        elif os.path.realpath(named) != os.path.realpath(current):
            yield f"the closure of {name} leads elsewhere"
        if (current / name).is_dir() and not (directory / name).is_dir():
            yield f"{name} has no stable name"
        for store_id in [layer["runtime"], *(wheel["store_id"] for wheel in layer["wheels"])]:
            if not (directory / "store/wheels" / store_id / "manifest").is_file():
                yield f"{store_id} is not in the store"


def _cores(folder: Path) -> Iterator[str]:
    """What is wrong with an interpreter that is carried: it is whole, or not there."""
    for name in _names(folder):
        if not _HEXADECIMAL.fullmatch(name):
            continue
        listed = {}
        with suppress(FileNotFoundError):
            for line in (folder / name / "envc-manifest").read_text().splitlines():
                kind, mode, _, content, path = line.split("\t")
                listed[path] = (kind, int(mode, 8), content)
        if not listed:
            yield f"core/{name} has no listing"
        for path, (kind, mode, content) in listed.items():
            place = folder / name / path
            if not os.path.lexists(place):
                yield f"core/{name}/{path} is missing"
            elif kind == "f" and (_digest(str(place)), stat.S_IMODE(place.stat().st_mode)) != (
                content,
                mode,
            ):
                yield f"core/{name}/{path} is not what is listed"


def _kits(folder: Path) -> Iterator[str]:
    """What is wrong with an envc that is carried: it is whole, or not there."""
    for name in _names(folder):
        if not _HEXADECIMAL.fullmatch(name):
            continue
        library = folder / name / "lib"
        records = list(library.glob("envc-*.dist-info/RECORD"))
        begin = [folder / name / "run.py", *records]
        if not records or not all(path.is_file() and path.read_bytes() for path in begin):
            yield f"envc/{name} is not complete"
        for record in records:
            for line in record.read_text().splitlines():
                path, digest, _ = line.split(",")
                content = (library / path).read_bytes() if (library / path).is_file() else b""
                found = urlsafe_b64encode(hashlib.sha256(content).digest()).decode().rstrip("=")
                if digest != f"sha256={found}":
                    yield f"envc/{name}/lib/{path} is not what is listed"


def _store(store: Path) -> Iterator[str]:
    for name in _names(store / "wheels"):
        yield from _stored_tree(store / "wheels" / name)
    for name in _names(store / "manifests"):
        path = store / "manifests" / name
        if _HEXADECIMAL.fullmatch(name) and _digest(str(path)) != name:
            yield f"store/manifests/{name} has another digest"
    for name in _names(store / "plans"):
        if _HEXADECIMAL.fullmatch(name):
            plan = publication_from_bytes((store / "plans" / name).read_bytes())
            if plan is None:
                yield f"store/plans/{name} cannot be read"


def _stored_tree(folder: Path) -> Iterator[str]:
    manifest = folder / "manifest"
    if not manifest.is_file():
        yield f"the stored tree {folder.name} has no manifest"
    elif manifest.read_bytes() != manifest_text(folder / "tree"):
        yield f"the stored tree {folder.name} is not as its manifest says"
    if _HEXADECIMAL.match(folder.name):
        facts = folder / "facts.json"
        if not facts.is_file() or folder.name[:64] not in facts.read_text():
            yield f"the stored tree {folder.name} has other facts"
    if not (folder / "SHA256SUMS").is_file():
        yield f"the stored tree {folder.name} has no digests of its records"


def _generation(directory: Path, folder: Path) -> Iterator[str]:
    try:
        record = json.loads((folder / "manifest.json").read_bytes())
    except (OSError, ValueError):
        yield f"generation {folder.name} has no record"
        return
    if record["generation"] != int(folder.name):
        yield f"generation {folder.name} says it is {record['generation']}"
    for layer, values in record["layers"].items():
        is_overlay = not (folder / layer).is_dir()
        root = folder if is_overlay else folder / layer
        text = manifest_text(root, _RECORDS if is_overlay else ())
        if "sha256:" + hashlib.sha256(text).hexdigest() != values["digest"]:
            yield f"the tree of {layer} in generation {folder.name} has another digest"
        manifest = folder / "manifests" / layer
        if not manifest.is_file() or manifest.read_bytes() != text:
            yield f"the manifest of {layer} in generation {folder.name} lists another tree"
        lock = folder / "site" / f"pylock.{layer}.toml"
        if not lock.is_file() or f"sha256:{_digest(str(lock))}" != values["lock"]:
            yield f"the lock of {layer} in generation {folder.name} is another one"


def manifest_text(root: Path, without: Iterable[str] = ()) -> bytes:
    """The manifest of what stands on the disk (see `envc.model.manifest`)."""
    lines: list[tuple[bytes, bytes]] = []
    for path in _walk(root):
        if path.partition("/")[0] in without:
            continue
        status = os.lstat(root / path)
        mode = f"{stat.S_IMODE(status.st_mode):04o}"
        if stat.S_ISDIR(status.st_mode):
            fields = "d", mode, "0", "-"
        elif stat.S_ISLNK(status.st_mode):
            fields = "l", "0777", "0", os.readlink(root / path)
        elif stat.S_ISREG(status.st_mode):
            fields = "f", mode, str(status.st_size), _digest(str(root / path))
        else:
            fields = "?", mode, "0", "-"
        lines.append((path.encode(), "\t".join([*fields, path]).encode()))
    return b"".join(line + b"\n" for _, line in sorted(lines))


def _differences(place: str, old: Listing, new: Listing) -> Iterator[str]:
    for path in sorted(old.keys() | new.keys()):
        if old.get(path) != new.get(path):
            verb = "is new" if path not in old else "is gone" if path not in new else "is another"
            yield f"{place}: {path} {verb}"


def _names(folder: Path) -> list[str]:
    return sorted(os.listdir(folder)) if folder.is_dir() else []
