"""What `envc init --json` prints."""

from envc.model.value import value


@value(kw_only=True)
class InitReport:
    """The spec that was written."""

    path: str
