"""What `envc converge --json` prints."""

from envc.model.digest import Digest
from envc.model.value import value


@value(kw_only=True)
class ConvergeReport:
    """How far a node is from the wanted state.

    `node` is the name by which it is in its `group`, a set of nodes; `*`: all that are in no other
    one, None: it is in none, nothing is wanted of it, and it has converged to that. `missing` are
    the parcels of generations that it is to hold and does not, the one that is to be current first;
    `generation` is the number of the current one, None: there is none. `changed` are the numbers of
    generations that this run built. `due_seconds`: so long a node that has not converged is left to
    the roll-out. `other_environments` are folders that envc did not build, on which layers stand,
    and that are not as they were described: a node that has them can only be mended by hand.
    """

    target: str
    state: str
    serial: int
    converged: bool
    generation: int | None
    wanted: dict[str, Digest]
    missing: tuple[Digest, ...]
    changed: tuple[int, ...]
    node: str
    group: str | None
    due_seconds: float = 0.0
    other_environments: tuple[str, ...] = ()
