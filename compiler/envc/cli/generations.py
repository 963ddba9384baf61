"""`envc generations`."""

from collections.abc import Iterator
from typing import TYPE_CHECKING

from envc.cli.grammar import Arguments, Command, Option, whole
from envc.cli.options import OVERLAY, TARGET_OR_OVERLAY, folder_of
from envc.cli.output import Output, lines

if TYPE_CHECKING:
    from envc.reports.change import LayerChange
    from envc.reports.generations import AuditEvent, GenerationEntry, GenerationsReport

_MANY = 8


def _run(arguments: Arguments) -> Output:
    from envc.commands.generations import list_generations, pin, with_log

    folder = folder_of(arguments)
    if arguments.pin is not None:
        report = pin(folder, arguments.pin, keep=True)
    elif arguments.unpin is not None:
        report = pin(folder, arguments.unpin, keep=False)
    else:
        report = list_generations(folder)
    if arguments.log:
        report = with_log(report)
    return Output(report, printed=_printed(report))


def _printed(report: "GenerationsReport") -> Iterator[str]:
    for each in report.generations:
        yield from _entry(each)
    yield from lines(map(_event, report.log or ()))


def _event(event: "AuditEvent") -> str:
    from envc.disk.ownership import name_of_user

    who = name_of_user(event.user)
    asked = f", asked by {event.operator}" if event.operator else ""
    what = f"{event.event} of generation {event.generation}"
    return f"{event.time}  {what} by {who} on {event.node}{asked}"


def _entry(entry: "GenerationEntry") -> Iterator[str]:
    mark = "*" if entry.current else " "
    kept = f"kept: {entry.kept}" if entry.kept else "gc would remove it"
    digest = entry.digest.removeprefix("sha256:")[:12]
    yield from lines([f"{mark} {entry.generation:>4}  {entry.published}  {digest}  {kept}"])
    changes = {name: list(_changes(change)) for name, change in entry.layers.items()}
    yield from lines(f"        {name}: {', '.join(told)}" for name, told in changes.items() if told)


def _changes(change: "LayerChange") -> Iterator[str]:
    """The changes of a layer; a first generation adds everything, and says how much."""
    words = change.words()
    if len(change.added) > _MANY:
        yield f"{len(change.added)} projects added"
        words = words[len(change.added) :]
    yield from words


COMMAND = Command(
    _run,
    example="envc generations --target /usr/local/Canopy --pin 3",
    options=(
        TARGET_OR_OVERLAY,
        OVERLAY,
        Option("--pin", "N", "keep this one, whatever gc is told", kind=whole),
        Option("--unpin", "N", "let this one go again", kind=whole),
        Option("--log", "", "also what has happened here, when and by whom: the audit log"),
    ),
    conflicts=(("--pin", "--unpin"),),
)
