"""What `envc overlay list --json` prints."""

from typing import Literal

from envc.model.value import value

State = Literal[
    "current",
    "not built",
    "packed",
    "spec changed",
    "base moved on",
    "base gone",
    "changed by hand",
    "unreadable",
]


@value(kw_only=True)
class OverlayEntry:
    """An overlay as it is listed; `why` says more where its state is not `current`."""

    name: str
    owner: str
    folder: str
    base: str
    target: str | None
    generation: int | None
    distributions: int
    files: int
    state: State
    why: str


@value(kw_only=True)
class OverlayList:
    """The overlays of a storage, in order of owner and name."""

    storage: str
    overlays: tuple[OverlayEntry, ...]
