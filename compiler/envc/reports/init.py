"""What `envc init --json` prints."""

from envc.model.value import value
from envc.reports.change import LeftOut


@value(kw_only=True)
class InitReport:
    """The spec that was written."""

    path: str


@value(kw_only=True)
class InitFromReport:
    """The spec that was written of what somebody has, and what it asks for.

    `pins` are as `project==version`, with the marker of those that are for some machines only;
    `pins_path` is the file that has them until the first lock, "" where there are none.
    """

    path: str
    requires: tuple[str, ...]
    constraints: tuple[str, ...]
    pins: tuple[str, ...]
    pins_path: str
    left_out: tuple[LeftOut, ...]
