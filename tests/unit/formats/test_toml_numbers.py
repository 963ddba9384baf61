import pytest

from envc.errors import SpecError
from envc.formats.document import parse_toml


def test_number_that_python_refuses_to_read() -> None:
    with pytest.raises(SpecError) as caught:
        parse_toml(b"version = " + b"9" * 5000, "envc.toml")
    assert str(caught.value) == (
        "envc.toml: not TOML: a number has thousands of digits\n  help: shorten the number"
    )


def test_number_of_a_hundred_digits() -> None:
    assert parse_toml(b"version = " + b"9" * 100, "envc.toml") == {"version": 10**100 - 1}
