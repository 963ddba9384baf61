"""Bytes that were valid before somebody changed them."""

import json
import struct
from collections.abc import Callable, Sequence
from typing import Any

import tomli_w
from hypothesis import strategies as st
from hypothesis.strategies import DrawFn, SearchStrategy

# What changes meaning when it appears: separators, escapes, and numbers at the edges.
WORDS = (
    b"../../../x.py",
    b"/etc/x.py",
    b"\0",
    b"\n",
    b"\t",
    b"\r\n",
    b'"',
    b"'",
    b",",
    b"=",
    b"[",
    b"]",
    b"{",
    b"}",
    b":",
    b"\xff",
    b"\xc3\xa9",
    b"\xed\xa0\x80",
    b"PK\x05\x06",
    b"PK\x06\x06",
    b"PK\x06\x07",
    b"9" * 5000,
    b"-1",
    b"1e999",
    b"NaN",
)

# Signature → where its fields begin, and how long they are.
_FIELDS = {
    b"PK\x03\x04": ((4, 2), (6, 2), (8, 2), (10, 4), (14, 4), (18, 4), (22, 4), (26, 2), (28, 2)),
    b"PK\x01\x02": (
        *((6, 2), (8, 2), (10, 2), (12, 4), (16, 4), (20, 4), (24, 4), (28, 2)),
        *((30, 2), (32, 2), (34, 2), (36, 2), (38, 4), (42, 4)),
    ),
    b"PK\x05\x06": ((4, 2), (6, 2), (8, 2), (10, 2), (12, 4), (16, 4), (20, 2)),
    b"PK\x06\x06": ((4, 8), (16, 4), (20, 4), (24, 8), (32, 8), (40, 8), (48, 8)),
    b"PK\x06\x07": ((4, 4), (8, 8), (16, 4)),
    b"PK\x07\x08": ((4, 4), (8, 4), (12, 4)),
}
_EDGES = (0, 1, 2, 8, 9, 0x7F, 0x7FFF, 0xFFFF, 0x7FFF_FFFF, 0xFFFF_FFFE, 0xFFFF_FFFF, 2**63, -1)


def mutated(base: bytes, others: Sequence[bytes] = WORDS) -> SearchStrategy[bytes]:
    """`base` after one to five edits: flips, insertions, removals, copies, truncations."""
    return _edited(base, st.sampled_from([_flip, _insert(others), _remove, _copy, _truncate]))


def mutated_archive(base: bytes, others: Sequence[bytes]) -> SearchStrategy[bytes]:
    """`base` after edits that know a ZIP archive's headers, and others that do not."""
    kinds = [_set_field, _set_field, _set_field, _flip, _insert(others), _remove, _copy, _truncate]
    return _edited(base, st.sampled_from(kinds))


def mutated_json(base: Any) -> SearchStrategy[bytes]:
    """JSON whose structure is edited."""
    return _restructured(base, _JSON).map(lambda value: json.dumps(value).encode())


def mutated_toml(base: dict[str, Any]) -> SearchStrategy[bytes]:
    """TOML whose structure is edited."""
    tables = _restructured(base, _TOML).filter(lambda value: isinstance(value, dict))
    return tables.map(lambda value: tomli_w.dumps(value).encode())


Edit = Callable[[DrawFn, bytes], bytes]


@st.composite
def _edited(draw: DrawFn, base: bytes, edits: SearchStrategy[Edit]) -> bytes:
    content = base
    for edit in draw(st.lists(edits, min_size=1, max_size=5)):
        content = edit(draw, content)
    return content


def _place(draw: DrawFn, content: bytes) -> int:
    return draw(st.integers(0, len(content)))


def _flip(draw: DrawFn, content: bytes) -> bytes:
    place = _place(draw, content)
    byte = content[place : place + 1] or b"\0"
    return (
        content[:place] + bytes([byte[0] ^ (1 << draw(st.integers(0, 7)))]) + content[place + 1 :]
    )


def _insert(words: Sequence[bytes]) -> Edit:
    def insert(draw: DrawFn, content: bytes) -> bytes:
        place = _place(draw, content)
        word = draw(st.sampled_from(words) | st.binary(max_size=8))
        return content[:place] + word + content[place + draw(st.sampled_from([0, len(word)])) :]

    return insert


def _remove(draw: DrawFn, content: bytes) -> bytes:
    place = _place(draw, content)
    return content[:place] + content[place + draw(st.integers(1, 40)) :]


def _copy(draw: DrawFn, content: bytes) -> bytes:
    source, place = _place(draw, content), _place(draw, content)
    piece = content[source : source + draw(st.integers(1, 100))]
    return content[:place] + piece + content[place:]


def _truncate(draw: DrawFn, content: bytes) -> bytes:
    return content[: _place(draw, content)]


def _set_field(draw: DrawFn, content: bytes) -> bytes:
    headers = [
        (place, fields)
        for signature, fields in _FIELDS.items()
        for place in _places_of(signature, content)
    ]
    if not headers:
        return content
    place, fields = draw(st.sampled_from(headers))
    offset, length = draw(st.sampled_from(fields))
    value = draw(st.sampled_from(_EDGES) | st.integers(0, len(content)))
    packed = struct.pack("<Q", value % 2**64)[:length]
    return content[: place + offset] + packed + content[place + offset + length :]


def _places_of(word: bytes, content: bytes) -> list[int]:
    places: list[int] = []
    place = content.find(word)
    while place >= 0:
        places.append(place)
        place = content.find(word, place + 1)
    return places


_TEXT = st.text(max_size=20) | st.sampled_from(
    ["", "../x", "/x", "a\nb", "\0", "3.11", "1.0", "x>=1"]
)
_TOML_TEXT = _TEXT.map(lambda text: text.encode("utf-8", "replace").decode())
_TOML = st.recursive(
    st.booleans() | st.integers(-(2**63), 2**63 - 1) | st.floats() | _TOML_TEXT | st.datetimes(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(_TOML_TEXT, inner, max_size=3),
    max_leaves=4,
)
_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | _TEXT,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(_TEXT, inner, max_size=3),
    max_leaves=4,
)


@st.composite
def _restructured(draw: DrawFn, base: Any, values: SearchStrategy[Any]) -> Any:
    value = base
    for _ in range(draw(st.integers(1, 3))):
        value = _replace(draw, value, values)
    return value


def _replace(draw: DrawFn, node: Any, values: SearchStrategy[Any], depth: int = 0) -> Any:
    """The node, one value somewhere in it replaced, removed or added."""
    if not isinstance(node, dict | list) or not node or (depth and draw(st.integers(0, 4)) == 0):
        return draw(values)
    keys = list(node) if isinstance(node, dict) else list(range(len(node)))
    key = draw(st.sampled_from(keys))
    copy = node.copy()
    match draw(st.sampled_from(["deeper", "deeper", "deeper", "remove", "add"])):
        case "deeper":
            copy[key] = _replace(draw, node[key], values, depth + 1)
        case "remove":
            del copy[key]
        case _:
            if isinstance(copy, dict):
                copy[draw(_TOML_TEXT)] = draw(values)
            else:
                copy.insert(key, draw(values))
    return copy
