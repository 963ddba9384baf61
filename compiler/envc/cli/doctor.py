"""`envc doctor`."""

from collections.abc import Iterator
from typing import TYPE_CHECKING

from envc.cli.grammar import Arguments, Command
from envc.cli.options import BASES, OVERLAY
from envc.cli.output import Output, lines
from envc.errors import help_line

if TYPE_CHECKING:
    from envc.reports.doctor import DoctorReport


def _run(arguments: Arguments) -> Output:
    import os

    from envc.commands.doctor import doctor
    from envc.overlays.places import overlay_folder

    overlay = arguments.overlay and overlay_folder(arguments.overlay, arguments.target)
    report = doctor(arguments.target, overlay, os.environ, word=arguments.overlay)
    return Output(
        report,
        printed=lines(_diagnoses(report, quiet=arguments.quiet)),
        status=0 if report.ok else 1,
    )


def _diagnoses(report: "DoctorReport", *, quiet: bool) -> Iterator[str]:
    """A line a diagnosis, with its mend below; with `quiet` only what is not well."""
    for each in report.diagnoses:
        if each.state != "ok" or not quiet:
            yield f"{each.state:<8} {each.name}: {each.what}"
        if each.mend:
            yield f"         {help_line(each.mend)}"


COMMAND = Command(
    _run,
    example="envc doctor --target /usr/local/Canopy --overlay /shared/canopy/alice/plots",
    options=(BASES, OVERLAY),
)
