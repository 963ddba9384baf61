"""`envc lock`."""

from collections.abc import Iterator
from typing import TYPE_CHECKING

from envc.cli.grammar import Arguments, Command, Option
from envc.cli.options import FINDS, OFFLINE, OVERLAY, spec_of
from envc.cli.output import Output, counted
from envc.formats.relations import RELATIONS

if TYPE_CHECKING:
    from envc.reports.lock import LockedLayer


def _run(arguments: Arguments) -> Output:
    from envc.cli.context import context_of
    from envc.commands.lock import lock
    from envc.locking.report import LockOptions

    options = LockOptions(
        layers=tuple(arguments.layer),
        overlay=arguments.overlay and spec_of(arguments.overlay, arguments.target),
        upgrade=arguments.upgrade,
        projects=frozenset(arguments.upgrade_package),
        check=arguments.check,
    )
    report = lock(arguments.site, options, context_of(arguments))
    return Output(
        report,
        told=[
            *(
                line
                for name, layer in report.layers.items()
                for line in _lines(name, layer, check=options.check)
            ),
            *(f"removed {path}: {_why_removed(path)}" for path in report.removed),
        ],
        status=1 if options.check and report.changed else 0,
    )


def _why_removed(path: str) -> str:
    return "no lock names it" if path.endswith(".whl") else "the lock has taken its place"


def _lines(name: str, layer: "LockedLayer", *, check: bool) -> Iterator[str]:
    count = len(layer.pins) + len(set().union(*layer.targets.values()))
    state = ("stale" if check else "locked") if layer.changed else "up to date"
    yield f"{name}: {state}, {counted(count, 'pin')} ({layer.path})"
    for move in layer.moves:
        yield f"  {move.words()}"
    for relation, word in (*RELATIONS[1:], ("built", "built")):
        projects = getattr(layer, relation)
        if projects:
            yield f"  {word} {', '.join(projects)}"


COMMAND = Command(
    _run,
    repeats=True,
    example="envc lock --upgrade-package numpy",
    options=(
        Option("--layer", "L", "only this layer", repeated=True),
        OVERLAY._replace(help=f"instead of layers, {OVERLAY.help}"),
        Option("--upgrade", "", "let every pin move"),
        Option(
            "--upgrade-package", "P", "let the pin of this project move", repeated=True, strays=True
        ),
        Option("--check", "", "write nothing; status 1 where a lock is stale"),
        OFFLINE,
        FINDS,
    ),
)
