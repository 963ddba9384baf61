"""`envc uninstall`."""

import sys

from envc.cli.grammar import Arguments, Command, Option
from envc.cli.options import TARGET, target_of
from envc.cli.output import Output, counted


def _run(arguments: Arguments) -> Output:
    from envc.commands.uninstall import uninstall
    from envc.reports.uninstall import UninstallReport

    target = target_of(arguments)
    if not (arguments.dry_run or arguments.yes or _agreed(target)):
        nothing = UninstallReport(target=target, dry_run=False, removed=(), left=())
        return Output(nothing, told=["nothing was removed"])
    report = uninstall(target, dry_run=arguments.dry_run)
    verb = "would remove" if report.dry_run else "removed"
    told = [f"{report.target}: {verb} {', '.join(report.removed)}"]
    if report.left:
        told.append(f"  not envc's, and left there: {', '.join(report.left)}")
    told += [f"  {folder} stands on it" for folder in report.overlays]
    return Output(report, told=told)


def _agreed(target: str) -> bool:
    """Whether the person at the terminal wants it; scripts are not asked."""
    if not sys.stdin.isatty():
        return True
    from envc.cli.asking import agreed
    from envc.overlays.standing import standing_on

    overlays = len(standing_on(target))
    below = (
        f"; {counted(overlays, 'overlay')} in the storage would have no base" if overlays else ""
    )
    return agreed(f"remove {target}, with every generation in it{below}?")


COMMAND = Command(
    _run,
    example="envc uninstall --target /usr/local/Canopy --dry-run",
    options=(
        TARGET,
        Option("--yes", "", "do not ask, on a terminal"),
        Option("--dry-run", "", "say what would go; remove nothing"),
    ),
)
