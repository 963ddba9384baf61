"""`envc completion`."""

from envc.cli.grammar import Arguments, Command, Operand
from envc.cli.output import Output

SHELLS = ("bash", "zsh", "fish")


def _run(arguments: Arguments) -> Output:
    from envc.reports.completion import CompletionReport

    report = CompletionReport(shell=arguments.shell, script=script_for(arguments.shell))
    return Output(report, printed=[report.script])


def script_for(shell: str) -> str:
    """What a shell reads to complete envc's commands, options and paths."""
    from shtab import complete  # nothing else needs it

    from envc.cli.parser import parser_of_commands

    return f"{complete(parser_of_commands(), shell).rstrip()}\n"


COMMAND = Command(
    _run,
    example="envc completion fish > ~/.config/fish/completions/envc.fish\n"
    'eval "$(envc completion bash)"     (in ~/.bashrc; zsh likewise, in ~/.zshrc)',
    operands=(Operand("SHELL", "bash, zsh or fish", "shell", choices=SHELLS),),
)
