"""What no requirement may have, whoever wrote it."""

import re

# Python refuses to read numbers of more than 4300 digits, and nobody means them.
_ENDLESS_DIGITS = 1000


def has_endless_number(text: str) -> bool:
    """Whether a number in the text has so many digits that no tool should read it."""
    return len(text) >= _ENDLESS_DIGITS and bool(re.search(rf"\d{{{_ENDLESS_DIGITS}}}", text))
