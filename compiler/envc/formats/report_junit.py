"""Verdicts → JUnit's XML, which most CI systems count and list: an overlay is a test case.

Source: https://github.com/testmoapp/junitxml
"""

import re
from collections.abc import Sequence
from xml.etree.ElementTree import Element, SubElement, indent, tostring

from envc.errors import help_line
from envc.formats.harmless import harmless_lines
from envc.model.finding import Finding, Verdict

# What XML 1.0 cannot hold, not even as a reference.
_FORBIDDEN = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def junit(verdicts: Sequence[Verdict]) -> bytes:
    """One test suite; a case fails by its errors, and has its other findings as output."""
    failed = sum(not verdict.ok for verdict in verdicts)
    counts = {"tests": str(len(verdicts)), "failures": str(failed), "errors": "0"}
    root = Element("testsuites", {"name": "envc check", **counts})
    suite = SubElement(root, "testsuite", {"name": "overlays", "skipped": "0", **counts})
    for verdict in verdicts:
        case = SubElement(
            suite,
            "testcase",
            {"classname": "overlays", "name": _clean(verdict.name), "file": _clean(verdict.spec)},
        )
        errors = [finding for finding in verdict.findings if finding.severity == "error"]
        others = [finding for finding in verdict.findings if finding.severity != "error"]
        if errors:
            first_line = errors[0].message.partition("\n")[0]
            message = _clean(f"{errors[0].code}: {first_line}")
            failure = SubElement(case, "failure", {"type": errors[0].code, "message": message})
            failure.text = "\n".join(map(_told, errors))
        if others:
            SubElement(case, "system-out").text = "\n".join(map(_told, others))
    indent(root)
    text: bytes = tostring(root, encoding="utf-8", xml_declaration=True)
    return text + b"\n"


def _told(finding: Finding) -> str:
    lines = [f"{finding.severity} {finding.code}: {finding.message}"]
    if finding.where:
        lines.append(f"  at: {finding.where}")
    if finding.mend:
        lines.append(f"  {help_line(finding.mend)}")
    return _clean("\n".join(lines))


def _clean(text: str) -> str:
    return harmless_lines(_FORBIDDEN.sub("\N{REPLACEMENT CHARACTER}", text))
