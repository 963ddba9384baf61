"""What `envc diff --json` prints."""

from envc.model.value import value
from envc.reports.change import LayerChange


@value(kw_only=True)
class DiffReport:
    """Whether two sides have the same projects at the same versions, and what differs.

    `python` are the X.Y of both sides, None where a lock does not tell; they count as a difference
    when both are known. `layers` has an entry for each layer that differs.
    """

    equal: bool
    before: str
    after: str
    python: tuple[str | None, str | None]
    layers: dict[str, LayerChange]
