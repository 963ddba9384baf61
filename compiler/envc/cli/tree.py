"""`envc tree`."""

from collections.abc import Iterator
from typing import TYPE_CHECKING

from envc.cli.grammar import Arguments, Command
from envc.cli.options import FINDS, LAYER, OFFLINE, OVERLAY, spec_of
from envc.cli.output import Output, lines

if TYPE_CHECKING:
    from envc.reports.tree import TreeReport


def _run(arguments: Arguments) -> Output:
    from envc.cli.context import context_of, site_of
    from envc.commands.tree import layer_tree, overlay_tree

    site, context = site_of(arguments), context_of(arguments)
    if arguments.overlay is not None:
        report = overlay_tree(site, spec_of(arguments.overlay, arguments.target), context)
    else:
        report = layer_tree(site, arguments.layer or "user", context)
    return Output(report, printed=lines(_tree(report)))


def _tree(report: "TreeReport") -> Iterator[str]:
    """The tree in lines; what was shown already is marked and not shown again."""
    yield f"{' on '.join(report.layers)} on core ({report.target})"
    shown: set[str] = set()
    kept = _kept(report)
    roots = (*report.roots, *kept)
    for position, root in enumerate(roots):
        last = position == len(roots) - 1
        note = "  (kept: nothing here asks for it)" if root in kept else ""
        yield from _branch(report, root, "", last=last, shown=shown, note=note)


def _kept(report: "TreeReport") -> tuple[str, ...]:
    """The projects that a base has and nobody asks for, as few as lead to all of these."""
    from envc.model.resolution import reach

    ways = {name: project.requires for name, project in report.projects.items()}
    rest = sorted(ways.keys() - reach(report.roots, ways))
    needed = {required for name in rest for required in ways[name]}
    reached: frozenset[str] = frozenset()
    found: list[str] = []
    for name in (*(name for name in rest if name not in needed), *rest):  # some need each other
        if name not in reached:
            found.append(name)
            reached |= reach([name], ways)
    return tuple(found)


def _branch(
    report: "TreeReport", name: str, indent: str, *, last: bool, shown: set[str], note: str = ""
) -> Iterator[str]:
    project = report.projects[name]
    layer = f"  [{project.layer}]" if len(report.layers) > 1 else ""
    again = "  (above)" if name in shown and project.requires else ""
    yield f"{indent}{'└── ' if last else '├── '}{name} {project.version}{layer}{again}{note}"
    if name in shown:
        return
    shown.add(name)
    below = indent + ("    " if last else "│   ")
    for position, required in enumerate(project.requires):
        final = position == len(project.requires) - 1
        yield from _branch(report, required, below, last=final, shown=shown)


COMMAND = Command(
    _run,
    repeats=True,
    example="envc tree --layer user",
    options=(LAYER, OVERLAY, OFFLINE, FINDS),
    conflicts=(("--layer", "--overlay"),),
)
