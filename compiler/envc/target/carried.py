"""`TARGET/bin/envc`, where no roll-out has brought a kit: it calls the envc that materialized."""

import os
import shlex
import sys
from contextlib import nullcontext

from envc.disk.durable import disk_error, make_folder, remove_temporaries, write_file
from envc.disk.locks import exclusive
from envc.target.directory import Directory

_TEXT = """\
#!/bin/sh
exec {interpreter} -I -c {program} "$@"
"""


def leave_command(directory: Directory, *, locked: bool = False) -> None:
    """Make the target's own `bin/envc`, unless a roll-out has brought one.

    `locked`: the caller holds the directory's lock.

    Raises:
        OutsideError: the disk refused.
    """
    path = f"{directory.path}/bin/envc"
    if os.path.islink(path) and os.path.exists(path):
        return
    program = f"from envc.cli.main import program; program(target={directory.path!r})"
    text = _TEXT.format(interpreter=shlex.quote(sys.executable), program=shlex.quote(program))
    folder = os.path.dirname(path)
    if not os.path.islink(path) and os.path.exists(path) and _reads(path) == text:
        return
    try:
        with nullcontext() if locked else exclusive(directory.lock):
            make_folder(folder)
            remove_temporaries(folder)  # of a run that was killed here
            write_file(path, text.encode(), mode=0o755)
    except OSError as error:
        raise disk_error(error, "write the target's own envc", path) from error


def _reads(path: str) -> str:
    with open(path, encoding="utf-8", errors="replace") as file:
        return file.read()
