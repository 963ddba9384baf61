"""What `envc cache --json` prints."""

from envc.model.value import value


@value
class CachePart:
    """So much of one kind: pages of indexes, metadata, wheels, builds, answers."""

    files: int
    size_bytes: int


@value(kw_only=True)
class CacheReport:
    """The cache's folder and its parts, in order of name; with `removed`, they were there.

    What is unused longest goes when whole wheels, builds, mirrors, interpreters, kits and trees
    take more than `most_bytes` together.
    """

    folder: str
    removed: bool
    files: int
    size_bytes: int
    most_bytes: int
    parts: dict[str, CachePart]
