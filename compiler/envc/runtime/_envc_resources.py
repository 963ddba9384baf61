"""Folders of one name in several layers are one for `importlib.resources`, as in Python 3.12.

Python 3.11 shows the nearest of them alone: in a flat environment there would be but one.
"""

from pathlib import Path

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator
    from importlib.resources.abc import Traversable
    from typing import Any


def join_folders(multiplexed: "Any") -> None:
    """Let a class of folders that stand for several join what is below them, too."""

    def iterdir(self: "Any") -> "Iterator[Traversable]":
        found: dict[str, list[Path]] = {}
        for folder in self._paths:
            for child in folder.iterdir():
                found.setdefault(child.name, []).append(child)
        for _, children in sorted(found.items()):
            several = len(children) > 1 and all(map(Path.is_dir, children))
            yield multiplexed(*children) if several else children[0]

    def joinpath(self: "Any", *descendants: "Any") -> "Traversable":
        parts = [part for path in descendants for part in str(path).split("/") if part != "."]
        if not parts:
            found: Traversable = self
            return found
        nowhere = self._paths[0] / parts[0]
        child = next((each for each in iterdir(self) if each.name == parts[0]), nowhere)
        return child.joinpath(*parts[1:]) if len(parts) > 1 else child

    multiplexed.iterdir, multiplexed.joinpath = iterdir, joinpath
    multiplexed.__truediv__ = joinpath
