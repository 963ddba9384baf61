"""What `envc why --json` prints."""

from envc.model.value import value
from envc.resolve import Asking, Held


@value(kw_only=True)
class WhyReport:
    """A pin of a stack on one target: who asks for it, and what holds it back.

    `layer` is the layer that installs it. `held` is empty where the pin is the newest release.
    """

    project: str
    version: str
    layer: str
    target: str
    asked: tuple[Asking, ...]
    newest: str | None
    held: tuple[Held, ...]
