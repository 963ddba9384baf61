"""What somebody writes to hold others up: read or refused, in bounded time and memory.

Each text is read by a child that has two seconds of a processor (one is promised, and CI's are
slow) and 200 MB more than what it begins with. Only our own errors come out.
"""

import json
import os
import resource
import signal
from collections.abc import Callable
from typing import NamedTuple

import pytest
from hypothesis import strategies as st
from packaging.utils import NormalizedName

from envc.errors import EnvcError, InternalError
from envc.expand.overlay import expand_overlay
from envc.expand.site import expand_site
from envc.formats.envc_toml import read_site
from envc.formats.location import location_from_text
from envc.formats.overlay_toml import MOST_BYTES, read_overlay
from envc.formats.parcel import parcel_from_json
from envc.formats.policy import policy_from_json
from envc.formats.pylock_read import lock_from_text
from envc.formats.stack_text import base_references, common_closure
from envc.formats.wanted import wanted_from_json
from envc.host.machine import machine_of
from envc.index.html_page import html_page
from envc.index.listing import offer_of
from envc.index.simple import listing_of_page
from envc.model.nodes import OUTPUT_BYTES, NodeAnswer
from envc.rollout.words import word_of
from fuzz.arena import Fuzz

pytestmark = pytest.mark.slow

SECONDS, MORE_BYTES = 2, 200 << 20
OVERLAY = b'version = 1\n[overlay]\nname = "x"\nbase = "user"\n'
SITE = b'version = 1\n[site]\nname = "x"\n[core]\npython = "3.11"\n[layer.user]\n'
LOCK = b'lock-version = "1.0"\ncreated-by = "x"\n'


class Kind(NamedTuple):
    """What reads it, what it begins with, and how large such a file may be."""

    read: Callable[[bytes], object]
    head: bytes
    most_bytes: int


def answered(text: bytes) -> None:
    word_of(NodeAnswer("n1", "ended", 0, text.decode(errors="replace")))


def of_stack(text: bytes) -> None:
    base_references(text.decode(errors="replace"))
    common_closure(text.decode(errors="replace"))


def listed(text: bytes) -> None:
    listing = listing_of_page(text, "x", content_type="x/json", base_url="http://h/")
    for release in offer_of(listing, NormalizedName("x"), index="http://h").releases:
        list(release.distributions)


KINDS = {
    "overlay": Kind(lambda text: expand_overlay(read_overlay(text, "f")), OVERLAY, MOST_BYTES),
    "site": Kind(
        lambda text: expand_site(read_site(text, "f"), lambda _: machine_of(None)), SITE, MOST_BYTES
    ),
    "lock": Kind(lambda text: lock_from_text(text, "f", "x"), LOCK, 1 << 18),
    "location": Kind(lambda text: location_from_text(text, "f"), b"version = 1\n", 1 << 18),
    "policy": Kind(lambda text: policy_from_json(text, "f"), b'{"version": 1, "x": ', 1 << 20),
    "wanted": Kind(lambda text: wanted_from_json(text, "f"), b'{"version": 1, "x": ', 1 << 20),
    "parcel": Kind(lambda text: parcel_from_json(text, "f"), b'{"version": 1, "x": ', 1 << 20),
    "answer": Kind(answered, b"envc-node: {", OUTPUT_BYTES),
    "stack": Kind(of_stack, b"envc-stack\t1\n", 1 << 20),
    "page": Kind(lambda text: html_page(text, None), b"<!DOCTYPE html>", 1 << 20),
    "listing": Kind(
        listed,
        b'{"meta": {"api-version": "1.0"}, "files": ',
        1 << 20,
    ),
}
# What is dear when there is much of it: nesting, parts of keys, extras, markers, versions, tags.
PIECES = (
    *(b"[", b"{", b"[[", b"{a=", b'{"a":', b"[],", b"{},", b'"",', b"(", b"'", b'"', b"\\", b"#"),
    *(b"a.", b"a . ", b'"a".', b"[t]\n", b"[[t]]\n", b"[a.b]\n", b"k=1\n", b"\n", b"\r", b"\t"),
    *(b"1.", b"9", b"1e9", b"0x", b"1979-05-27,", b"inf,", b"e1,", b">=1,", b"!=1.1,", b"1!"),
    *(b" or os_name=='x'", b" and extra=='x'", b"a-", b"py3.", b"-none", b"\0", b"\xff", b" "),
    *(b"\xed\xa0\x80", b"\\u0041", b"\\ud800", b"<a ", b"<a/", b"<!--", b"&#", b"../", b" @ x:"),
)
HEADS = (
    *(
        b"",
        b'requires = ["x',
        b'requires = ["x[',
        b'requires = ["x; ',
        b'requires = ["x==',
        b"x = ",
    ),
    *(b'constraints = ["x>=', b"hide = [", b'editable = ["', b'[[packages]]\nname = "', b'x = "'),
    *(b"packages = [", b'environments = ["', b'requires-python = "', b'x = """', b"{", b'{"a": ['),
)
TAILS = (b"", b"\n", b'"]\n', b']"]\n', b'"\n', b"]}", b'"""\n', b" = 1\n", b'1"]\n')


