"""`envc check`."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import argparse
    from collections.abc import Iterator

    from envc.model.finding import Verdict

EXAMPLE = "envc check overlays/alice.toml --format json"


def add_options(parser: argparse.ArgumentParser) -> None:
    """The options of this command."""
    parser.add_argument("specs", nargs="*", metavar="SPEC", help="default: the site's overlays")
    parser.add_argument("--format", choices=["text", "json"], default="text")
    parser.add_argument("--offline", action="store_true", help="use the cache alone")


def run(arguments: argparse.Namespace) -> int:
    """Check; the status is 1 when an overlay is not ok."""
    import sys

    from envc.cli.context import context_of, site_of
    from envc.cli.output import counted, print_json, say
    from envc.pipeline.check import check

    context = context_of(arguments, offline=arguments.offline)
    report = check(site_of(arguments), tuple(arguments.specs), context)
    if arguments.json or arguments.format == "json":
        print_json(report)
    else:
        for verdict in report.overlays:
            sys.stdout.writelines(f"{line}\n" for line in _lines(verdict, arguments.verbose))
        failed = sum(not verdict.ok for verdict in report.overlays)
        total = counted(len(report.overlays), "overlay")
        if not report.overlays:
            say(arguments, "no overlay to check: name a spec, or set overlays.specs in envc.toml")
        else:
            say(arguments, f"{total} checked, {failed} in conflict" if failed else f"{total} ok")
    return 0 if report.ok else 1


def _lines(verdict: Verdict, verbose: int) -> Iterator[str]:
    """A verdict in lines; notes are told only when asked for, or when the overlay is not ok."""
    changes = [
        f"{word} {', '.join(projects)}"
        for word, projects in (
            ("adds", verdict.adds),
            ("shadows", verdict.shadows),
            ("lifts", verdict.lifts),
        )
        if projects
    ]
    summary = "; ".join([f"inherits {verdict.inherits}", *changes]) if verdict.ok else ""
    yield f"{'ok  ' if verdict.ok else 'FAIL'} {verdict.name} ({verdict.spec})"
    if summary:
        yield f"     {summary}"
    for finding in verdict.findings:
        if finding.severity == "note" and not verbose:
            continue
        first, *rest = finding.message.split("\n")
        yield f"     {finding.severity} {finding.code}: {first}"
        yield from (f"       {line}" for line in rest)
        if finding.where:
            yield f"       at: {finding.where}"
        if finding.mend:
            yield f"     mend: {finding.mend}"
