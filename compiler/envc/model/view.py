"""What a layer's tree holds beside its linked wheels."""

from dataclasses import dataclass

from envc.model.plan import MakeSymlink, WriteFile

PUBLISHED_MTIME_SECONDS = 315_532_800
"""The modification time of stored files and of every directory of a published tree:
1980-01-01T00:00:00Z, the earliest time that a ZIP archive can express.

The start-up hook trusts the compiled index of a site-packages directory that still has it.
"""


@dataclass(frozen=True, slots=True)
class View:
    """The files and symlinks that are the layer's own, each in order of path.

    `runtime_files` names the modules of `envc.runtime` that the tree needs in site-packages,
    without their suffix.
    """

    files: tuple[WriteFile, ...]
    symlinks: tuple[MakeSymlink, ...]
    runtime_files: tuple[str, ...]
