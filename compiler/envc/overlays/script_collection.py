"""Overlays of scripts that nobody runs any more: found by when each was run last, and removed.

The modification time of an overlay's spec tells when a script last ran in it. They go when another
script's overlay is made: so a folder of them never grows for longer than what is in use.
"""

import os
import re
import time
from collections.abc import Iterator
from contextlib import suppress

from envc.disk.folders import remove_folder
from envc.disk.locks import is_held
from envc.model.names import OVERLAY_SPEC
from envc.target.directory import Directory, Shape

_DAY_SECONDS = 86_400.0
_NAME = re.compile(r"script-[0-9a-f]{16}")
_GOING = ".going-"


def record_use(folder: str) -> None:
    """Record that a script is about to run in an overlay; a day is as exact as it has to be."""
    path = f"{folder}/{OVERLAY_SPEC}"
    with suppress(OSError):  # it is not built yet, or may only be read
        if time.time() - os.stat(path).st_mtime > _DAY_SECONDS:
            os.utime(path)


def collect_scripts(storage: str, *, days: int) -> tuple[str, ...]:
    """Remove the overlays of a folder that no script has run in for so many days; their names.

    What runs stays, and so does what cannot be removed: the next time tries again.
    """
    oldest = time.time() - days * _DAY_SECONDS
    removed: list[str] = []
    for name in _names(storage):
        path, going = f"{storage}/{name}", f"{storage}/{_GOING}{name}"
        with suppress(OSError):
            if _NAME.fullmatch(name) and not _is_used(path, oldest):
                os.rename(path, going)  # in one step: nobody starts in half of it
                removed.append(name)
                remove_folder(going)
            elif name.startswith(_GOING):
                remove_folder(path)  # a run that was killed
    return tuple(removed)


def _names(storage: str) -> Iterator[str]:
    try:
        yield from sorted(os.listdir(storage))
    except FileNotFoundError:
        return


def _is_used(folder: str, oldest: float) -> bool:
    """Whether a script ran there since, or still runs."""
    if os.stat(f"{folder}/{OVERLAY_SPEC}").st_mtime >= oldest:
        return True
    directory = Directory(folder, Shape.OVERLAY)
    return any(is_held(f"{directory.generation(n)}/.lease") for n in directory.numbers())
