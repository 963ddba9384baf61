"""Verdicts → one page that needs nothing else: data put into a template.

The template has `/*DATA*/null` where the data go. They are JSON in a script element, so that a page
on a thousand overlays is small and draws only what is looked at.
"""

import json
from collections.abc import Iterable, Mapping
from typing import Any

from envc.model.codes import CODES
from envc.model.finding import Finding, Verdict

_PLACE = "/*DATA*/null"


def html_page(
    template: str, verdicts: Iterable[Verdict], *, site: str, impacts: Mapping[str, str]
) -> str:
    """The page. `impacts` tell by spec how an overlay fares against another state of the site."""
    data = {
        "site": site,
        "codes": {code: title for code, (_, title) in sorted(CODES.items())},
        "overlays": [_overlay(verdict, impacts.get(verdict.spec, "")) for verdict in verdicts],
    }
    text = json.dumps(data, separators=(",", ":"), ensure_ascii=False)
    # In a script element only these could end it, or begin a comment.
    for character in "<>&\u2028\u2029":
        text = text.replace(character, f"\\u{ord(character):04x}")
    return template.replace(_PLACE, text, 1)


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
