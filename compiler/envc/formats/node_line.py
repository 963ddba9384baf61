"""The one line with which envc on a node answers: a mark, then JSON.

Banners and chatter of login shells may stand around it.
"""

import json
from typing import Any

_MARK = "envc-node: "


def node_line(values: dict[str, Any]) -> str:
    """The line, with its newline."""
    return f"{_MARK}{json.dumps(values, sort_keys=True)}\n"


def json_in(output: str) -> str | None:
    """The JSON of the last such line in a node's output; None where it holds none."""
    start = f"\n{output}".rfind(f"\n{_MARK}")
    return output[start + len(_MARK) :].split("\n", 1)[0] if start >= 0 else None
