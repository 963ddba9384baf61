"""What a layer's tree holds beside its linked wheels."""

from envc.model.plan import MakeSymlink, WriteFile
from envc.model.value import value


@value
class View:
    """The files and symlinks that are the layer's own, each in order of path.

    `runtime_files` names the modules of `envc.runtime` that the tree needs in site-packages,
    without their suffix.
    """

    files: tuple[WriteFile, ...]
    symlinks: tuple[MakeSymlink, ...]
    runtime_files: tuple[str, ...]
