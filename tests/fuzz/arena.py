"""A folder in the middle of files that must stay as they are, and a check with a clock."""

import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from hypothesis.strategies import SearchStrategy

from hostile.snapshots import snapshot

Value = TypeVar("Value")
Fuzz = Callable[[SearchStrategy[Value], Callable[[Value], None]], None]


@dataclass(frozen=True)
class Arena:
    """A folder to work in, in the middle of files that must stay as they are."""

    root: Path

    def fresh(self) -> Path:
        """The folder, empty, and with a path of the same length every time."""
        folder = self.root / "a/b/c/work"
        if folder.exists():
            shutil.rmtree(folder)
        folder.mkdir()
        return folder

    def around(self) -> dict[str, tuple[object, ...]]:
        """Everything but the folder, and the one that it comes and goes in."""
        parent = f"{self.root}/a/b/c"
        return {
            path: what
            for path, what in snapshot(self.root).items()
            if path not in (parent, f"{parent}/.") and not path.startswith(f"{parent}/work")
        }
