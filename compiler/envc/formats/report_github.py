"""Verdicts → workflow commands, which GitHub shows in the diff of a pull request.

Source: https://docs.github.com/actions/reference/workflow-commands-for-github-actions
"""

import re
from collections.abc import Iterable, Iterator

from envc.errors import help_line
from envc.model.finding import Verdict

# Where a finding stems from, as messages write it: `file:line (key)`.
_PLACE = re.compile(r"(?P<file>.+?)(?::(?P<line>\d+))?(?: \([^()]*\))?")
_COMMANDS = {"error": "error", "warning": "warning", "note": "notice"}


def annotations(verdicts: Iterable[Verdict]) -> Iterator[str]:
    """One line for each finding."""
    for verdict in verdicts:
        for finding in verdict.findings:
            file, line = parse_place(finding.where or verdict.spec)
            properties = {"file": file, "title": f"{finding.code} {verdict.name}"}
            if line:
                properties["line"] = str(line)
            given = ",".join(f"{key}={_property(value)}" for key, value in properties.items())
            mend = f"\n{help_line(finding.mend)}" if finding.mend else ""
            command = _COMMANDS[finding.severity]
            yield f"::{command} {given}::{_data(finding.message + mend)}"


def parse_place(where: str) -> tuple[str, int]:
    """The file and the line; 0 where there is none, and an empty file for no place at all."""
    found = _PLACE.fullmatch(where)
    if found is None:
        return where, 0
    return found["file"], int(found["line"] or 0)


def _data(text: str) -> str:
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _property(text: str) -> str:
    return _data(text).replace(":", "%3A").replace(",", "%2C")
