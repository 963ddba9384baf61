"""Locks whose texts need more than to be put between quotes."""

import tomllib

import pytest
import tomli_w

from envc.formats.pylock import lock_to_text
from envc.model.lock import Lock, LockedPin, LockedWheel

DIGEST = "sha256:" + "0" * 64


def text_of(*pins):
    return lock_to_text(Lock(layer="user", pins=pins, inputs=DIGEST)).decode()


def pin(name, path="a.whl", **values):
    wheel = LockedWheel(filename="a.whl", digest=DIGEST, path=path)
    return LockedPin(project=name, version="1.0", wheels=(wheel,), **values)


@pytest.mark.parametrize(
    "odd", ['"', "\\", "\n", "\r", "\t", "\x00", "\x1f", "\x7f", "é", "\U0001f40d"]
)
def test_odd_characters_are_written_so_that_they_are_read_again(odd):
    text = text_of(pin("a", path=f"x{odd}y/{odd}.whl"))
    assert tomllib.loads(text)["packages"][0]["wheels"][0]["path"] == f"x{odd}y/{odd}.whl"
    assert tomli_w.dumps(tomllib.loads(text)) == text


@pytest.mark.parametrize("length", [81, 82, 83, 84, 200])
def test_long_names_of_dependencies_get_tables_as_the_library_gives_them(length):
    text = text_of(pin("a", dependencies=("b", "n" * length)), pin("b"))
    assert ("[[packages.dependencies]]" in text) == (length > 82)
    assert tomli_w.dumps(tomllib.loads(text)) == text


def test_a_lock_without_pins_says_so():
    text = text_of()
    assert tomllib.loads(text)["packages"] == []
    assert tomli_w.dumps(tomllib.loads(text)) == text


def test_an_editable_project_stands_among_others():
    text = text_of(pin("a"), pin("b", directory="/src/b"), pin("c"))
    assert tomli_w.dumps(tomllib.loads(text)) == text
