"""What `envc stage --json` prints."""

from envc.model.digest import Digest
from envc.model.value import value


@value(kw_only=True)
class StageReport:
    """A staged overlay: its folder, and whether it was unpacked now or found there."""

    name: str
    path: str
    generation: Digest
    changed: bool
    files: int
