"""`envc audit`."""

import os
from collections.abc import Iterator
from typing import TYPE_CHECKING

from envc.cli.grammar import Arguments, Command, Option
from envc.cli.options import FINDS, OVERLAY, spec_of
from envc.cli.output import Output, counted, harmless, lines
from envc.errors import UsageError, help_line, shell_word

if TYPE_CHECKING:
    from envc.reports.audit import AuditedVulnerability, AuditReport

DATABASE = "ENVC_OSV"
_MOST_UNREAD = 5


def _run(arguments: Arguments) -> Output:
    from envc.cli.context import context_of, site_of
    from envc.commands.audit import AuditOptions, audit

    overlay = arguments.overlay
    options = AuditOptions(
        database=_database(arguments),
        layer=arguments.layer,
        overlay=None if overlay is None else spec_of(overlay, arguments.target),
        ignored=frozenset(arguments.ignore),
    )
    report = audit(site_of(arguments), options, context_of(arguments))
    return Output(
        report,
        printed=lines(_printed(report)),
        told=_told(report),
        status=0 if report.ok else 1,
    )


def _database(arguments: Arguments) -> str:
    path = arguments.db or os.environ.get(DATABASE)
    if not path:
        raise UsageError(
            "no database of advisories is named",
            mend="name a folder of OSV's files, or its archive all.zip, with --db, or set "
            f"{DATABASE}",
        )
    return os.path.abspath(path)


def _printed(report: "AuditReport") -> Iterator[str]:
    for release in report.releases:
        yield f"{release.project} {release.version}  [{release.layer}]"
        for each in release.vulnerabilities:
            yield from (f"  {line}" for line in _lines(each, release.project))


def _lines(found: "AuditedVulnerability", project: str) -> Iterator[str]:
    name, *others = found.names
    also = f" ({', '.join(others)})" if others else ""
    rated = f", {found.severity}" if found.severity else ""
    ignored = "  ignored" if found.ignored else ""
    yield harmless(f"{name}{also}{rated}{ignored}")
    if found.summary:
        yield harmless(f"  {found.summary}")
    if found.ignored:
        return
    if found.fixed_in:
        yield f"  {help_line(f'{project} {found.fixed_in[0]} has it mended')}"
    else:
        mend = f"no release has it mended: do without {project}, or --ignore {shell_word(name)}"
        yield f"  {help_line(mend)}"


def _told(report: "AuditReport") -> Iterator[str]:
    ways = [each for release in report.releases for each in release.vulnerabilities]
    ignored = sum(each.ignored for each in ways)
    also = f", {ignored} ignored" if ignored else ""
    open_ones = len(ways) - ignored
    releases, files = counted(report.audited, "release"), counted(report.advisories, "file")
    noun = "vulnerability" if open_ones == 1 else "vulnerabilities"
    yield f"{releases} held against {files} of advisories: {open_ones} known {noun}{also}"
    if report.unread:
        shown = ", ".join(report.unread[:_MOST_UNREAD])
        more = (
            f" and {len(report.unread) - _MOST_UNREAD} more"
            if len(report.unread) > _MOST_UNREAD
            else ""
        )
        yield harmless(f"cannot be read, so nothing is known of what they say: {shown}{more}")


COMMAND = Command(
    _run,
    example="envc audit --db /srv/mirror/osv/all.zip",
    options=(
        Option(
            "--db",
            "PATH",
            f"a copy of OSV's database: a folder of its files, or all.zip (default: {DATABASE})",
            strays=True,
        ),
        Option("--layer", "L", "this common layer and what it stands on (default: all layers)"),
        OVERLAY,
        Option("--ignore", "ID", "a vulnerability that somebody has looked at", repeated=True),
        FINDS,
    ),
    conflicts=(("--layer", "--overlay"),),
)
