"""`envc shell`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from envc.cli.run import add_stack_options, become

if TYPE_CHECKING:
    import argparse

EXAMPLE = "envc shell --overlay /shared/canopy/alice/plots"


def add_options(parser: argparse.ArgumentParser) -> None:
    """The options of this command."""
    add_stack_options(parser)


def run(arguments: argparse.Namespace) -> int:
    """Become the shell."""
    import os

    from envc.cli.context import context_of
    from envc.commands.run import RunOptions, prepare
    from envc.commands.shell import shell_command

    options = RunOptions(layer=arguments.layer, overlay=arguments.overlay, target=arguments.target)
    environment = prepare(options, os.environ, context_of(arguments))
    command = shell_command(environment)
    become(arguments, command, environment)
    return 0
