"""What `envc stage --json` prints; the second with `--list` and `--clean`."""

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


@value(kw_only=True)
class StagedCopy:
    """A copy of an overlay on a stage; `kept` says why it stays when one more is made, None: not.

    `generation` is None where the copy is damaged; `staged` is when it was asked for last.
    """

    name: str
    path: str
    generation: Digest | None
    staged: str
    size_bytes: int
    kept: str | None


@value(kw_only=True)
class StageCareReport:
    """The copies on a stage, the newest first, and the names of those that were removed."""

    stage: str
    copies: tuple[StagedCopy, ...]
    removed: tuple[str, ...]
