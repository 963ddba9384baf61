"""Write what envc's wheel has for `man` and for shells, as it stands below a `share` folder.

    man/man1/envc.1, envc-lock.1, envc-overlay.1, …
    bash-completion/completions/envc, zsh/site-functions/_envc, fish/vendor_completions.d/envc.fish
"""

import argparse
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path

from argparse_manpage.manpage import Manpage

import envc
from envc.cli.commands import SHOWN, overview
from envc.cli.completion import script_for
from envc.cli.parser import parser_of_commands

_COMPLETION = {
    "bash": "bash-completion/completions/envc",
    "zsh": "zsh/site-functions/_envc",
    "fish": "fish/vendor_completions.d/envc.fish",
}


def pages() -> Iterator[tuple[str, str]]:
    """Path and text of every file."""
    for shell, path in _COMPLETION.items():
        yield path, script_for(shell)
    parser = parser_of_commands()
    yield "man/man1/envc.1", _overview(parser)
    (commands,) = (each for each in parser._actions if isinstance(each.choices, dict))  # noqa: SLF001 - as argparse-manpage reads them
    for name, summary in SHOWN.items():
        module = import_module(f"envc.cli.{name}")
        found = {name: module.COMMAND} if hasattr(module, "COMMAND") else module.VERBS
        examples = "\n".join(command.example for command in found.values())
        yield f"man/man1/envc-{name}.1", _page(name, commands.choices[name], summary, examples)


def _page(name: str, parser: argparse.ArgumentParser, summary: str, examples: str) -> str:
    page = _manpage(parser, f"envc-{name}", summary)
    page.add_section("examples", "=", _literal(examples))
    page.add_section("see also", "=", ".BR envc (1)")
    return str(page)


def _overview(parser: argparse.ArgumentParser) -> str:
    page = _manpage(argparse.ArgumentParser("envc", add_help=False), "envc", "layered environments")
    page.synopsis = parser.format_usage().removeprefix("usage: ").split()
    page.add_section("commands", "=", _literal(overview()))
    names = ", ".join(f".BR envc-{name} (1)" for name in SHOWN)
    page.add_section("see also", "=", names.replace(", ", ",\n"))
    return str(page)


def _manpage(parser: argparse.ArgumentParser, name: str, summary: str) -> Manpage:
    told = {"description": summary, "project_name": "envc", "version": envc.__version__}
    # A date would make equal sources unequal pages.
    page = Manpage(parser, {**told, "date": f"envc {envc.__version__}", "manual_title": "envc"})
    page.prog = name
    return page


def _literal(text: str) -> str:
    """Text whose lines stay as they are."""
    lines = text.replace("\\", r"\e").replace("-", r"\-").splitlines()
    guarded = (rf"\&{line}" if line[:1] in {".", "'"} else line for line in lines)
    return "\n".join([".nf", *guarded, ".fi"])


def write(folder: Path) -> None:
    """Write all of them below a folder."""
    for path, text in pages():
        file = folder / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)
