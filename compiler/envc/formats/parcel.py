"""A parcel: a site's spec and locks as one file, named by its digest (format 1).

Nodes need no checkout of the site: a roll-out hands them the parcel.
"""

import json
import re
from typing import Any

from envc.errors import SpecError

PARCEL_FORMAT = 1

_MEND = "run `envc rollout` again"

# The names of specs and locks, and no others: each becomes a file on the node.
_NAME = re.compile(r"envc\.toml|pyproject\.toml|pylock\.[a-z0-9][a-z0-9_-]*\.toml")


def parcel_to_json(site: str, origin: str, files: dict[str, str]) -> bytes:
    """The file's bytes: the site's name, where its relative paths start, its files by name."""
    values = {"version": PARCEL_FORMAT, "site": site, "origin": origin, "files": files}
    return (json.dumps(values, indent=1, sort_keys=True, ensure_ascii=False) + "\n").encode()


def parcel_from_json(text: bytes, file: str) -> tuple[str, str, dict[str, str]]:
    """Site, origin and files of a parcel.

    Raises:
        SpecError: it is no parcel, or names a file that is neither spec nor lock.
    """
    try:
        values: dict[str, Any] = json.loads(text)
        version = values["version"]
        site, origin, files = values["site"], values["origin"], values["files"]
        fits = isinstance(site, str) and isinstance(origin, str) and _are_files(files)
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        raise SpecError(f"not a parcel: {error!r}", where=file, mend=_MEND) from error
    if version != PARCEL_FORMAT:
        raise SpecError(
            f"parcel format {version} is not the {PARCEL_FORMAT} that this envc reads",
            where=file,
            mend="use a newer envc",
        )
    if not fits:
        raise SpecError("not a parcel: its fields are of other types", where=file, mend=_MEND)
    return site, origin, files


def _are_files(files: Any) -> bool:
    return isinstance(files, dict) and all(
        _NAME.fullmatch(name) and isinstance(text, str) for name, text in files.items()
    )