@st.composite
def floods(draw: st.DrawFn) -> tuple[str, bytes]:
    """A kind, and a file of it that one piece fills."""
    name = draw(st.sampled_from(sorted(KINDS)))
    head = KINDS[name].head + draw(st.sampled_from(HEADS))
    piece = draw(st.sampled_from(PIECES) | st.binary(min_size=1, max_size=9))
    tail = draw(st.sampled_from(TAILS))
    number = (KINDS[name].most_bytes - len(head) - len(tail)) // len(piece)
    return name, head + piece * draw(st.sampled_from([number, number, number // 9, 200])) + tail


def outcome(read: Callable[[bytes], object], text: bytes) -> str:
    """How a child that is held short ends: "" where it reads the text, or refuses it in words."""
    out, into = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            os.write(into, _read_held_short(read, text).encode()[:4000])
        finally:
            os._exit(0)
    os.close(into)
    with open(out, "rb") as told:
        said = told.read().decode()
    _, status = os.waitpid(child, 0)
    if os.WIFSIGNALED(status):
        return f"ended by {signal.Signals(os.WTERMSIG(status)).name}"
    return said


def _read_held_short(read: Callable[[bytes], object], text: bytes) -> str:
    with open("/proc/self/statm", encoding="ascii") as file:
        now_bytes = int(file.read().split()[0]) * resource.getpagesize()
    resource.setrlimit(resource.RLIMIT_AS, (now_bytes + MORE_BYTES, now_bytes + MORE_BYTES))
    resource.setrlimit(resource.RLIMIT_CPU, (SECONDS, SECONDS))
    try:
        read(text)
    except InternalError as error:
        return repr(error)
    except (EnvcError, ValueError) as error:
        # The readers of pages say ValueError, and the client makes words of it.
        return "" if isinstance(error, EnvcError) or read in _SAY_VALUE_ERROR else repr(error)
    except Exception as error:  # noqa: BLE001 - that is what is looked for
        return repr(error)
    return ""


_SAY_VALUE_ERROR = (KINDS["page"].read, KINDS["listing"].read)


def test_a_flood_of_one_kind(fuzz: Fuzz[tuple[str, bytes]]) -> None:
    def check(flood: tuple[str, bytes]) -> None:
        name, text = flood
        assert outcome(KINDS[name].read, text) == "", name

    fuzz(floods(), check)


KNOWN = {
    "8,000 extras": ("overlay", b'requires = ["x[' + b"e1," * 8000 + b'e]"]'),
    "50,000 parts of a key": ("overlay", b"a" + b".a" * 50_000 + b" = 1"),
    "100,000 lines": ("overlay", b"requires = [" + b'"x",\n' * 100_000 + b"]"),
    "as many lines as there may be": ("overlay", b"requires = [" + b'"x",\n' * 13_000 + b"]"),
    "nesting": ("overlay", b"x = " + b"[" * 60_000),
    "a huge marker": (
        "overlay",
        b'requires = ["x; ' + b"os_name=='a' or " * 4000 + b"os_name=='b'\"]",
    ),
    "a long version": ("overlay", b'requires = ["x==' + b"1." * 50_000 + b'1"]'),
    "a giant integer": ("overlay", b"x = " + b"9" * 60_000),
    "a NUL": ("overlay", b'base-dir = "a\\u0000b"'),
    "a surrogate": ("overlay", b'base-dir = "\\ud800"'),
    "a long name": ("overlay", b'base-dir = "' + b"x/" * 30_000 + b'"'),
    "clauses without end": (
        "lock",
        b'requires-python = "' + b">=1," * 60_000 + b'>1"\npackages = []',
    ),
    "a million tags": ("page", b"<b>" * 1_100_000),
    "an answer of numbers": ("answer", b'"a": ' + b"9" * 4_000),
    "a wanted state of nothing": ("wanted", json.dumps([[]] * 200_000).encode() + b"}"),
}


@pytest.mark.parametrize("case", KNOWN)
def test_what_was_tried_before(case: str) -> None:
    name, text = KNOWN[case]
    assert outcome(KINDS[name].read, KINDS[name].head + text) == ""


@pytest.mark.parametrize(
    ("read", "told"),
    [
        (lambda _: bytearray(MORE_BYTES * 2), "MemoryError()"),
        (lambda _: all(iter(int, 1)) or sum(iter(int, 1)), "ended by SIG"),
        (lambda _: {}["x"], "KeyError('x')"),
    ],
)
def test_what_is_not_held_to_it_is_told(read: Callable[[bytes], object], told: str) -> None:
    assert outcome(read, b"").startswith(told)
