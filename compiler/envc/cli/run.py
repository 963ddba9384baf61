"""`envc run`."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import argparse

EXAMPLE = "envc run --layer user --target /usr/local/Canopy -- python app.py"


def add_options(parser: argparse.ArgumentParser) -> None:
    """The options of this command."""
    add_stack_options(parser)
    parser.add_argument("command", nargs="+", metavar="CMD", help="the command, after --")


def add_stack_options(parser: argparse.ArgumentParser) -> None:
    """The options that say which stack."""
    which = parser.add_mutually_exclusive_group()
    which.add_argument("--overlay", metavar="DIR", help="an overlay's folder (default: your own)")
    which.add_argument("--layer", metavar="L", help="a common layer")
    parser.add_argument("--target", metavar="DIR", help="where the common layers are")


def run(arguments: argparse.Namespace) -> int:
    """Become the command."""
    import os
    import sys

    from envc.cli.context import context_of
    from envc.pipeline.run import RunOptions, prepare, replace_process

    options = RunOptions(layer=arguments.layer, overlay=arguments.overlay, target=arguments.target)
    environment = prepare(options, os.environ, context_of(arguments))
    if arguments.json:
        from envc.cli.output import print_object

        print_object({"tree": environment["VIRTUAL_ENV"], "command": arguments.command})
    sys.stdout.flush()  # what is still buffered would be lost with this process
    replace_process(arguments.command, environment)
    return 0
