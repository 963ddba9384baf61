"""The kit of the envc that runs: made once, and found again as long as nothing of it changes.

What a kit is, `kit_file` tells; to find out what goes into one takes longer than all else here.
"""

import json
import os
import sys

import envc
from envc.disk.durable import doing, make_folder, write_file
from envc.model.digest import Digest, digest_of, digest_of_json, hex_of
from envc.model.python import running_python
from envc.model.value import value

_FORMAT = 2
# The cache's folder of kits.
KITS = f"kits-v{_FORMAT}"


@value
class Kit:
    """A kit on this machine; `python` is the X.Y that it is for."""

    path: str
    digest: Digest
    python: str


def kit_of_this_envc(cache: str) -> Kit:
    """The kit of the envc that runs, kept in the cache as long as no file of it changes.

    Raises:
        OutsideError: a file cannot be read, or the cache not be written.
    """
    from envc.disk.cache import record_use  # `verify` needs none

    folder = f"{cache}/{KITS}"
    note = f"{folder}/{note_of_this_envc()}"
    with doing("make the kit that brings envc to nodes"):
        digest = _noted(note)
        if digest is None or not os.path.exists(f"{folder}/{hex_of(digest)}.zip"):
            digest = _make(folder, note)
    record_use(cache, f"{folder}/{hex_of(digest)}.zip")
    return Kit(f"{folder}/{hex_of(digest)}.zip", digest, running_python())


def note_of_this_envc() -> str:
    """The name of the note that tells which kit is of the installation that runs."""
    installation = [_FORMAT, sys.version, os.path.abspath(envc.__file__)]
    return f"{hex_of(digest_of_json(installation))[:24]}.json"


def _noted(note: str) -> Digest | None:
    """The digest that a note tells; None where it tells none, or of files that have changed."""
    try:
        with open(note, encoding="utf-8") as file:
            told = json.load(file)
        same = all(_state(path) == state for path, state in told["files"].items())
        return Digest(told["kit"]) if same else None
    except (OSError, ValueError, KeyError):
        return None


def _make(folder: str, note: str) -> Digest:
    """Make the kit, and note of what: its files, and the folders where others may appear."""
    from envc.cluster.kit_file import kit_sources, own_requirements, packed

    sources = sorted(kit_sources())
    paths = {path for _, path in sources}
    paths |= {own_requirements(), *map(os.path.dirname, paths)}
    states = {path: _state(path) for path in sorted(paths)}  # before anything of them is read
    content = packed(sources)
    digest = digest_of(content)
    make_folder(folder)
    write_file(f"{folder}/{hex_of(digest)}.zip", content)
    write_file(note, json.dumps({"kit": digest, "files": states}).encode())
    return digest


def _state(path: str) -> list[int]:
    status = os.stat(path)
    return [status.st_size, status.st_mtime_ns]
