"""`envc run`."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import argparse

EXAMPLE = """\
envc run --layer user --target /usr/local/Canopy -- python app.py
  envc run plot.py --size 3   (a script that says itself what it needs: PEP 723)"""


def add_options(parser: argparse.ArgumentParser) -> None:
    """The options of this command."""
    add_stack_options(parser)
    parser.add_argument(
        "command",
        nargs="...",
        metavar="-- CMD | SCRIPT.py",
        help="the command, after --; or a Python script and its arguments, in the overlay that its "
        "own metadata asks for unless --overlay or --layer names a stack",
    )


def add_stack_options(parser: argparse.ArgumentParser) -> None:
    """The options that say which stack."""
    which = parser.add_mutually_exclusive_group()
    which.add_argument("--overlay", metavar="DIR", help="an overlay's folder (default: your own)")
    which.add_argument("--layer", metavar="L", help="a common layer")
    parser.add_argument("--target", metavar="DIR", help="where the common layers are")


def run(arguments: argparse.Namespace) -> int:
    """Become the command."""
    import os

    from envc.cli.context import context_of
    from envc.commands.run import RunOptions, prepare
    from envc.errors import UsageError

    context = context_of(arguments)
    command: list[str] = arguments.command
    is_script = bool(command) and command[0].endswith(".py") and os.path.isfile(command[0])
    command = command[1:] if command[:1] == ["--"] else command
    if not command:
        raise UsageError("nothing to run", mend="name a command after --, or a script")
    overlay: str | None = arguments.overlay
    if is_script:
        if overlay is None and arguments.layer is None:
            from envc.overlays.script import overlay_of_script

            overlay = overlay_of_script(command[0], arguments.target, context)
        command = ["python", *command]
    options = RunOptions(layer=arguments.layer, overlay=overlay, target=arguments.target)
    environment = prepare(options, os.environ, context)
    become(arguments, command, environment)
    return 0


def become(arguments: argparse.Namespace, command: list[str], environment: dict[str, str]) -> None:
    """Replace this process by a command in an environment; with `--json` say first by which."""
    import sys

    from envc.commands.run import replace_process

    if arguments.json:
        from envc.cli.output import print_object

        print_object({"tree": environment["VIRTUAL_ENV"], "command": command})
    sys.stdout.flush()  # what is still buffered would be lost with this process
    replace_process(command, environment)
