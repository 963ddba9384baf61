"""`envc shell`."""

import os

from envc.cli.grammar import Arguments, Command
from envc.cli.output import Output
from envc.cli.run import ONE_STACK, STACK, started, variables_of


def _run(arguments: Arguments) -> Output:
    from envc.commands.shell import shell_command

    variables = variables_of(arguments)
    tree = variables["VIRTUAL_ENV"]
    name = arguments.layer or os.path.basename(tree.partition("/generations/")[0])
    command, more = shell_command(tree, name, os.environ)
    return started(command, {"VIRTUAL_ENV_PROMPT": name, **variables, **more})


COMMAND = Command(
    _run,
    example="envc shell --overlay plots",
    options=STACK,
    conflicts=ONE_STACK,
)
