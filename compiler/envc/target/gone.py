"""Where generations were taken away, what noted one of their interpreters goes on in `current`.

    generations/000001 → ../store/gone
    store/gone/user/bin/{python,python3,python3.11}   a script that starts TARGET/user/bin/…

A script, because a link would lead overlays onto a base that they were not compiled for. The
number is taken, too: no later generation is found where an earlier one was noted.
"""

import os
from collections.abc import Iterable

from envc.disk.durable import make_folder, sync_directory, write_file
from envc.formats.scripts import SYSTEM_PATH
from envc.model.generation import Generation
from envc.model.manifest import EXECUTABLE_MODE
from envc.model.names import GONE
from envc.target.directory import Directory

# As far back as anybody will have noted an interpreter.
_MOST = 1000
_SCRIPT = """\
#!/bin/sh
# The generation that was here is gone. What noted its interpreter goes on in the current one.
there=$({path}; cd -P -- "$(dirname -- "$(readlink -f -- "$0")")/{up}" && pwd -P)
exec "$there/{name}" "$@"
"""


def lead_on(directory: Directory, records: Iterable[Generation]) -> None:
    """Let every generation that is gone lead on; the numbers stay taken.

    `records`, of those that are there and of those that were removed now, name the layers.

    Raises:
        OSError: the disk refused; another run does the rest.
    """
    known = list(records)
    newest = max(directory.newest_number(), *(record.generation for record in known))
    paths = map(directory.generation, range(max(1, newest - _MOST), newest + 1))
    gone = [path for path in paths if not os.path.lexists(path)]
    if not gone:
        return
    for record in known:
        for layer in record.layers:
            _write_scripts(directory, directory.subdirectory(layer), record.python)
    for path in gone:
        os.symlink(f"../{GONE}", path)
    sync_directory(directory.generations)


def _write_scripts(directory: Directory, subdirectory: str, python: str) -> None:
    folder = "/".join(filter(None, (directory.path, GONE, subdirectory, "bin")))
    up = "/".join([".."] * (4 if subdirectory else 3))
    make_folder(folder)
    for name in ("python", "python3", f"python{python}"):
        if not os.path.exists(f"{folder}/{name}"):
            tree = "/".join(filter(None, (subdirectory, "bin", name)))
            script = _SCRIPT.format(path=SYSTEM_PATH, up=up, name=tree).encode()
            write_file(f"{folder}/{name}", script, mode=EXECUTABLE_MODE)
