"""`envc run`."""

import os

from envc.cli.grammar import Arguments, Command, Operand
from envc.cli.options import BASES, LAYER, OWN_OVERLAY
from envc.cli.output import Launch, Output

STACK = (OWN_OVERLAY, LAYER._replace(help="a common layer"), BASES)
ONE_STACK = (("--overlay", "--layer"),)
_PIP = ("pip", "pip3")


def _run(arguments: Arguments) -> Output:
    from envc.cli.context import context_of
    from envc.errors import UsageError

    command: list[str] = arguments.command
    is_script = bool(command) and command[0].endswith(".py") and os.path.isfile(command[0])
    command = command[1:] if command[:1] == ["--"] else command
    if not command:
        raise UsageError("nothing to run", mend="name a command after --, or a script")
    overlay = None
    if is_script:
        if arguments.overlay is None and arguments.layer is None:
            from envc.overlays.script import overlay_of_script

            overlay = overlay_of_script(command[0], arguments.target, context_of(arguments))
        command = ["python", *command]
    return started(command, variables_of(arguments, overlay))


def variables_of(arguments: Arguments, overlay: str | None = None) -> dict[str, str]:
    """What the stack that the options name sets, else that of the overlay in that folder."""
    from envc.cli.context import context_of
    from envc.commands.run import RunOptions, prepare
    from envc.overlays.places import overlay_folder

    if arguments.overlay is not None:
        overlay = overlay_folder(arguments.overlay, arguments.target)
    options = RunOptions(arguments.layer, overlay, arguments.target, arguments.overlay)
    return prepare(options, os.environ, context_of(arguments))


def started(command: list[str], variables: dict[str, str]) -> Output:
    """A command that this process becomes, in a stack that sets these variables."""
    from envc.host.surroundings import DROPPED

    tree = variables["VIRTUAL_ENV"]
    if command[0] in _PIP and not os.path.lexists(f"{tree}/bin/{command[0]}"):
        _refuse_other_pip(tree)
    report = {"tree": tree, "command": command}
    return Output(report, launch=Launch(command, variables, DROPPED))


def _refuse_other_pip(tree: str) -> None:
    """Refuse to run the pip of another Python, which would install where nobody looks."""
    from envc.cli.output import NOT_FOUND
    from envc.errors import OutsideError
    from envc.formats.scripts import NO_PIP

    what, _, mend = NO_PIP.partition(": ")
    error = OutsideError(what, where=tree, mend=mend)
    error.status = NOT_FOUND
    raise error


COMMAND = Command(
    _run,
    example="envc run --layer user --target /usr/local/Canopy -- python app.py\n"
    "envc run plot.py --size 3   (a script that says itself what it needs: PEP 723)",
    operands=(
        Operand(
            "-- CMD | SCRIPT.py",
            "the command, after --; or a Python script and its arguments, in the overlay that its "
            "own metadata asks for unless --overlay or --layer names a stack",
            "command",
            "*",
        ),
    ),
    options=STACK,
    conflicts=ONE_STACK,
    ends=True,
    repeats=True,
)
