"""`envc generations`."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import argparse
    from collections.abc import Iterator

    from envc.reports.change import LayerChange
    from envc.reports.generations import GenerationEntry

EXAMPLE = "envc generations --target /usr/local/Canopy --pin 3"


def add_options(parser: argparse.ArgumentParser) -> None:
    """The options of this command."""
    from envc.cli.arguments import add_directory_option

    add_directory_option(parser)
    pins = parser.add_mutually_exclusive_group()
    pins.add_argument("--pin", type=int, metavar="N", help="keep this one, whatever gc is told")
    pins.add_argument("--unpin", type=int, metavar="N", help="let this one go again")


def run(arguments: argparse.Namespace) -> int:
    """List the generations."""
    import sys

    from envc.cli.output import print_json
    from envc.commands.generations import list_generations, pin

    if arguments.pin is not None:
        report = pin(arguments.target, arguments.pin, keep=True)
    elif arguments.unpin is not None:
        report = pin(arguments.target, arguments.unpin, keep=False)
    else:
        report = list_generations(arguments.target)
    if arguments.json:
        print_json(report)
    else:
        for entry in report.generations:
            sys.stdout.writelines(f"{line}\n" for line in _lines(entry))
    return 0


def _lines(entry: GenerationEntry) -> Iterator[str]:
    mark = "*" if entry.current else " "
    kept = f"kept: {entry.kept}" if entry.kept else "gc would remove it"
    digest = entry.digest.removeprefix("sha256:")[:12]
    yield f"{mark} {entry.generation:>4}  {entry.published}  {digest}  {kept}"
    for name, change in entry.layers.items():
        told = list(_changes(change))
        if told:
            yield f"        {name}: {', '.join(told)}"


def _changes(change: LayerChange) -> Iterator[str]:
    """The changes of a layer; a first generation adds everything, and says how much."""
    many = 8
    words = change.words()
    if len(change.added) > many:
        yield f"{len(change.added)} projects added"
        words = words[len(change.added) :]
    yield from words
