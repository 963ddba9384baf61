"""Names of entries: which ones cannot be files of a tree, and which cannot be there together."""

import re
import unicodedata
from collections.abc import Iterable

from envc.model.manifest import parents_of
from envc.store import limits
from envc.store.refusal import Problem

_DRIVE = re.compile(r"[A-Za-z]:")
# Control, surrogate, line and paragraph separator: they break listings, terminals and encodings.
_UNPRINTABLE_CATEGORIES = frozenset({"Cc", "Cs", "Zl", "Zp"})


def name_problem(path: str) -> str | None:  # noqa: PLR0911 - one return a rule
    """What is wrong with an entry's path (without a folder's final slash), or None."""
    if not path:
        return "it has no name"
    if not path.isprintable() and not _UNPRINTABLE_CATEGORIES.isdisjoint(
        map(unicodedata.category, path)
    ):
        return "its name holds a control character"
    if "\\" in path:
        return "its name holds a backslash"
    if path.startswith("/") or _DRIVE.match(path):
        return "its path is absolute"
    segments = path.split("/")
    if ".." in segments:
        return "its path leads out of the tree"
    if "" in segments or "." in segments:
        return "its path has an empty or a '.' part"
    return _length_problem(path, segments)


def _length_problem(path: str, segments: list[str]) -> str | None:
    if len(segments) > limits.DEPTH:
        return f"it lies deeper than {limits.DEPTH} folders"
    size = len(path) if path.isascii() else len(path.encode())
    if size > limits.PATH_BYTES:
        return f"its path is longer than {limits.PATH_BYTES} bytes"
    if (
        size > limits.NAME_BYTES
        and max(len(segment.encode()) for segment in segments) > limits.NAME_BYTES
    ):
        return f"a part of its path is longer than {limits.NAME_BYTES} bytes"
    return None


def collisions(paths: Iterable[str], folders: Iterable[str] = ()) -> list[Problem]:
    """Files that cannot stand together on every disk, or not with these folders.

    The same path twice, a file where another needs a folder, and paths (folders included) that
    differ only in case or in Unicode normalization.
    """
    problems: list[Problem] = []
    files: set[str] = set()
    spellings: dict[str, str] = {}
    for path in sorted(paths):
        if path in files:
            problems.append(Problem(path, "it is there twice"))
            continue
        files.add(path)
        problems += _spelling_problems(path, spellings)
    problems += [
        Problem(path, "it is both a file and a folder")
        for path in sorted(files & {*parents_of(files), *folders})
    ]
    return problems


def _spelling_problems(path: str, spellings: dict[str, str]) -> list[Problem]:
    """The first of the path's parts whose folded form is taken by another spelling."""
    prefixes = [path]
    # Only as far up as is new: folders that were seen have their spelling recorded.
    while (parent := prefixes[-1].rpartition("/")[0]) and spellings.get(_folded(parent)) != parent:
        prefixes.append(parent)
    for prefix in reversed(prefixes):
        other = spellings.setdefault(_folded(prefix), prefix)
        if other != prefix:
            what = f"its path differs from {other!r} only in case or in Unicode form"
            return [Problem(path, what)]
    return []


def _folded(path: str) -> str:
    if path.isascii():
        return path.lower()
    return unicodedata.normalize("NFC", unicodedata.normalize("NFC", path).casefold())
