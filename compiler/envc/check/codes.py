"""The findings there are: a stable code, its severity, and what it says in a word."""

from envc.model.finding import Severity

SPEC_UNREADABLE = "ENVC101"
BASE_UNUSABLE = "ENVC102"
UNSATISFIABLE = "ENVC201"
SHADOW_REFUSED = "ENVC202"
SHADOW = "ENVC203"
LIFT = "ENVC204"
HIDDEN = "ENVC205"
LOCK_MISSING = "ENVC301"
LOCK_STALE = "ENVC302"
OTHER_BASE = "ENVC303"
LOCK_UNREADABLE = "ENVC304"

CODES: dict[str, tuple[Severity, str]] = {
    SPEC_UNREADABLE: ("error", "the overlay's spec cannot be read"),
    BASE_UNUSABLE: ("error", "the overlay's base does not exist, is not open or is not locked"),
    UNSATISFIABLE: ("error", "no set of releases meets the overlay's requirements on its base"),
    SHADOW_REFUSED: ("error", "the overlay replaces a base project, which the site forbids"),
    SHADOW: ("note", "the overlay replaces a base project that it asks to have otherwise"),
    LIFT: ("note", "a base project is re-pinned in the overlay to stay consistent with a shadow"),
    HIDDEN: ("note", "a base project is not visible in the overlay"),
    LOCK_MISSING: ("warning", "the overlay has no lock; it was resolved in memory"),
    LOCK_STALE: ("warning", "the overlay's spec has changed since it was locked"),
    OTHER_BASE: ("warning", "the overlay's lock was made against another state of its base"),
    LOCK_UNREADABLE: ("error", "the overlay's lock cannot be read"),
}
