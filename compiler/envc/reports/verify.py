"""What `envc verify --json` prints."""

from envc.model.digest import Digest
from envc.model.value import value


@value(kw_only=True)
class VerifyProblem:
    """A path that is not as it was published; `project` is whose file it is, if any's."""

    layer: str
    path: str
    kind: str
    project: str | None


@value(kw_only=True)
class VerifyReport:
    """What `envc verify` found; `ok` when nothing."""

    ok: bool
    target: str
    generation: int
    digest: Digest
    problems: tuple[VerifyProblem, ...]
