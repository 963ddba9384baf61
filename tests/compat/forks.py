"""Calls envc in forks of a process that has imported all of it: hundreds of calls cost little.

Started as a program by the interpreter of either release; each line of stdin is a call as JSON,
each line of stdout its answer:

    in   {"words": [...], "folder": "...", "environment": {...}}
    out  {"status": N, "stdout": "...", "stderr": "..."}
"""

import importlib
import json
import os
import pkgutil
import sys
import tempfile
import traceback
from typing import IO, Any


def import_everything() -> None:
    """Import envc, and with it what it requires."""
    envc = importlib.import_module("envc")
    for module in pkgutil.walk_packages(envc.__path__, "envc."):
        if not module.name.startswith(("envc.runtime.", "envc.__main__")):
            importlib.import_module(module.name)


def serve() -> None:
    """Answer calls until stdin ends."""
    for line in sys.stdin:
        with tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as err:
            child = os.fork()
            if child == 0:
                call(json.loads(line), out, err)
            status = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
            answer = {"status": status, "stdout": text_of(out), "stderr": text_of(err)}
        sys.stdout.write(json.dumps(answer) + "\n")
        sys.stdout.flush()


def call(request: dict[str, Any], out: IO[bytes], err: IO[bytes]) -> None:
    """The child: envc, with these words; it does not return."""
    status = 70
    try:
        os.environ.clear()
        os.environ.update(request["environment"])
        os.chdir(request["folder"])
        for descriptor, file in enumerate((os.open(os.devnull, os.O_RDONLY), out, err)):
            os.dup2(file if isinstance(file, int) else file.fileno(), descriptor)
        sys.argv = ["envc", *request["words"]]
        from envc.cli.main import program

        program()
    except SystemExit as end:  # argparse ends the process
        status = int(end.code or 0)
    except Exception:  # noqa: BLE001 - who asked is told, and the process goes on answering
        traceback.print_exc()
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(status)


def text_of(file: IO[bytes]) -> str:
    """All that was written to a file."""
    file.seek(0)
    return file.read().decode(errors="replace")


if __name__ == "__main__":
    import_everything()
    serve()
