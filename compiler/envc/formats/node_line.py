"""The one line with which envc on a node answers a roll-out: a mark, then JSON.

Banners and chatter of login shells may stand around it.
"""

import json
from typing import Any

_MARK = "envc-node: "


def node_line(values: dict[str, Any]) -> str:
    """The line, with its newline."""
    return f"{_MARK}{json.dumps(values, sort_keys=True)}\n"


def values_in(output: str) -> dict[str, Any] | None:
    """What a node's output says; None where it holds no such line, or a torn one."""
    lines = [line for line in output.splitlines() if line.startswith(_MARK)]
    try:
        values = json.loads(lines[-1].removeprefix(_MARK))
    except (IndexError, ValueError, RecursionError):
        return None
    return values if isinstance(values, dict) else None
