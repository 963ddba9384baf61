"""Verdicts → SARIF 2.1.0, which code hosts show beside the lines of a change.

Source: https://docs.oasis-open.org/sarif/sarif/v2.1.0/sarif-v2.1.0.html
"""

from collections.abc import Iterable, Mapping
from typing import Any
from urllib.parse import quote

from envc.errors import help_line, shell_word
from envc.formats.report_github import parse_place
from envc.model.codes import CODES
from envc.model.digest import digest_of_json
from envc.model.finding import Finding, Verdict

_SCHEMA = "https://json.schemastore.org/sarif-2.1.0.json"


def sarif(verdicts: Iterable[Verdict], *, version: str) -> dict[str, Any]:
    """One run with all findings; what is ignored is there too, as suppressed."""
    codes = sorted(CODES)
    numbers = {code: number for number, code in enumerate(codes)}
    results = [
        _result(verdict, finding, numbers, ignored=ignored)
        for verdict in verdicts
        for ignored, findings in ((False, verdict.findings), (True, verdict.ignored))
        for finding in findings
    ]
    driver = {
        "name": "envc",
        "semanticVersion": version,
        "rules": [_rule(code) for code in codes],
    }
    return {
        "$schema": _SCHEMA,
        "version": "2.1.0",
        "runs": [
            {"tool": {"driver": driver}, "results": results, "columnKind": "unicodeCodePoints"}
        ],
    }


def _rule(code: str) -> dict[str, Any]:
    severity, title = CODES[code]
    return {
        "id": code,
        "shortDescription": {"text": f"{title[0].upper()}{title[1:]}."},
        "help": {"text": f"envc check --explain {shell_word(code)}"},
        "defaultConfiguration": {"level": severity},
    }


def _result(
    verdict: Verdict, finding: Finding, numbers: Mapping[str, int], *, ignored: bool
) -> dict[str, Any]:
    file, line = parse_place(finding.where or verdict.spec)
    location: dict[str, Any] = {"artifactLocation": {"uri": _uri(file)}}
    if line:
        location["region"] = {"startLine": line}
    mend = f"\n{help_line(finding.mend)}" if finding.mend else ""
    result: dict[str, Any] = {
        "ruleId": finding.code,
        "ruleIndex": numbers[finding.code],
        "level": finding.severity,
        "message": {"text": f"{verdict.name}: {finding.message}{mend}"},
        "locations": [{"physicalLocation": location}],
        "partialFingerprints": {"envc/v1": _fingerprint(verdict, finding)},
        "properties": {
            "overlay": verdict.name,
            "owner": verdict.owner,
            "projects": list(finding.projects),
        },
    }
    if ignored:
        suppression = {"kind": "external"}
        if finding.reason:
            suppression["justification"] = finding.reason
        result["suppressions"] = [suppression]
    return result


def _fingerprint(verdict: Verdict, finding: Finding) -> str:
    """What makes a finding the same one after lines have moved and versions have changed."""
    return digest_of_json([verdict.name, verdict.spec, finding.code, finding.projects])[7:39]


def _uri(file: str) -> str:
    return f"file://{quote(file)}" if file.startswith("/") else quote(file)
