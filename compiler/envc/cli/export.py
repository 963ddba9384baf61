"""`envc export`."""

from typing import TYPE_CHECKING

from envc.cli.grammar import Arguments, Command, Option
from envc.cli.options import LAYER, OFFLINE, OVERLAY, TARGET, spec_of
from envc.cli.output import Output

if TYPE_CHECKING:
    from envc.commands.export import Exported
    from envc.sites.site import Site


def _run(arguments: Arguments) -> Output:
    from envc.cli.context import context_of, recorded_target, site_of, site_of_target
    from envc.commands.export import default_layer, export

    context = context_of(arguments)
    target = recorded_target(arguments) if arguments.site is None else None
    site = site_of(arguments) if target is None else site_of_target(target)
    layer = arguments.layer or default_layer(site.spec)
    overlay = arguments.overlay and spec_of(arguments.overlay, arguments.target)
    flat = arguments.flat or arguments.to is not None
    exported = export(site, layer, overlay, context, flat=flat)
    if arguments.to is not None:
        return _built(arguments, site, exported)
    return _written(arguments, exported.text(arguments.format), exported.title)


def _written(arguments: Arguments, text: bytes, title: str) -> Output:
    from envc.reports.export import ExportReport

    path, form = arguments.output, arguments.format
    if path is None:
        content = text.decode()
        report = ExportReport(title=title, format=form, path=None, content=content)
        return Output(report, printed=[content])
    from envc.disk.durable import disk_error, write_file

    try:
        write_file(path, text)
    except OSError as error:
        raise disk_error(error, "write the export", path) from error
    report = ExportReport(title=title, format=form, path=path, content=None)
    return Output(report, told=[f"{title}: {path}"])


def _built(arguments: Arguments, site: "Site", exported: "Exported") -> Output:
    from envc.cli.context import context_of
    from envc.commands.export_tree import build_flat
    from envc.reports.export import ExportReport
    from envc.target.opened import lending_target

    lender = lending_target(arguments.target)
    built = build_flat(site, exported, arguments.to, context_of(arguments), lender)
    report = ExportReport(
        title=exported.title,
        format="tree",
        path=built.path,
        projects=built.projects,
        files=built.files,
    )
    return Output(
        report,
        told=[
            f"{exported.title}: {built.projects} projects in {built.path}",
            f"  run {built.path}/bin/python",
        ],
    )


COMMAND = Command(
    _run,
    example="envc export --layer user --flat --format requirements -o requirements.txt",
    options=(
        LAYER,
        OVERLAY,
        Option("--flat", "", "the whole stack, as one environment"),
        Option(
            "--format",
            "FORMAT",
            "what to write; default: pylock",
            choices=("requirements", "pylock", "cyclonedx"),
            default="pylock",
        ),
        Option("--to", "DIR", "build it there: an ordinary environment"),
        Option("-o, --output", "FILE", "write it there (default: stdout)"),
        TARGET._replace(help="take the site from there (default: the nearest, else ENVC_TARGET)"),
        OFFLINE,
    ),
    conflicts=(("--layer", "--overlay"), ("--format", "--to")),
)
