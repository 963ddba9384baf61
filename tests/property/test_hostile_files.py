"""Files that nobody wrote on purpose: an error that is theirs or a value comes out, never a bug."""

import json
import tomllib
from contextlib import suppress

import pytest
import tomli_w
from hypothesis import example, given, settings
from hypothesis import strategies as st

from envc.errors import OutsideError, SpecError, UntrustedError, UsageError
from envc.expand.overlay import expand_overlay
from envc.expand.site import expand_site
from envc.formats.envc_toml import read_site
from envc.formats.facts import facts_from_json
from envc.formats.generation import generation_from_json, generation_to_json
from envc.formats.location import location_from_text
from envc.formats.overlay_edit import with_lines, without_lines
from envc.formats.overlay_toml import read_overlay
from envc.formats.pylock import lock_to_text
from envc.formats.pylock_read import lock_from_text
from envc.lock import select_wheels
from envc.model.generation import Generation, GenerationLayer, GenerationWheel
from support.cases import MACHINE, TARGET, Case

SITE = b"""version = 1
[site]
name = "s"
[core]
python = "3.11"
interpreter = "/usr/bin/python3.11"
[[index]]
name = "i"
url = "https://index.test/simple"
[sources]
numpy = "i"
[[target]]
name = "t"
platform = "linux-x86_64"
libc = "glibc-2.28"
python-full = "3.11.7"
[layer.user]
requires = ["numpy>=1 ; python_version > '3'", "a[b]"]
constraints = []
env = { A = "1" }
[resolver]
exclude-newer = 2026-01-01T00:00:00Z
[overlays]
specs = ["*.toml"]
"""
OVERLAY = b"""version = 1
[overlay]
name = "alice"
base = "user"
requires = ["polars>=1", "numpy"]
hide = ["six"]
shadow = "never"
"""
LOCATION = b'version = 1\nsite = "s"\ntarget = "/t"\n'
CASE = """
[releases.a]
"1.0" = ["b"]
[releases.b]
"1.0" = { tags = ["cp311-cp311-manylinux_2_28_x86_64"] }
[layer.user]
requires = ["a"]
"""
LOCK = lock_to_text(next(Case(CASE).solve()).lock)
GENERATION = generation_to_json(
    Generation(
        generation=1,
        digest="sha256:" + "0" * 64,
        site="s",
        python="3.11",
        interpreter="/usr/bin/python3.11",
        layers={
            "user": GenerationLayer(
                digest="sha256:" + "1" * 64,
                closure="sha256:" + "2" * 64,
                lock="sha256:" + "3" * 64,
                distributions=1,
                files=2,
                linked=1,
                copied=1,
                wheels=(GenerationWheel(project="a", version="1", store_id="a-1"),),
                runtime="envc-1",
            )
        },
    )
)


def site(text):
    expand_site(read_site(text, "envc.toml"), lambda _: MACHINE)


def overlay(text):
    expand_overlay(read_overlay(text, "overlay.toml"))
    with_lines(text, [])
    without_lines(text, ["numpy"])


def lock(text):
    found = lock_from_text(text, "pylock.user.toml", "user")
    select_wheels(found, TARGET)
    lock_from_text(lock_to_text(found), "again", "user")


def location(text):
    location_from_text(text, "location.toml")


def generation(text):
    generation_from_json(text, "manifest.json")


def facts(text):
    facts_from_json(text, "facts.json")


FORMATS = {
    "site": (site, SITE),
    "overlay": (overlay, OVERLAY),
    "lock": (lock, LOCK),
    "location": (location, LOCATION),
    "generation": (generation, GENERATION),
    "facts": (facts, b"{}"),
}
reads = pytest.mark.parametrize(("read", "valid"), FORMATS.values(), ids=FORMATS.keys())
fuzz = settings(max_examples=120, deadline=None, derandomize=True)

# What a hand or a broken program puts in: other types, other texts, other structure.
pieces = st.sampled_from(
    [
        b"[",
        b"]",
        b'"',
        b"'",
        b"=",
        b"\n",
        b"{",
        b"}",
        b",",
        b"..",
        b"/",
        b"\x00",
        b"\xff",
        b"1",
        b"true",
        b"[[",
        b"inf",
        b"nan",
        b"-1",
        b"1e999",
        b"99999999999999999999",
        b"1979-05-27",
        b'""',
        b"[]",
        b"{}",
        b"null",
        b"../x",
        b"\xc3\xa9",
        b"extra",
        b" ; extra == 'x'",
        b" @ x:y",
    ]
)


@st.composite
def mutations(draw, valid):
    """A valid file with a few pieces cut, put in, or put in another's place."""
    text = valid
    for _ in range(draw(st.integers(1, 3))):
        start = draw(st.integers(0, len(text)))
        length = draw(st.sampled_from([0, 0, 1, 2, 5, 20]))
        text = text[:start] + draw(st.one_of(st.just(b""), pieces)) + text[start + length :]
    return text


def survives(read, text):
    with suppress(UsageError, OutsideError, UntrustedError):  # not InternalError: that is a bug
        read(text)


@reads
@fuzz
@given(data=st.data())
def test_mutated_files(read, valid, data):
    survives(read, data.draw(mutations(valid)))


@reads
@fuzz
@given(text=st.binary(max_size=60))
@example(text=b"\xef\xbb\xbfversion = 1")
@example(text=b"[" * 5000)
@example(text=b"a = " + b"[" * 5000)
@example(text=b"{" * 5000)
@example(text=b"version = nan")
@example(text=b"x" * (5 << 20))
def test_any_bytes(read, valid, text):
    survives(read, text)


# A value of another type in the place of each value of a valid file.
STRANGE = [None, True, 0, -1, 1.5, "", "../x", "a b", [], [[]], {}, {"a": {}}, ["a", 1], "x" * 300]


def places(value, path=()):
    """The path of every value in a tree."""
    yield path
    if isinstance(value, dict | list):
        for key in value if isinstance(value, dict) else range(len(value)):
            yield from places(value[key], (*path, key))


def put(tree, path, value):
    if not path:
        return value
    copy = dict(tree) if isinstance(tree, dict) else list(tree)
    copy[path[0]] = put(copy[path[0]], path[1:], value)
    return copy


@pytest.mark.parametrize("name", ["site", "overlay", "lock", "location"])
def test_a_strange_value_in_every_place(name):
    read, valid = FORMATS[name]
    tree = tomllib.loads(valid.decode())
    for path in filter(None, places(tree)):
        for strange in STRANGE[1:]:
            survives(read, tomli_w.dumps(put(tree, path, strange)).encode())


def test_a_strange_value_in_every_place_of_a_record():
    tree = json.loads(GENERATION)
    for path in places(tree):
        for strange in STRANGE:
            survives(generation, json.dumps(put(tree, path, strange)).encode())


def test_a_file_that_is_too_large_is_not_parsed():
    with pytest.raises(SpecError) as caught:
        read_site(b"#" * ((4 << 20) + 1), "envc.toml")
    assert str(caught.value) == ("envc.toml: larger than 4194304 bytes\n  help: split the file")
