"""What `envc audit --json` prints."""

from envc.model.value import value


@value(kw_only=True)
class AuditedVulnerability:
    """A vulnerability by all its names; `fixed_in` are releases without it, oldest first."""

    names: tuple[str, ...]
    summary: str
    severity: str
    fixed_in: tuple[str, ...]
    ignored: bool


@value(kw_only=True)
class AuditedRelease:
    """A pinned release with known vulnerabilities, and the layer that has it."""

    project: str
    version: str
    layer: str
    vulnerabilities: tuple[AuditedVulnerability, ...]


@value(kw_only=True)
class AuditReport:
    """What is known of the pins; `ok`: nothing that is not ignored, and all of it was read.

    `releases` are those with vulnerabilities, `audited` is the number of all. `unread` are files of
    the `database` that are no advisories.
    """

    ok: bool
    database: str
    advisories: int
    audited: int
    releases: tuple[AuditedRelease, ...]
    unread: tuple[str, ...]
