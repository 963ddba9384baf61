"""`envc bundle`."""

from envc.cli.grammar import Arguments, Command, Option
from envc.cli.options import LENDER, OFFLINE, SIGN, signing_keys, wheels_from
from envc.cli.output import Output, counted


def _run(arguments: Arguments) -> Output:
    from envc.cli.context import context_of, site_of
    from envc.commands.bundle import make_bundle
    from envc.target.opened import lending_target

    report = make_bundle(
        site_of(arguments),
        arguments.output,
        arguments.source,
        context_of(arguments),
        sign=signing_keys(arguments),
        lender=lending_target(arguments.target),
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
        Option("-o, --output", "FILE", "the bundle", required=True, strays=True),
        wheels_from("a folder of wheels to take first"),
        LENDER,
        OFFLINE,
        SIGN,
    ),
)
