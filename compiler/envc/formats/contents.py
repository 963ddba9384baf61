"""What a check knows of a wheel, for the cache: `WheelContents` and libraries ↔ JSON.

Only envc reads it, and only while it is of the present format: anything else is read anew.
"""

import json
from collections.abc import Sequence

from envc.errors import SpecError
from envc.formats.facts import facts_from_json, facts_to_json
from envc.model.contents import Library, WheelContents

CONTENTS_FORMAT = 1


def contents_to_json(contents: WheelContents) -> bytes:
    """The contents as one line of JSON."""
    value = [facts_to_json(contents.facts).decode(), contents.files, contents.joined]
    return json.dumps(value, separators=(",", ":")).encode()


def contents_from_json(text: bytes) -> WheelContents | None:
    """The contents that `contents_to_json` wrote; None for anything else."""
    try:
        match json.loads(text):
            case [str(facts), dict(files), list(joined)] if all(
                isinstance(part, str) for item in files.items() for part in item
            ):
                return WheelContents(
                    facts=facts_from_json(facts.encode()), files=files, joined=tuple(joined)
                )
    except (ValueError, RecursionError, SpecError):
        pass
    return None


def libraries_to_json(libraries: Sequence[Library]) -> bytes:
    """The libraries as one line of JSON."""
    rows = [[library.path, library.needed, library.folders] for library in libraries]
    return json.dumps(rows, separators=(",", ":")).encode()


def libraries_from_json(text: bytes) -> tuple[Library, ...] | None:
    """The libraries that `libraries_to_json` wrote; None for anything else."""
    try:
        return tuple(
            Library(str(path), tuple(map(str, needed)), tuple(map(str, folders)))
            for path, needed, folders in json.loads(text)
        )
    except (ValueError, TypeError):
        return None
