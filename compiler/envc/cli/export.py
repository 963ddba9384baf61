"""`envc export`."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import argparse

    from envc.commands.export import Exported
    from envc.sites.site import Site

EXAMPLE = "envc export --layer user --flat --format requirements -o requirements.txt"
FORMATS = ("requirements", "pylock", "cyclonedx")


def add_options(parser: argparse.ArgumentParser) -> None:
    """The options of this command."""
    which = parser.add_mutually_exclusive_group()
    which.add_argument("--layer", metavar="L", help="a common layer (default: user)")
    which.add_argument("--overlay", metavar="DIR", help="an overlay's folder, or its spec")
    parser.add_argument("--flat", action="store_true", help="the whole stack, as one environment")
    what = parser.add_mutually_exclusive_group()
    what.add_argument("--format", choices=FORMATS, default="pylock", help="default: pylock")
    what.add_argument("--to", metavar="DIR", help="build it there: an ordinary environment")
    parser.add_argument("-o", "--output", metavar="FILE", help="write it there (default: stdout)")
    parser.add_argument("--target", metavar="DIR", help="take the site from there")
    parser.add_argument("--offline", action="store_true", help="ask no index")


def run(arguments: argparse.Namespace) -> int:
    """Print or write the file, or build the environment."""
    from envc.cli.context import context_of
    from envc.commands.export import default_layer, export

    context = context_of(arguments, offline=arguments.offline)
    site = _site(arguments)
    layer = arguments.layer or default_layer(site.spec)
    flat = arguments.flat or arguments.to is not None
    exported = export(site, layer, arguments.overlay, context, flat=flat)
    if arguments.to is not None:
        return _build(arguments, site, exported)
    _write(arguments, exported.text(arguments.format), exported.title)
    return 0


def _site(arguments: argparse.Namespace) -> Site:
    """The site of `--site` or the nearest one; else the copy that a target keeps."""
    from envc.cli.context import site_of
    from envc.target.opened import find_target, open_target

    if arguments.site is None and (arguments.target or arguments.overlay):
        return open_target(find_target(arguments.target, arguments.overlay)).site
    return site_of(arguments)


def _write(arguments: argparse.Namespace, text: bytes, title: str) -> None:
    import sys

    from envc.cli.output import print_json, say
    from envc.reports.export import ExportReport

    if arguments.output is not None:
        from envc.disk.durable import disk_error, write_file

        try:
            write_file(arguments.output, text)
        except OSError as error:
            raise disk_error(error, "write the export", arguments.output) from error
        say(arguments, f"{title}: {arguments.output}")
    if arguments.json:
        content = None if arguments.output is not None else text.decode()
        print_json(
            ExportReport(
                title=title, format=arguments.format, path=arguments.output, content=content
            )
        )
    elif arguments.output is None:
        sys.stdout.write(text.decode())


def _build(arguments: argparse.Namespace, site: Site, exported: Exported) -> int:
    from envc.cli.context import context_of
    from envc.cli.output import print_json, say
    from envc.commands.export_tree import build_flat
    from envc.reports.export import ExportReport

    built = build_flat(
        site, exported, arguments.to, context_of(arguments, offline=arguments.offline)
    )
    if arguments.json:
        report = ExportReport(
            title=exported.title,
            format="tree",
            path=built.path,
            projects=built.projects,
            files=built.files,
        )
        print_json(report)
    else:
        say(arguments, f"{exported.title}: {built.projects} projects in {built.path}")
        say(arguments, f"  run {built.path}/bin/python")
    return 0
