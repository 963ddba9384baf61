"""`envc shell`."""

import os

from envc.cli.grammar import Arguments, Command
from envc.cli.output import Output
from envc.cli.run import ONE_STACK, STACK, started, variables_of


def _run(arguments: Arguments) -> Output:
    from envc.commands.shell import shell_command

    variables = variables_of(arguments)
    return started(shell_command(variables["VIRTUAL_ENV"], os.environ), variables)


COMMAND = Command(
    _run,
    example="envc shell --overlay plots",
    options=STACK,
    conflicts=ONE_STACK,
)
