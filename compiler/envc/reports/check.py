"""What `envc check --json` prints."""

from envc.check import Impact
from envc.model.finding import Verdict
from envc.model.value import value


@value(kw_only=True)
class CheckReport:
    """The verdicts, in order of spec; `ok` when all are.

    `checked` were judged now, `reused` taken from the cache. `received_bytes` came over the
    network: listings, metadata and parts of wheels.
    """

    ok: bool
    overlays: tuple[Verdict, ...]
    checked: int = 0
    reused: int = 0
    received_bytes: int = 0
    against: "AgainstReport | None" = None


@value(kw_only=True)
class AgainstReport:
    """How each overlay fares against another state of the site; `counts` by kind, for the sum."""

    other: str
    counts: dict[str, int]
    overlays: tuple[Impact, ...]
