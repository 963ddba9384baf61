"""Where a finding stems from, as messages write it: `file:line (key)` → file and line."""

import re

_PLACE = re.compile(r"(?P<file>.+?)(?::(?P<line>\d+))?(?: \([^()]*\))?")


def parse_place(where: str) -> tuple[str, int]:
    """The file and the line; 0 where there is none, and an empty file for no place at all."""
    found = _PLACE.fullmatch(where)
    if found is None:
        return where, 0
    return found["file"], int(found["line"] or 0)
