"""Where a roll-out goes, and how carefully."""

from dataclasses import field

from envc.fleet.wanted import OWN_STATE
from envc.model.nodes import Limits
from envc.model.value import value


@value(kw_only=True)
class RolloutOptions:
    """Where to roll out what, and how carefully.

    `{node}` in `target` is the node's name. `state` is a folder that every node sees, None: the
    engine carries what nodes need. `batch` 0: all at once. `sign` are files of private keys; with
    `replace_keys` nodes trust those of the site from now on, whatever they have trusted.
    """

    nodes: str
    target: str
    source: str | None = None
    state: str | None = None
    python: str | None = None
    canary: int = 1
    batch: int = 0
    max_failures: int = 0
    retries: int = 1
    sign: tuple[str, ...] = ()
    replace_keys: bool = False
    limits: Limits = field(default_factory=Limits)

    def target_of(self, node: str) -> str:
        """The target directory on a node."""
        return self.target.replace("{node}", node)

    def state_of(self, node: str) -> str:
        """Where a node has its wanted state."""
        return self.state or f"{self.target_of(node)}/{OWN_STATE}"
