"""What a Requires-Python says of an interpreter, whatever it is written like."""

import pytest

from envc.resolve.interpreter import python_fit

FITS = {
    ">=3.8": "fits",
    ">=3.11.7rc1": "fits",
    "==3.11.*": "fits",
    "<3.11": "beyond",
    ">=3.8,!=3.11.*": "beyond",
    ">=3.12": "below",
    ">=3.11.8": "below",
    "nonsense": "fits",
    ">=3.8.*": "fits",
    "<" + "9" * 5000: "fits",
}


@pytest.mark.parametrize("text", FITS, ids=lambda text: text[:20])
def test_an_interpreter_fits_or_is_below_or_beyond(text):
    assert python_fit(text, "3.11.7") == FITS[text]
