"""Reports to stdout and stderr: data there, messages here."""

import sys
from collections.abc import Sequence
from typing import Any

from envc.cli.arguments import Arguments

_MANY_LINES = 100


def print_json(report: Any) -> None:
    """A report as one JSON object on stdout, its fields in their order."""
    from dataclasses import asdict

    print_object(asdict(report))


def print_object(values: dict[str, Any]) -> None:
    """One JSON object on stdout, its fields in their order."""
    import json

    sys.stdout.write(json.dumps(values, indent=2, default=str) + "\n")


def say(arguments: Arguments, message: str) -> None:
    """A message for a person, on stderr; nothing with `--quiet`."""
    if not arguments.quiet:
        sys.stderr.write(f"{message}\n")


def print_table(rows: Sequence[Sequence[str]]) -> None:
    """Rows on stdout, their columns aligned; all rows are of one length."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    for row in rows:
        cells = (f"{cell:<{width}}" for cell, width in zip(row, widths, strict=True))
        sys.stdout.write("  ".join(cells).rstrip() + "\n")


def print_lines(lines: Sequence[str]) -> None:
    """Lines on stdout, the first of them only where there are very many."""
    sys.stdout.writelines(f"{line}\n" for line in lines[:_MANY_LINES])
    if len(lines) > _MANY_LINES:
        sys.stdout.write(f"and {len(lines) - _MANY_LINES} more; --json has them all\n")


def counted(number: int, noun: str) -> str:
    """`1 pin`, `2 pins`."""
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"
