"""The one line with which envc on a node answers: a mark, then JSON.

Banners and chatter of login shells may stand around it, a prompt without a line's end before it.
"""

import json
from typing import Any

_MARK = "envc-node: "


def node_line(values: dict[str, Any]) -> str:
    """The line, with its newline."""
    return f"{_MARK}{json.dumps(values, sort_keys=True)}\n"


def json_in(output: str) -> str | None:
    """The JSON of the last such line in a node's output; None where it holds none."""
    last = output.rfind(_MARK)
    if last < 0:
        return None
    line = output[output.rfind("\n", 0, last) + 1 :].split("\n", 1)[0]
    return line.partition(_MARK)[2]  # the mark may stand in what is answered, too
