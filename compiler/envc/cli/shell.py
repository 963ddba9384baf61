"""`envc shell`."""

from envc.cli.grammar import Arguments, Command
from envc.cli.run import ONE_STACK, STACK, become, stack_of


def _run(arguments: Arguments) -> None:
    from envc.commands.shell import shell_command

    environment = stack_of(arguments)
    become(arguments, shell_command(environment), environment)


COMMAND = Command(
    _run,
    example="envc shell --overlay plots",
    options=STACK,
    conflicts=ONE_STACK,
)
