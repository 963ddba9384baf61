"""`TARGET/bin/envc`, where no roll-out has brought a kit: it calls the envc that materialized."""

import os
import shlex
import sys

from envc.disk.durable import disk_error, make_folder, remove_temporaries, write_file
from envc.disk.locks import exclusive
from envc.target.directory import Directory

_TEXT = """\
#!/bin/sh
exec {interpreter} -I -c {program} "$@"
"""


def leave_command(directory: Directory) -> None:
    """Make the target's own `bin/envc`, unless there is one.

    Raises:
        OutsideError: the disk refused.
    """
    path = f"{directory.path}/bin/envc"
    if os.path.lexists(path):
        return
    program = f"from envc.cli.main import program; program(target={directory.path!r})"
    text = _TEXT.format(interpreter=shlex.quote(sys.executable), program=shlex.quote(program))
    folder = os.path.dirname(path)
    try:
        with exclusive(directory.lock):
            make_folder(folder)
            remove_temporaries(folder)  # of a run that was killed here
            write_file(path, text.encode(), mode=0o755)
    except OSError as error:
        raise disk_error(error, "write the target's own envc", path) from error
