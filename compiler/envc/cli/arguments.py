"""Words to options. Every command has the common options, before or after its own."""

import argparse
import os
import sys
from types import ModuleType
from typing import Any, NoReturn

from envc.cli.commands import COMMANDS, GROUPS
from envc.errors import UsageError

Arguments = argparse.Namespace


class _Formatter(argparse.RawDescriptionHelpFormatter):
    """argparse's, without importing a module to learn how wide the terminal is."""

    def __init__(self, prog: str) -> None:
        super().__init__(prog, width=_columns() - 2)


class _Parser(argparse.ArgumentParser):
    """argparse with envc's exit status and a pointer to the help.

    An envc that a target carries is about that target, where the command line names none.
    """

    target: str | None = None

    def add_argument(self, *names: Any, **options: Any) -> argparse.Action:
        """As argparse has it."""
        if "--target" in names and self.target is not None:
            options |= {"required": False, "default": self.target}
        return super().add_argument(*names, **options)

    def error(self, message: str) -> NoReturn:
        sys.stderr.write(f"error: {message}\n mend: see `{self.prog} --help`\n")
        raise SystemExit(UsageError.status)


def parse(
    command: str, module: ModuleType, words: list[str], *, target: str | None = None
) -> Arguments:
    """The options of one command; ends the process for `--help` and for a usage error.

    `target` is the target directory that carries this envc, if one does.
    """
    parser = _Parser(
        prog=f"envc {command}",
        description=f"{COMMANDS[command][0].upper()}{COMMANDS[command][1:]}.",
        epilog=f"example:\n  {module.EXAMPLE}",
        formatter_class=_Formatter,
        allow_abbrev=False,
    )
    parser.target = target
    module.add_options(parser)
    add_common(parser)
    return parser.parse_args(words)


def _columns() -> int:
    """`COLUMNS`, else the terminal's width, else 80."""
    try:
        return int(os.environ["COLUMNS"])
    except (KeyError, ValueError):
        pass
    try:
        return os.get_terminal_size(1).columns or 80
    except OSError:
        return 80


def add_directory_option(parser: argparse.ArgumentParser) -> None:
    """The option of commands that care for what has generations."""
    parser.add_argument(
        "--target", required=True, metavar="DIR", help="a target directory, or an overlay's folder"
    )


def add_common(parser: argparse.ArgumentParser) -> None:
    """The options that every command has."""
    common = parser.add_argument_group("common options")
    common.add_argument("--site", metavar="DIR", help="the site's folder (default: the nearest)")
    common.add_argument("--json", action="store_true", help="one JSON object on stdout")
    common.add_argument("-q", "--quiet", action="store_true", help="say errors only")
    common.add_argument("-v", "--verbose", action="count", default=0, help="say more")
    common.add_argument("--no-progress", action="store_true", help="draw no progress bars")


def help_text() -> str:
    """What `envc --help` prints."""
    width = max(map(len, COMMANDS)) + 2
    lines = [
        "envc compiles environment specs and locks into layered Python trees.",
        "",
        "usage: envc COMMAND [OPTIONS]",
    ]
    for group, commands in GROUPS.items():
        lines += ["", f"{group}:"]
        lines += [f"  {name:<{width}}{summary}" for name, summary in commands.items()]
    lines += [
        "",
        "Every command has --help, --json, --site DIR, -q, -v and --no-progress.",
        "Exit status: 0 done, 1 the answer is no, 2 usage or spec, 3 unsatisfiable,",
        "             4 the outside world failed, 5 untrusted bytes, 70 a bug in envc.",
        "",
        "example:",
        "  envc lock && envc materialize --target /usr/local/Canopy",
        "",
    ]
    return "\n".join(lines)
