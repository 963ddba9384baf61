"""Data and a template → one page that needs nothing else.

The data are JSON in a script element, so that a page on a thousand things is small and draws only
what is looked at.
"""

import json
from typing import Any

from envc.formats.harmless import printable_data

DATA_PLACE = "/*DATA*/null"
SCRIPT_PLACE = "/*PAGE*/"


def page_with(template: str, data: Any) -> str:
    """The page: `template` has `DATA_PLACE` where the data go."""
    text = json.dumps(printable_data(data), separators=(",", ":"), ensure_ascii=False)
    # In a script element only these could end it, or begin a comment.
    for character in "<>&\u2028\u2029":
        text = text.replace(character, f"\\u{ord(character):04x}")
    return template.replace(DATA_PLACE, text, 1)
