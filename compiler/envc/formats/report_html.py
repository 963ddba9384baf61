"""Verdicts → one page that needs nothing else."""

from collections.abc import Iterable, Mapping
from typing import Any

from envc.formats.page import page_with
from envc.model.codes import CODES
from envc.model.finding import Finding, Verdict

# What the page shows of a verdict.
_SHOWN = ("name", "spec", "owner", "base", "ok", "inherits", "adds", "shadows", "lifts", "hides")


def html_page(
    template: str, verdicts: Iterable[Verdict], *, site: str, impacts: Mapping[str, str]
) -> str:
    """The page. `impacts` tell by spec how an overlay fares against another state of the site."""
    data = {
        "site": site,
        "codes": {code: title for code, (_, title) in sorted(CODES.items())},
        "overlays": [_overlay(verdict, impacts.get(verdict.spec, "")) for verdict in verdicts],
    }
    return page_with(template, data)


def _overlay(verdict: Verdict, impact: str) -> dict[str, Any]:
    return {
        **{name: getattr(verdict, name) for name in _SHOWN},
        "impact": impact,
        "findings": [_finding(finding) for finding in verdict.findings],
    }


def _finding(finding: Finding) -> list[str]:
    return [
        finding.code,
        finding.severity,
        finding.message,
        " ".join(finding.projects),
        finding.where,
        finding.mend,
    ]
