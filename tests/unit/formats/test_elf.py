"""RUNPATH entries of files made by hand, field by field."""

import struct

import pytest

from envc.formats.elf import run_paths

STRINGS = b"\0$ORIGIN/../low/lib:/opt/lib\0${ORIGIN}\0"
HEAD, SEGMENT, ENTRY = 64, 56, 16
LOADED_AT = 0x1000


def library(*entries: tuple[int, int], strings: bytes = STRINGS, count: int = 2) -> bytes:
    """A file of two segments: all of it, loaded at an address, and the dynamic section."""
    table = HEAD + 2 * SEGMENT
    dynamic = table + len(strings)
    body = b"".join(struct.pack("<qQ", *entry) for entry in entries)
    head = bytearray(HEAD)
    head[:6] = b"\x7fELF\x02\x01"
    struct.pack_into("<Q", head, 0x20, HEAD)
    struct.pack_into("<H", head, 0x38, count)
    whole = dynamic + len(body)
    segments = [(1, 0, LOADED_AT, whole), (2, dynamic, LOADED_AT + dynamic, len(body))]
    packed = b"".join(
        struct.pack("<IIQQQQQQ", kind, 4, place, address, address, size, size, 8)
        for kind, place, address, size in segments
    )
    return bytes(head) + packed + strings + body


TABLE = (5, LOADED_AT + HEAD + 2 * SEGMENT)


def test_entries_are_returned_as_written():
    assert run_paths(library(TABLE, (29, 1))) == ("$ORIGIN/../low/lib", "/opt/lib")
    assert run_paths(library((15, STRINGS.index(b"${")), TABLE)) == ("${ORIGIN}",)
    assert run_paths(memoryview(library(TABLE))) == ()


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"#!/bin/sh\n",
        b"\x7fELF\x01\x01" + bytes(100),
        b"\x7fELF\x02\x01",
        library((29, 1)),
        library((5, 0), (29, 1)),
        library(TABLE, (29, 1), count=9),
        library(TABLE, (29, 1), strings=b"\0\xff\xff\0"),
        library(TABLE, (29, 1))[: HEAD + 60],
    ],
)
def test_what_cannot_be_read_has_none(content: bytes):
    assert run_paths(content) == ()
