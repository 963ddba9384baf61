"""`envc check`."""

from collections.abc import Iterator
from typing import TYPE_CHECKING

from envc.cli.grammar import Arguments, Command, Operand, Option
from envc.cli.options import FINDS, OFFLINE, OVERLAY, spec_of
from envc.cli.output import Output, as_json, counted, lines

if TYPE_CHECKING:
    from envc.reports.check import AgainstReport, CheckReport
    from envc.sites.site import Site


def _run(arguments: Arguments) -> Output:
    from envc.cli.context import context_of, site_of
    from envc.commands.check import CheckOptions, check
    from envc.commands.check_against import check_against
    from envc.commands.check_explain import explanation

    if arguments.explain is not None:
        text = explanation(arguments.explain)
        return Output({"code": arguments.explain, "explanation": text}, printed=[text])
    arguments.json = arguments.json or arguments.format == "json"
    site = site_of(arguments)
    context = context_of(arguments)
    words = (*arguments.specs, *arguments.overlays)
    options = CheckOptions(
        specs=tuple(spec_of(word, arguments.target) for word in words),
        wheelhouses=tuple(arguments.wheelhouses),
    )
    if arguments.against is not None:
        report = check_against(site, arguments.against, options, context)
    else:
        report = check(site, options, context)
    return Output(
        report,
        printed=_printed(report, arguments, site),
        told=_sums(report, arguments.verbose) if report.overlays else [_said_of_none(site)],
        status=0 if report.ok else 1,
    )


def _printed(report: "CheckReport", arguments: Arguments, site: "Site") -> Iterator[str]:
    """The report in the format that was asked for."""
    from envc import __version__

    match arguments.format:
        case "sarif":
            from envc.formats.report_sarif import sarif

            yield as_json(sarif(report.overlays, version=__version__))
        case "junit":
            from envc.formats.report_junit import junit

            yield junit(report.overlays).decode()
        case "github":
            from envc.formats.harmless import printable
            from envc.formats.report_github import annotations

            yield from (f"{printable(line)}\n" for line in annotations(report.overlays))
        case "html":
            yield _page(report, site.spec.name)
        case _:
            from envc.formats.report_text import verdict_lines

            for verdict in report.overlays:
                told = lines(verdict_lines(verdict, verbose=bool(arguments.verbose)))
                yield from _typed(told, arguments.site)
            if report.against is not None:
                yield from lines(_impacts(report.against))


def _typed(told: Iterator[str], site: str | None) -> Iterator[str]:
    if site is None:
        return told
    from envc.cli.typed import typed_here  # few name one

    return (typed_here(line, site) for line in told)


def _page(report: "CheckReport", site: str) -> str:
    from envc.cli.page import page_template
    from envc.formats.report_html import html_page

    against = report.against
    impacts = {each.spec: each.kind for each in against.overlays} if against is not None else {}
    return html_page(page_template("check"), report.overlays, site=site, impacts=impacts)


def _impacts(against: "AgainstReport") -> Iterator[str]:
    """What the change means, overlay by overlay; nothing of those that it leaves alone."""
    yield ""
    yield f"against {against.other}:"
    for impact in against.overlays:
        if impact.kind == "unaffected":
            continue
        yield f"{impact.kind:<13}{impact.name} ({impact.spec})"
        yield from (f"{'':13}{line.partition(chr(10))[0]}" for line in impact.changes + impact.why)


def _said_of_none(site: "Site") -> str:
    overlays = site.spec.overlays
    if not overlays.specs:
        return f"no overlay to check: name a spec, or set overlays.specs in {site.spec_name}"
    told = f"no overlay to check: nothing matches {', '.join(overlays.specs)} (overlays.specs)"
    if overlays.storage is None:
        return f"{told}; name a spec, or correct that"
    return f"{told}; name a spec, or copy users' here with `envc overlay collect`"


def _sums(report: "CheckReport", verbose: int) -> Iterator[str]:
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


COMMAND = Command(
    _run,
    repeats=True,
    example="envc check --against origin/main --format html > check.html",
    operands=(
        Operand("SPEC", "overlays, as --overlay names them (default: the site's)", "specs", "*"),
    ),
    options=(
        OVERLAY._replace(repeated=True, into="overlays"),
        Option(
            "--format",
            "FORMAT",
            "how to print it",
            choices=("text", "json", "sarif", "junit", "github", "html"),
            default="text",
        ),
        Option(
            "--against",
            "STATE",
            "compare with another state of the site: a folder, or a git revision",
        ),
        Option(
            "--from",
            "DIR",
            "a folder of wheels to look into before the network",
            into="wheelhouses",
            repeated=True,
        ),
        OFFLINE,
        Option("--explain", "CODE", "say what a finding's code means"),
        FINDS,
    ),
)
