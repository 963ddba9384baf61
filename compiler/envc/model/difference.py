"""How what stands on a disk differs from what was published there."""

from typing import Literal, NamedTuple

DifferenceKind = Literal["missing", "changed", "extra", "mode", "link"]


class Difference(NamedTuple):
    """One path that is not as it was published; of a folder that is gone, or extra, that alone."""

    path: str
    kind: DifferenceKind
