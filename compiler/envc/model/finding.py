"""What a check says about one overlay."""

from dataclasses import dataclass
from typing import Literal

Severity = Literal["error", "warning", "note"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One finding: a stable code, the projects it is about, where it stems from, and its mend."""

    code: str
    severity: Severity
    message: str
    projects: tuple[str, ...] = ()
    where: str = ""
    mend: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """The answer for one overlay: `ok` when no finding is an error."""

    name: str
    spec: str
    ok: bool
    inherits: int
    adds: tuple[str, ...]
    shadows: tuple[str, ...]
    lifts: tuple[str, ...]
    findings: tuple[Finding, ...]
