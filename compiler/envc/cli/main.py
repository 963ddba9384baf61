"""`envc`: find the command, run it, turn errors into an exit status."""

import gc
import os
import sys
from collections.abc import Callable, Sequence
from importlib import import_module
from typing import NoReturn

from envc.cli.arguments import Arguments, help_text, parse
from envc.cli.commands import COMMANDS
from envc.errors import EnvcError, InternalError, UsageError

_INTERRUPTED = 130
# Most calls live for milliseconds and leave no garbage in circles; a long one still collects.
_OBJECTS_BEFORE_COLLECTING = 100_000


def program(*, target: str | None = None) -> NoReturn:
    """The process `envc`: it ends as soon as everything is said, and takes nothing apart before.

    `target` is the target directory that carries this envc, if one does: commands are about it
    unless they name another.
    """
    gc.set_threshold(_OBJECTS_BEFORE_COLLECTING)
    try:
        status = main(target=target)
        sys.stdout.flush()
        sys.stderr.flush()
    except BrokenPipeError:
        status = _INTERRUPTED
    os._exit(status)


def main(argv: Sequence[str] | None = None, *, target: str | None = None) -> int:
    """The exit status of one call of envc; `target` as for `program`."""
    words = list(sys.argv[1:] if argv is None else argv)
    if not words:
        sys.stderr.write(help_text())
        return UsageError.status
    if words[0] in {"-h", "--help", "help"}:
        sys.stdout.write(help_text())
        return 0
    if words[0] in {"-V", "--version"}:
        from envc import __version__

        sys.stdout.write(f"envc {__version__}\n")
        return 0
    if words[0] not in COMMANDS:
        sys.stderr.write(f"envc: there is no command {words[0]!r}; see `envc --help`\n")
        return UsageError.status
    module = import_module(f"envc.cli.{words[0]}")
    arguments = parse(words[0], module, words[1:], target=target)
    return _run(module.run, arguments)


def _run(run: Callable[[Arguments], int], arguments: Arguments) -> int:
    try:
        return run(arguments)
    except EnvcError as error:
        _report(error, arguments)
        return error.status
    except BrokenPipeError:
        return _INTERRUPTED
    except KeyboardInterrupt:
        sys.stderr.write("envc: interrupted; nothing half-done is in use\n")
        return _INTERRUPTED
    except OSError as error:
        from envc.disk.durable import disk_error

        trouble = disk_error(error, "go on")
        _report(trouble, arguments)
        return trouble.status
    except Exception as error:  # noqa: BLE001 - the last resort: a bug, told as one
        _report_bug(error, verbose=arguments.verbose > 0)
        return InternalError.status


def _report(error: EnvcError, arguments: Arguments) -> None:
    """The error on stderr, and with `--json` as one object on stdout."""
    if arguments.json:
        import json

        faults = [fault._asdict() for fault in error.faults]
        body = {"error": {"code": error.code, "status": error.status, "faults": faults}}
        sys.stdout.write(json.dumps(body, indent=2) + "\n")
    if arguments.verbose and error.__cause__ is not None:
        sys.stderr.write(f"envc: caused by {error.__cause__!r}\n")
    for fault in error.faults:
        sys.stderr.write(f"error: {fault.what}\n")
        if fault.where:
            sys.stderr.write(f"   at: {fault.where}\n")
        if fault.mend:
            sys.stderr.write(f" mend: {fault.mend}\n")


def _report_bug(error: Exception, *, verbose: bool) -> None:
    sys.stderr.write(f"envc: a bug in envc: {type(error).__name__}: {error}\n")
    if verbose:
        import traceback

        traceback.print_exception(error)
    else:
        sys.stderr.write(" mend: run it again with -v, and report what it prints\n")
