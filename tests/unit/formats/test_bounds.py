"""Specs that somebody wrote to hold others up: refused in time, with their line."""

import tracemalloc

import pytest

from envc.errors import SpecError
from envc.formats.overlay_toml import MOST_BYTES, read_overlay
from envc.formats.pylock_read import lock_from_text
from envc.formats.toml import parse_toml
from envc.formats.values import refuse_nul

HEAD = 'version = 1\n[overlay]\nname = "x"\nbase = "user"\n'


def faults_of(text: str) -> list[str]:
    with pytest.raises(SpecError) as caught:
        read_overlay((HEAD + text).encode(), "overlay.toml")
    return [f"{fault.where}: {fault.what}" for fault in caught.value.faults]


@pytest.mark.parametrize(
    "key",
    [
        "a." * 50_000 + "b",
        '"a".' * 200 + "b",
        "a . " * 200 + "b",
        "x = { " + "a." * 200 + "b = 1 }",
    ],
)
def test_a_key_of_many_parts_is_refused_before_it_is_read(key):
    tracemalloc.start()
    assert faults_of(key if "=" in key else f"{key} = 1") == [
        "overlay.toml:5: a key has more than a hundred parts"
    ]
    assert tracemalloc.get_traced_memory()[1] < 50_000_000
    tracemalloc.stop()


@pytest.mark.parametrize(
    "text",
    ["a" * 200_000, '"' * 2_000, "'" * 2_000, ". " * 100_000, "a.b " * 50_000, '"a".b ' * 20_000],
)
def test_the_look_for_such_keys_has_an_end(text):
    with pytest.raises(SpecError):
        parse_toml(f"x = {text}".encode(), "f")


def test_hundred_parts_are_no_fault_and_neither_is_a_long_line():
    line = ", ".join(f'"project-{number}==1.2.{number}"' for number in range(300))
    document = read_overlay(f"{HEAD}requires = [{line}]\n".encode(), "overlay.toml")
    assert len(document.tables.overlay.requires) == 300
    assert parse_toml(("a." * 90 + "b = 1").encode(), "f")


def test_a_requirement_has_no_thousands_of_extras():
    extras = ",".join(f"e{number}" for number in range(8_000))
    (fault,) = faults_of(f'requires = ["a[{extras}]"]')
    assert fault.startswith("overlay.toml:5 (overlay.requires[0]): 'a[e0,e1,")
    assert fault.endswith("is no requirement: it is longer than 4096 characters")


def test_no_more_than_a_hundred_faults_are_told():
    told = faults_of("\n".join(f"key-{number} = 1" for number in range(1_000)))
    assert len(told) == 101
    assert told[-1] == "overlay.toml: 900 faults more"


@pytest.mark.parametrize("text", ['base-dir = "a\\u0000b"', 'editable = ["\\U00000000"]'])
def test_no_text_has_a_nul_character(text):
    assert faults_of(text) == ["overlay.toml:5: no text has a NUL character"]


def test_a_backslash_before_it_makes_it_a_text():
    assert refuse_nul(b'x = "\\\\u0000"', "f") is None


def test_an_overlays_spec_has_a_size():
    assert faults_of("#" * MOST_BYTES) == ["overlay.toml: it is larger than 64 KiB"]


def test_a_fault_is_told_in_words_not_in_pages():
    (key,) = faults_of(f"{'a' * 9_000} = 1")
    (name,) = faults_of(f'hide = ["{"x" * 9_000}/"]')
    assert max(len(key), len(name)) < 1_200


def test_a_name_is_one_of_a_file():
    text = HEAD.replace('"x"', f'"{"x" * 200}"').encode()
    with pytest.raises(SpecError, match="x…' is longer than 100 characters"):
        read_overlay(text, "overlay.toml")


def test_a_locks_requires_python_has_an_end():
    clauses = ">=3," * 40_000
    text = (
        f'lock-version = "1.0"\ncreated-by = "x"\npackages = []\nrequires-python = "{clauses}>3"\n'
    )
    with pytest.raises(SpecError, match="its requires-python has no end"):
        lock_from_text(text.encode(), "pylock.x.toml", "x")
