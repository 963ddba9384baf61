"""`envc doctor`."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import argparse
    from collections.abc import Iterator

    from envc.reports.doctor import DoctorReport

EXAMPLE = "envc doctor --target /usr/local/Canopy --overlay /shared/canopy/alice/plots"


def add_options(parser: argparse.ArgumentParser) -> None:
    """The options of this command."""
    parser.add_argument("--target", metavar="DIR", help="where the common layers are, or will be")
    parser.add_argument("--overlay", metavar="DIR", help="an overlay's folder")


def run(arguments: argparse.Namespace) -> int:
    """Say what is so; the status is 1 where this node is not fit."""
    import os
    import sys

    from envc.cli.output import print_json
    from envc.commands.doctor import doctor

    report = doctor(arguments.target, arguments.overlay, os.environ)
    if arguments.json:
        print_json(report)
    else:
        sys.stdout.writelines(f"{line}\n" for line in lines(report, quiet=arguments.quiet))
    return 0 if report.ok else 1


def lines(report: DoctorReport, *, quiet: bool) -> Iterator[str]:
    """A line a diagnosis, with its mend below; with `quiet` only what is not well."""
    for each in report.diagnoses:
        if each.state != "ok" or not quiet:
            yield f"{each.state:<8} {each.name}: {each.what}"
        if each.mend:
            yield f"         mend: {each.mend}"
