"""`envc generations`."""

from collections.abc import Iterator
from typing import TYPE_CHECKING

from envc.cli.grammar import Arguments, Command, Option, whole
from envc.cli.options import OVERLAY, TARGET_OR_OVERLAY, folder_of
from envc.cli.output import Output, lines

if TYPE_CHECKING:
    from envc.reports.change import LayerChange
    from envc.reports.generations import GenerationEntry

_MANY = 8


def _run(arguments: Arguments) -> Output:
    from envc.commands.generations import list_generations, pin

    folder = folder_of(arguments)
    if arguments.pin is not None:
        report = pin(folder, arguments.pin, keep=True)
    elif arguments.unpin is not None:
        report = pin(folder, arguments.unpin, keep=False)
    else:
        report = list_generations(folder)
    return Output(report, printed=(line for each in report.generations for line in _entry(each)))


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
    ),
    conflicts=(("--pin", "--unpin"),),
)
