"""`envc check`."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import argparse
    from collections.abc import Iterator

    from envc.reports.check import AgainstReport, CheckReport

EXAMPLE = "envc check --against origin/main --format html > check.html"

_FORMATS = ("text", "json", "sarif", "junit", "github", "html")


def add_options(parser: argparse.ArgumentParser) -> None:
    """The options of this command."""
    parser.add_argument("specs", nargs="*", metavar="SPEC", help="default: the site's overlays")
    parser.add_argument("--format", choices=_FORMATS, default="text", help="default: text")
    parser.add_argument(
        "--against",
        metavar="STATE",
        help="compare with another state of the site: a folder, or a git revision",
    )
    parser.add_argument(
        "--from",
        dest="wheelhouses",
        action="append",
        default=[],
        metavar="DIR",
        help="a folder of wheels to look into before the network",
    )
    parser.add_argument("--offline", action="store_true", help="use the cache alone")
    parser.add_argument("--explain", metavar="CODE", help="say what a finding's code means")


def run(arguments: argparse.Namespace) -> int:
    """Check; the status is 1 when an overlay is not ok."""
    import sys

    from envc.cli.context import context_of, site_of
    from envc.cli.output import say
    from envc.commands.check import CheckOptions, check
    from envc.commands.check_against import check_against
    from envc.commands.check_explain import explanation

    if arguments.explain is not None:
        sys.stdout.write(explanation(arguments.explain))
        return 0
    site = site_of(arguments)
    context = context_of(arguments, offline=arguments.offline)
    options = CheckOptions(specs=tuple(arguments.specs), wheelhouses=tuple(arguments.wheelhouses))
    if arguments.against is not None:
        report = check_against(site, arguments.against, options, context)
    else:
        report = check(site, options, context)
    _print(report, arguments, site.spec.name)
    if not report.overlays:
        say(arguments, "no overlay to check: name a spec, or set overlays.specs in envc.toml")
    elif not arguments.json:
        for line in _sums(report, arguments.verbose):
            say(arguments, line)
    return 0 if report.ok else 1


def _print(report: CheckReport, arguments: argparse.Namespace, site: str) -> None:
    """The report on stdout, in the format that was asked for."""
    import sys

    from envc import __version__
    from envc.cli.output import print_json, print_object

    form = "json" if arguments.json else arguments.format
    match form:
        case "json":
            print_json(report)
        case "sarif":
            from envc.formats.report_sarif import sarif

            print_object(sarif(report.overlays, version=__version__))
        case "junit":
            from envc.formats.report_junit import junit

            sys.stdout.write(junit(report.overlays).decode())
        case "github":
            from envc.formats.report_github import annotations

            sys.stdout.writelines(f"{line}\n" for line in annotations(report.overlays))
        case "html":
            sys.stdout.write(_page(report, site))
        case _:
            from envc.formats.report_text import verdict_lines

            for verdict in report.overlays:
                lines = verdict_lines(verdict, verbose=bool(arguments.verbose))
                sys.stdout.writelines(f"{line}\n" for line in lines)
            if report.against is not None:
                sys.stdout.writelines(f"{line}\n" for line in _impacts(report.against))


def _page(report: CheckReport, site: str) -> str:
    from envc.cli.page import page_template
    from envc.formats.report_html import html_page

    against = report.against
    impacts = {each.spec: each.kind for each in against.overlays} if against is not None else {}
    return html_page(page_template("check"), report.overlays, site=site, impacts=impacts)


def _impacts(against: AgainstReport) -> Iterator[str]:
    """What the change means, overlay by overlay; nothing of those that it leaves alone."""
    yield ""
    yield f"against {against.other}:"
    for impact in against.overlays:
        if impact.kind == "unaffected":
            continue
        yield f"{impact.kind:<13}{impact.name} ({impact.spec})"
        yield from (f"{'':13}{line.partition(chr(10))[0]}" for line in impact.changes + impact.why)


def _sums(report: CheckReport, verbose: int) -> Iterator[str]:
    from envc.cli.output import counted

    failed = sum(not verdict.ok for verdict in report.overlays)
    total = counted(len(report.overlays), "overlay")
    yield f"{total} checked, {failed} in conflict" if failed else f"{total} ok"
    if report.against is not None:
        parts = [f"{count} {kind}" for kind, count in report.against.counts.items() if count]
        yield f"against {report.against.other}: {', '.join(parts)}"
    if verbose:
        yield (
            f"judged now: {report.checked}, from the cache: {report.reused}, "
            f"received: {report.received_bytes} bytes"
        )
