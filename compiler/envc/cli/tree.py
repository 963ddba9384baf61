"""`envc tree`."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import argparse
    from collections.abc import Iterator

    from envc.reports.tree import TreeReport

EXAMPLE = "envc tree --layer user"


def add_options(parser: argparse.ArgumentParser) -> None:
    """The options of this command."""
    which = parser.add_mutually_exclusive_group()
    which.add_argument("--layer", metavar="L", help="a common layer (default: user)")
    which.add_argument("--overlay", metavar="FILE", help="an overlay's spec")
    parser.add_argument("--offline", action="store_true", help="use the cache alone")


def run(arguments: argparse.Namespace) -> int:
    """Show the tree."""
    import sys

    from envc.cli.context import context_of, site_of
    from envc.cli.output import print_json
    from envc.commands.tree import layer_tree, overlay_tree

    context = context_of(arguments, offline=arguments.offline)
    site = site_of(arguments)
    if arguments.overlay is not None:
        report = overlay_tree(site, arguments.overlay, context)
    else:
        report = layer_tree(site, arguments.layer or "user", context)
    if arguments.json:
        print_json(report)
    else:
        sys.stdout.writelines(f"{line}\n" for line in lines(report))
    return 0


def lines(report: TreeReport) -> Iterator[str]:
    """The tree in lines; what was shown already is marked and not shown again."""
    yield f"{' on '.join(report.layers)} on core ({report.target})"
    shown: set[str] = set()
    for position, root in enumerate(report.roots):
        yield from _branch(report, root, "", last=position == len(report.roots) - 1, shown=shown)


def _branch(
    report: TreeReport, name: str, indent: str, *, last: bool, shown: set[str]
) -> Iterator[str]:
    project = report.projects[name]
    layer = f"  [{project.layer}]" if len(report.layers) > 1 else ""
    again = "  (above)" if name in shown and project.requires else ""
    yield f"{indent}{'└── ' if last else '├── '}{name} {project.version}{layer}{again}"
    if name in shown:
        return
    shown.add(name)
    below = indent + ("    " if last else "│   ")
    for position, required in enumerate(project.requires):
        final = position == len(project.requires) - 1
        yield from _branch(report, required, below, last=final, shown=shown)
