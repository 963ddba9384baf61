"""`envc shell`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from envc.cli.run import add_stack_options

if TYPE_CHECKING:
    import argparse

EXAMPLE = "envc shell --overlay /shared/canopy/alice/plots"


def add_options(parser: argparse.ArgumentParser) -> None:
    """The options of this command."""
    add_stack_options(parser)


def run(arguments: argparse.Namespace) -> int:
    """Become the shell."""
    import os
    import sys

    from envc.cli.context import context_of
    from envc.pipeline.stacks.run import RunOptions, prepare, replace_process
    from envc.pipeline.stacks.shell import shell_command

    options = RunOptions(layer=arguments.layer, overlay=arguments.overlay, target=arguments.target)
    environment = prepare(options, os.environ, context_of(arguments))
    command = shell_command(environment)
    if arguments.json:
        from envc.cli.output import print_object

        print_object({"tree": environment["VIRTUAL_ENV"], "command": command})
    sys.stdout.flush()  # what is still buffered would be lost with this process
    replace_process(command, environment)
    return 0
