"""`envc bundle`."""

from envc.cli.grammar import Arguments, Command, Option
from envc.cli.options import OFFLINE, SIGN, signing_keys, wheels_from
from envc.cli.output import Output, counted


def _run(arguments: Arguments) -> Output:
    from envc.cli.context import context_of, site_of
    from envc.commands.bundle import make_bundle

    report = make_bundle(
        site_of(arguments),
        arguments.output,
        arguments.source,
        context_of(arguments),
        sign=signing_keys(arguments),
    )
    trees = counted(report.trees, "stored tree")
    signed = ", signed" if report.signed else ""
    return Output(
        report, told=[f"{report.path}: {trees}, {report.size_bytes / 1e6:.1f} MB{signed}"]
    )


COMMAND = Command(
    _run,
    example="envc bundle -o canopy.envc",
    options=(
        Option("-o, --output", "FILE", "the bundle", required=True),
        wheels_from("a folder of wheels to take first"),
        OFFLINE,
        SIGN,
    ),
)
