"""Which overlay a command is about."""

from typing import NamedTuple


class OverlayOptions(NamedTuple):
    """An overlay's folder, and where the common layers are (None: where it has recorded)."""

    folder: str
    target: str | None = None
