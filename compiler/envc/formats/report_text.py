"""Verdicts → text for people: 80 columns but for what is copied, readable without colour."""

import re
import textwrap
from collections.abc import Iterable, Iterator

from envc.errors import help_line
from envc.formats.relations import RELATIONS
from envc.model.finding import Finding, Verdict

_WIDTH = 80
_INDENT = " " * 5
_COMMAND = re.compile("`[^`\n]*`|: envc .*")
_KEPT_SPACE = "\0"


def verdict_lines(verdict: Verdict, *, verbose: bool) -> Iterator[str]:
    """A verdict in lines; notes are told only when asked for, and ignored findings too."""
    owner = f", {verdict.owner}'s" if verdict.owner else ""
    yield f"{'ok  ' if verdict.ok else 'FAIL'} {verdict.name} ({verdict.spec}{owner})"
    if verdict.ok:
        changes = [
            f"{word} {', '.join(projects)}"
            for relation, word in RELATIONS
            if (projects := getattr(verdict, relation))
        ]
        yield from _wrapped("; ".join([f"inherits {verdict.inherits}", *changes]), _INDENT)
    if verdict.base_known != "files":
        yield f"{_INDENT}its base is known by {verdict.base_known} only"
    for finding in verdict.findings:
        if finding.severity != "note" or verbose:
            yield from _finding_lines(finding, finding.severity)
    if verbose:
        for finding in verdict.ignored:
            yield from _finding_lines(finding, "ignored")
    elif verdict.ignored:
        yield f"{_INDENT}{len(verdict.ignored)} ignored; -v tells them"


def _finding_lines(finding: Finding, word: str) -> Iterator[str]:
    first, *rest = finding.message.split("\n")
    yield from _wrapped(f"{word} {finding.code}: {first}", _INDENT)
    for line in rest:
        yield from _wrapped(line, _INDENT + "  ")
    if finding.where:
        yield f"{_INDENT}  at: {finding.where}"
    if finding.reason:
        yield from _wrapped(f"because: {finding.reason}", _INDENT + "  ")
    if finding.mend:
        yield from _wrapped(help_line(finding.mend), _INDENT)


def _wrapped(text: str, indent: str) -> Iterable[str]:
    """The text in lines; what is copied is never broken: half a command is another command."""
    own = indent + text[: len(text) - len(text.lstrip())]
    lines = textwrap.wrap(
        _COMMAND.sub(lambda found: found[0].replace(" ", _KEPT_SPACE), text.strip()),
        _WIDTH,
        initial_indent=own,
        subsequent_indent=own + "  ",
        break_long_words=False,
        break_on_hyphens=False,
    )
    return [line.replace(_KEPT_SPACE, " ") for line in lines]
