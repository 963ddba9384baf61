"""Shared libraries (ELF): which others a file needs, and where it tells the linker to look."""

import re
import struct
from collections.abc import Iterator
from posixpath import dirname, normpath

_HEADER = b"\x7fELF\x02\x01"  # 64 bits, little endian: all that wheels for Linux have today
_LOAD, _DYNAMIC = 1, 2
_NEEDED, _STRING_TABLE, _RPATH, _RUNPATH = 1, 5, 15, 29
# Where the segments are told, and how many there are; a segment; an entry: its tag and its value.
_HEADER_END = struct.Struct("<26xQ16xH")
_SEGMENT = struct.Struct("<IIQQQQ16x")
_ENTRY = struct.Struct("<qQ")
# What an extension imports to find NumPy's C interface. The headers of NumPy 2 name the new place,
# and then the old one.
_OF_NUMPY_1 = re.compile(rb"numpy\.core\.(?:_multiarray_umath|multiarray)\0")
_OF_NUMPY_2 = b"numpy._core._multiarray_umath\0"
# How a run path says "where this library is".
_ORIGINS = ("$ORIGIN", "${ORIGIN}")


def run_paths(content: "bytes | memoryview") -> tuple[str, ...]:
    """The entries of a library's RUNPATH (or RPATH), as written; none: it is no such file.

    Only its headers and its dynamic section are read.

    Source: System V ABI, chapters 4 and 5
    """
    texts = _texts(content, frozenset({_RPATH, _RUNPATH}))
    return tuple(entry for text in texts for entry in text.split(":") if entry)


def searched_folders(path: str, content: "bytes | memoryview") -> Iterator[str]:
    """The folders of its own tree that the library at `path` there looks into, in its order.

    They are those that its run paths name relative to its own place, and that lie in the tree.
    """
    for entry in run_paths(content):
        origin, _, rest = entry.partition("/")
        folder = normpath(f"{dirname(path)}/{rest}")
        if origin in _ORIGINS and not folder.startswith((".", "/")):
            yield folder


def needed_libraries(content: "bytes | memoryview") -> tuple[str, ...]:
    """The names of the libraries that a library needs, in its order; none: it is no such file.

    Source: System V ABI, chapters 4 and 5
    """
    return _texts(content, frozenset({_NEEDED}))


def uses_numpy_1(content: "bytes | memoryview") -> bool:
    """Whether an extension was compiled with the headers of NumPy 1: NumPy 2 refuses to serve it.

    Source: https://numpy.org/doc/stable/dev/depending_on_numpy.html (NumPy 2.0-specific advice)
    """
    is_elf = bytes(content[: len(_HEADER)]) == _HEADER
    return is_elf and _OF_NUMPY_1.search(content) is not None and _OF_NUMPY_2 not in bytes(content)


def _texts(content: "bytes | memoryview", tags: frozenset[int]) -> tuple[str, ...]:
    """The texts of the dynamic section's entries with these tags; none for a broken file."""
    if bytes(content[: len(_HEADER)]) != _HEADER:
        return ()
    try:
        return tuple(_tagged(content, tags))
    except (struct.error, ValueError):
        return ()


def _tagged(content: "bytes | memoryview", tags: frozenset[int]) -> Iterator[str]:
    segments = list(_segments(content))
    entries = [
        entry
        for kind, place, _, size in segments
        if kind == _DYNAMIC
        for entry in _ENTRY.iter_unpack(content[place : place + size - size % _ENTRY.size])
    ]
    table = next((value for tag, value in entries if tag == _STRING_TABLE), None)
    start = _offset(segments, table) if table is not None else None
    if start is None:
        return
    for tag, value in entries:
        if tag in tags:
            yield _text(content, start + value)


def _segments(content: "bytes | memoryview") -> Iterator[tuple[int, int, int, int]]:
    """Type, place in the file, address and size of every segment."""
    table, count = _HEADER_END.unpack_from(content, len(_HEADER))
    segments = content[table : table + count * _SEGMENT.size]
    for kind, _, place, address, _, size in _SEGMENT.iter_unpack(segments):
        yield kind, place, address, size


def _offset(segments: list[tuple[int, int, int, int]], address: int) -> int | None:
    """The place in the file of what is loaded at an address."""
    for kind, place, first, size in segments:
        if kind == _LOAD and first <= address < first + size:
            return place + address - first
    return None


def _text(content: "bytes | memoryview", start: int) -> str:
    end = start
    while content[end : end + 1] not in {b"\0", b""}:
        end += 1
    return bytes(content[start:end]).decode()
