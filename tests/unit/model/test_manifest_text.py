import hashlib

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from envc.model.digest import digest_from_hex, digest_of, digest_of_json, hex_of, is_digest
from envc.model.manifest import (
    Entry,
    Manifest,
    directory_entry,
    manifest_from_text,
    manifest_of,
    parse_line,
    path_of,
)

names = st.text(
    st.characters(exclude_categories=["Cc", "Cs"], exclude_characters="/"), min_size=1, max_size=5
)
entries = st.builds(
    Entry,
    kind=st.sampled_from("fdl"),
    mode=st.sampled_from([0o444, 0o555, 0o755, 0o777]),
    size_bytes=st.integers(0, 1 << 40),
    content=st.sampled_from(["-", "0" * 64, "/usr/bin/python3"]),
    path=st.lists(names, min_size=1, max_size=3).map("/".join),
)
quick = settings(max_examples=100, deadline=None, derandomize=True)


@quick
@given(entries)
def test_a_line_reads_back(entry):
    assert parse_line(entry.line()) == entry
    assert path_of(entry.line()) == entry.path.encode()


@pytest.mark.slow
@quick
@given(st.lists(entries, unique_by=lambda entry: entry.path), st.randoms(use_true_random=False))
def test_a_manifest_reads_back_and_its_order_does_not_count(found, random):
    manifest = manifest_of(entry.line() for entry in found)
    assert manifest_from_text(manifest.text()) == manifest
    assert sorted(manifest.entries(), key=lambda entry: entry.path.encode()) == list(
        manifest.entries()
    )
    random.shuffle(found)
    assert manifest_of(entry.line() for entry in found).digest() == manifest.digest()


def test_the_form_of_a_line():
    text = manifest_of([directory_entry("bin").line()]).text()
    assert text == b"d\t0755\t0\t-\tbin\n"
    assert Manifest(()).text() == b""


@pytest.mark.parametrize("line", [b"", b"f\t0444\t1\t-", b"x\t0444\t1\t-\tp", b"f\tabc\t1\t-\tp"])
def test_a_line_of_another_form(line):
    with pytest.raises((ValueError, KeyError)):
        parse_line(line)


def test_digests():
    empty = digest_of(b"")
    assert empty == "sha256:" + hashlib.sha256(b"").hexdigest()
    assert is_digest(empty)
    assert digest_from_hex(hex_of(empty).upper()) == empty
    assert not is_digest(empty + "\n")
    assert not is_digest(empty.upper())
    assert digest_of_json({"b": 1, "a": "é"}) == digest_of('{"a":"é","b":1}'.encode())
