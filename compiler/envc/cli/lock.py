"""`envc lock`."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import argparse

    from envc.reports.lock import LockedLayer

EXAMPLE = "envc lock --upgrade-package numpy"


def add_options(parser: argparse.ArgumentParser) -> None:
    """The options of this command."""
    parser.add_argument("--layer", action="append", default=[], metavar="L", help="only this layer")
    parser.add_argument("--overlay", metavar="FILE", help="an overlay's spec, instead of layers")
    parser.add_argument("--upgrade", action="store_true", help="let every pin move")
    parser.add_argument(
        "--upgrade-package",
        action="append",
        default=[],
        metavar="P",
        help="let the pin of this project move",
    )
    parser.add_argument(
        "--check", action="store_true", help="write nothing; status 1 where a lock is stale"
    )
    parser.add_argument("--offline", action="store_true", help="use the cache alone")


def run(arguments: argparse.Namespace) -> int:
    """Lock; the status is 1 when `--check` found a stale lock."""
    from envc.cli.context import context_of
    from envc.cli.output import print_json, say
    from envc.commands.lock import lock
    from envc.locking.report import LockOptions

    options = LockOptions(
        layers=tuple(arguments.layer),
        overlay=arguments.overlay,
        upgrade=arguments.upgrade,
        projects=frozenset(arguments.upgrade_package),
        check=arguments.check,
    )
    report = lock(arguments.site, options, context_of(arguments, offline=arguments.offline))
    if arguments.json:
        print_json(report)
    else:
        for name, layer in report.layers.items():
            say(arguments, _line(name, layer, check=arguments.check))
        for path in report.removed:
            say(arguments, f"removed {path}: no lock names it")
    return 1 if arguments.check and report.changed else 0


def _line(name: str, layer: LockedLayer, *, check: bool) -> str:
    from envc.cli.output import counted

    count = len(layer.pins) + len(set().union(*layer.targets.values()))
    state = ("stale" if check else "locked") if layer.changed else "up to date"
    line = f"{name}: {state}, {counted(count, 'pin')} ({layer.path})"
    for word, projects in (
        ("shadows", layer.shadows),
        ("lifts", layer.lifts),
        ("hides", layer.hides),
        ("built", layer.built),
    ):
        if projects:
            line += f"\n  {word} {', '.join(projects)}"
    return line
