"""What a check says about one overlay."""

from typing import Literal

from envc.model.value import value

Severity = Literal["error", "warning", "note"]
# How well a base is known: which files its projects have, what they require, or versions alone.
Grade = Literal["files", "metadata", "versions"]


@value(kw_only=True)
class Finding:
    """One finding: a stable code, the projects it is about, where it stems from, and its mend.

    `reason` is the overlay's own for having changed the severity; empty where it has not.
    """

    code: str
    severity: Severity
    message: str
    projects: tuple[str, ...] = ()
    where: str = ""
    mend: str = ""
    reason: str = ""


@value(kw_only=True)
class Verdict:
    """The answer for one overlay: `ok` when no finding is an error.

    `owner` is the user whose file the spec is, `base` the layer it stands on; both are empty where
    that cannot be told. `inherits` counts the base's projects that it sees. `pins` are its own:
    project → version, several versions joined by ` | ` where targets differ. `ignored` are
    findings that the site or the overlay does not want to hear of. `base_known` tells how well
    the least known project of the base is known.
    """

    name: str
    spec: str
    ok: bool
    inherits: int
    adds: tuple[str, ...]
    shadows: tuple[str, ...]
    lifts: tuple[str, ...]
    findings: tuple[Finding, ...]
    owner: str = ""
    base: str = ""
    hides: tuple[str, ...] = ()
    pins: tuple[tuple[str, str], ...] = ()
    ignored: tuple[Finding, ...] = ()
    base_known: Grade = "files"
