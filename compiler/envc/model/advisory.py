"""What is known of vulnerabilities: advisories, as OSV's databases publish them."""

from packaging.utils import NormalizedName

from envc.model.value import value


@value(kw_only=True)
class VersionRange:
    """Events in the life of a vulnerability, as (kind, version), in the order of the advisory.

    Kinds are `introduced`, `fixed`, `last_affected` and `limit` (OSV schema, "Evaluation").
    """

    events: tuple[tuple[str, str], ...]


@value(kw_only=True)
class AffectedProject:
    """A project that an advisory is about: ranges, and versions that are named one by one."""

    project: NormalizedName
    versions: tuple[str, ...] = ()
    ranges: tuple[VersionRange, ...] = ()


@value(kw_only=True)
class Advisory:
    """One advisory; `aliases` are its names elsewhere. `severity` "": nobody rated it."""

    id: str
    aliases: tuple[str, ...] = ()
    summary: str = ""
    severity: str = ""
    affected: tuple[AffectedProject, ...] = ()
