"""How a site and an overlay want findings treated."""

from collections.abc import Iterable, Sequence

from envc.model.codes import FIXED
from envc.model.finding import Finding
from envc.model.spec import FindingRule
from envc.model.value import replace


def treated(
    findings: Iterable[Finding], site: Sequence[FindingRule], overlay: Sequence[FindingRule]
) -> tuple[tuple[Finding, ...], tuple[Finding, ...]]:
    """The findings to tell and those to ignore, each in order of code, projects and message.

    The overlay's rules come after the site's, but what the site makes an error stays one. Codes
    that say that there is no overlay to speak of are left as they are.
    """
    kept: list[Finding] = []
    ignored: list[Finding] = []
    insisted = {rule.code for rule in site if rule.treatment == "error"}
    rules = {rule.code: rule for rule in site}
    rules |= {rule.code: rule for rule in overlay if rule.code not in insisted}
    for finding in sorted(findings, key=in_order):
        rule = rules.get(finding.code)
        if rule is None or finding.code in FIXED:
            kept.append(finding)
        elif rule.treatment == "ignore":
            ignored.append(replace(finding, reason=rule.reason))
        else:
            kept.append(replace(finding, severity=rule.treatment, reason=rule.reason))
    return tuple(kept), tuple(ignored)


def in_order(finding: Finding) -> tuple[str, tuple[str, ...], str]:
    """What findings are ordered by: code, projects, message."""
    return finding.code, finding.projects, finding.message
