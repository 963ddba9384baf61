"""What `envc node --json` prints."""

from envc.errors import Fault
from envc.model.digest import SureDigest
from envc.model.value import value
from envc.reports.generations import CollectReport


@value(kw_only=True)
class NodeReport:
    """One node: what it holds and what it was asked to do.

    `generation`, `digest` and `closures` are of the generation that was asked for, else of the
    current one; None and empty where there is none. `step` is what is true of it now; `built`:
    this run made it. `in_use` are generations that running processes hold. `drift` counts paths
    that differ from what was published, None: nobody looked. `lacks` names what has to be sent
    before the step can be taken. `wanted` is where it has its wanted state, None: not known, or
    there is more that only a switch notes. `names` are those by which it finds itself in a set of
    nodes, the surest first. `collected` is what gc did. `now_seconds` is the node's
    clock, in seconds since 1970. What has a default may be missing in another release's answer.
    """

    step: str
    status: int
    target: str
    generation: int | None
    digest: SureDigest | None
    closures: dict[str, SureDigest]
    built: bool
    current: int | None
    in_use: tuple[int, ...] = ()
    drift: int | None
    wanted: str | None
    machine: str
    envc: str
    now_seconds: float
    free_bytes: int | None = None
    free_files: int | None = None
    lacks: tuple[str, ...] = ()
    faults: tuple[Fault, ...] = ()
    collected: CollectReport | None = None
    names: tuple[str, ...] = ()
