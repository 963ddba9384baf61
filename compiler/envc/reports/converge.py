"""What `envc converge --json` prints."""

from envc.model.digest import Digest
from envc.model.value import value


@value(kw_only=True)
class ConvergeReport:
    """How far a node is from the wanted state.

    `missing` are the parcels of generations that it is to hold and does not, the one that is to be
    current first; `generation` is the number of the current one, None: there is none. `changed`
    are the numbers of generations that this run built.
    """

    target: str
    state: str
    serial: int
    converged: bool
    generation: int | None
    wanted: dict[str, Digest]
    missing: tuple[Digest, ...]
    changed: tuple[int, ...]
