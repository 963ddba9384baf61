"""Verdicts → one page that needs nothing else."""

from collections.abc import Iterable, Mapping
from typing import Any

from envc.formats.page import page_with
from envc.model.codes import CODES
from envc.model.finding import Finding, Verdict


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
        "name": verdict.name,
        "spec": verdict.spec,
        "owner": verdict.owner,
        "base": verdict.base,
        "ok": verdict.ok,
        "inherits": verdict.inherits,
        "adds": verdict.adds,
        "shadows": verdict.shadows,
        "lifts": verdict.lifts,
        "hides": verdict.hides,
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
