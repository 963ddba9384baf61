"""The findings that a check can make: stable codes, the severity of each, and what it says."""

from collections.abc import Sequence

from envc.model.finding import Finding, Severity

SPEC_UNREADABLE = "ENVC101"
BASE_UNUSABLE = "ENVC102"
BASE_TWICE = "ENVC103"
UNSATISFIABLE = "ENVC201"
SHADOW_REFUSED = "ENVC202"
SHADOW = "ENVC203"
LIFT = "ENVC204"
HIDDEN = "ENVC205"
NO_WHEEL = "ENVC206"
REQUIRES_PYTHON = "ENVC207"
YANKED = "ENVC208"
LOCK_MISSING = "ENVC301"
LOCK_STALE = "ENVC302"
OTHER_BASE = "ENVC303"
LOCK_UNREADABLE = "ENVC304"
HASH_MISSING = "ENVC305"
DRIFTED = "ENVC306"
BASE_STALE = "ENVC307"
FILE_COLLISION = "ENVC401"
MODULE_HIDDEN = "ENVC402"
STANDARD_MODULE = "ENVC403"
NAMESPACE_BROKEN = "ENVC404"
COMMAND_TWICE = "ENVC405"
COMMAND_HIDDEN = "ENVC406"
LIBRARY_OUT_OF_REACH = "ENVC407"
LIBRARY_OF_BASE = "ENVC408"
START_UP_CODE = "ENVC409"
CONTENTS_UNKNOWN = "ENVC410"
OTHER_INTERFACE = "ENVC411"
REQUIREMENTS_UNKNOWN = "ENVC412"

CODES: dict[str, tuple[Severity, str]] = {
    SPEC_UNREADABLE: ("error", "the overlay's spec cannot be read"),
    BASE_UNUSABLE: ("error", "the overlay's base does not exist, is not open or is not locked"),
    BASE_TWICE: ("error", "two projects of the base install one file, differently"),
    UNSATISFIABLE: ("error", "no set of releases meets the overlay's requirements on its base"),
    SHADOW_REFUSED: ("error", "the overlay replaces a base project, which the site forbids"),
    SHADOW: ("note", "the overlay replaces a base project that it asks to have otherwise"),
    LIFT: ("note", "a base project is re-pinned in the overlay to stay consistent with a shadow"),
    HIDDEN: ("note", "a base project is not visible in the overlay"),
    NO_WHEEL: ("error", "a project has no wheel for one of the site's targets"),
    REQUIRES_PYTHON: ("error", "a release does not run on the Python of a target"),
    YANKED: ("warning", "a release was withdrawn by its authors"),
    LOCK_MISSING: ("warning", "the overlay has no lock; it was resolved in memory"),
    LOCK_STALE: ("warning", "the overlay's spec has changed since it was locked"),
    OTHER_BASE: ("warning", "the overlay's lock was made against another state of its base"),
    LOCK_UNREADABLE: ("error", "the overlay's lock cannot be read"),
    HASH_MISSING: ("error", "a wheel has no sha256 to know it by"),
    DRIFTED: ("warning", "the overlay's tree is not the one that its lock describes"),
    BASE_STALE: ("warning", "a lock that the overlay stands on is older than its spec"),
    FILE_COLLISION: ("error", "two projects of the overlay install one file, differently"),
    MODULE_HIDDEN: ("error", "a module of one project hides that of another project"),
    STANDARD_MODULE: ("warning", "a project brings a module that the standard library has"),
    NAMESPACE_BROKEN: ("error", "a package hides the portions of a namespace of its name"),
    COMMAND_TWICE: ("error", "two projects of the overlay install one command"),
    COMMAND_HIDDEN: ("warning", "a command of the overlay hides that of a base project"),
    LIBRARY_OUT_OF_REACH: ("error", "a shared library is not where another one looks for it"),
    LIBRARY_OF_BASE: ("warning", "a library of the base goes on using what the overlay replaces"),
    START_UP_CODE: ("warning", "a project of the overlay runs code whenever Python starts"),
    CONTENTS_UNKNOWN: ("error", "what a wheel contains could not be found out"),
    OTHER_INTERFACE: ("warning", "an extension was compiled against another NumPy than is visible"),
    REQUIREMENTS_UNKNOWN: ("error", "whether the base goes with what replaces a part is not known"),
}

# Nobody may turn these down: where they stand, there is no overlay to speak of.
FIXED = frozenset(
    {
        SPEC_UNREADABLE,
        BASE_UNUSABLE,
        BASE_TWICE,
        UNSATISFIABLE,
        SHADOW_REFUSED,
        LOCK_UNREADABLE,
        HASH_MISSING,
        CONTENTS_UNKNOWN,
        REQUIREMENTS_UNKNOWN,
    }
)


def finding(
    code: str, message: str, projects: Sequence[str] = (), *, where: str = "", mend: str = ""
) -> Finding:
    """The finding of a code, with the severity that the code has."""
    severity = CODES[code][0]
    return Finding(
        code=code,
        severity=severity,
        message=message,
        projects=tuple(projects),
        where=where,
        mend=mend,
    )
