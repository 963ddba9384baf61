"""A call of envc: its command is found, read, run and shown; errors become exit statuses."""

import sys
from collections.abc import Mapping, Sequence
from contextlib import suppress
from importlib import import_module
from typing import Any, NamedTuple

from envc.cli.again import Recording, recording_of
from envc.cli.commands import COMMANDS
from envc.cli.ending import Ending
from envc.cli.grammar import Arguments, Command, Operand, meant, read
from envc.cli.output import become, harmless, harmless_lines, print_json, show
from envc.cli.progress import LineReporter, reporter_of
from envc.errors import EnvcError, InternalError, Interrupted, UsageError, help_line
from envc.ports import REPORTER


class _Call(NamedTuple):
    """A command by the name that people type, and its arguments; with `help` its page is meant.

    Of one that has verbs there may be none but that page.
    """

    name: str
    module: Any
    command: Command | None
    arguments: Arguments


# What stands before a command, or before a verb.
_BEFORE = Command(
    run=lambda _: None,
    example="",
    operands=(Operand("COMMAND", "a command", "words", "*"),),
    ends=True,
)


def answer(words: Sequence[str], carriers: Mapping[str, str | None], *, listening: bool) -> int:
    """Do what the words say; the exit status.

    What carries this envc is meant where they name no other: of `carriers`, those that are
    arguments of the command. With `listening` signals are heard.
    """
    ours = words[: words.index("--")] if "--" in words else words
    arguments, reporter = Arguments(json="--json" in ours, verbose=0), None
    ending = Ending(lambda: _report(_interrupted(reporter, ending.status), arguments))
    try:
        if listening:
            ending.listen()
        call = _call_of(words)
        arguments = call.arguments
        if arguments.help or call.command is None:
            sys.stdout.write(_page(call))
            return 0
        for name, carrier in carriers.items():
            if getattr(arguments, name, "") is None:
                setattr(arguments, name, carrier)
        reporter = reporter_of(arguments)
        REPORTER.set(reporter)
        is_kept = listening and call.command.repeats and not arguments.verbose
        recording = recording_of(words, carriers) if is_kept else None
        return _done(call.command, arguments, recording)
    except (KeyboardInterrupt, Exception) as error:
        if ending.is_heard or isinstance(error, KeyboardInterrupt):
            return ending.said()
        if isinstance(error, BrokenPipeError):
            raise  # the process has a status for it
        return _report(_told(error, arguments), arguments)


def _done(command: Command, arguments: Arguments, recording: Recording | None) -> int:
    """Carry out a command, show what it says, and start what it starts; the exit status."""
    if recording is not None:
        recording.begin()
    output = command.run(arguments)
    status = show(output, arguments)
    if recording is not None:
        recording.keep(status, output.launch)
    if output.launch is not None:
        become(output.launch)
    return status


def _call_of(words: Sequence[str]) -> _Call:
    """What these words call.

    Raises:
        UsageError: there is no such command, or it does not know what they say.
    """
    before = vars(read(_BEFORE, words, page="envc"))
    words = before.pop("words")
    if words[:1] == ["help"]:
        words, before["help"] = words[1:], True
    name = _first(words, COMMANDS, "envc", "command")
    module, page, words = import_module(f"envc.cli.{name}"), f"envc {name}", words[1:]
    command: Command | None = getattr(module, "COMMAND", None)
    if command is None:
        before = vars(read(_BEFORE, words, page=page, before=before))
        words = before.pop("words")
        if words or not before["help"]:
            verb = _first(words, module.VERBS, page, "verb")
            command, page, words = module.VERBS[verb], f"{page} {verb}", words[1:]
    if command is None or before["help"]:
        return _Call(page, module, command, Arguments(**before))
    return _Call(page, module, command, read(command, words, page=page, before=before))


def _first(words: Sequence[str], known: Mapping[str, Any], page: str, kind: str) -> str:
    """The first of the words, which names one of the known commands or verbs."""
    see = f"see `{page} --help`"
    if not words:
        raise UsageError(f"{page} needs a {kind}", mend=see)
    if words[0] not in known:
        from envc.cli.elsewhere import said_elsewhere  # few words are mistyped

        mend = said_elsewhere(page, words[0]) or meant(words[0], known, "")
        mend = f"{mend.rstrip()} {see}".lstrip()
        raise UsageError(f"{page} has no {kind} {words[0]!r}", mend=mend)
    return words[0]


def _page(call: _Call) -> str:
    from envc.cli.help import page_of, page_of_verbs

    summary = COMMANDS[call.name.split()[1]]
    if call.command is None:
        return page_of_verbs(call.name, call.module.VERBS, summary)
    return page_of(call.name, call.command, call.command.summary or summary)


def _report(error: EnvcError, arguments: Arguments) -> int:
    """The error on stderr, and with `--json` as one object on stdout; its exit status."""
    found, site = error.faults, getattr(arguments, "site", None)
    if site is not None:
        from envc.cli.typed import typed_here  # few name one

        found = tuple(each._replace(mend=typed_here(each.mend, site)) for each in found)
    if arguments.json:
        faults = [fault._asdict() for fault in found]
        told = {"error": {"code": error.code, "status": error.status, "faults": faults}}
        print_json(_known(error) | told)
    if arguments.verbose and error.__cause__ is not None:
        sys.stderr.write(f"envc: caused by {error.__cause__!r}\n")
    with suppress(OSError):  # where nobody can be told, the status still tells
        for fault in found:
            sys.stderr.write(f"error: {harmless_lines(fault.what)}\n")
            if fault.where:
                sys.stderr.write(f"   at: {harmless(fault.where)}\n")
            if fault.mend:
                sys.stderr.write(f" {help_line(harmless_lines(fault.mend))}\n")
    return error.status


def _known(error: EnvcError) -> dict[str, Any]:
    """What was known before somebody ended the run."""
    if not isinstance(error, Interrupted) or error.report is None:
        return {}
    from dataclasses import asdict

    known: Any = error.report
    return asdict(known)


def _interrupted(reporter: LineReporter | None, status: int) -> Interrupted:
    """What holds although somebody has ended the run."""
    holds, report = "nothing half-done is in use", None
    if reporter is not None:
        with suppress(EnvcError, OSError):
            holds = reporter.said() or holds
        report = reporter.known() if reporter.known is not None else None
    told = Interrupted(f"interrupted: {holds}", mend="run the same command again: it goes on")
    told.status, told.report = status, report
    return told


def _told(error: Exception, arguments: Arguments) -> EnvcError:
    """The error as people are told it; what nobody foresaw is a bug."""
    if isinstance(error, EnvcError):
        return error
    if isinstance(error, OSError):
        from envc.disk.durable import disk_error

        return disk_error(error, "go on")
    if arguments.verbose:
        import traceback

        sys.stderr.write(harmless_lines("".join(traceback.format_exception(error))))
    what = f"a bug in envc: {type(error).__name__}: {error}"
    return InternalError(what, mend="run it again with -v, and report what it prints")
