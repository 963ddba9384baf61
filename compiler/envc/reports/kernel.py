"""What `envc kernel install`, `remove` and `list` print with `--json`."""

from typing import Literal

from envc.model.value import value


@value(kw_only=True)
class KernelEntry:
    """A kernel that envc registered with Jupyter.

    `tree` is the stable path of its stack: an overlay's folder, or a `layer` in its `target`. It is
    `broken` where Jupyter could not start it; `why` says what is missing, and the mend.
    """

    name: str
    display_name: str
    folder: str
    python: str
    tree: str
    target: str | None
    layer: str | None
    state: Literal["ready", "broken"]
    why: str


@value(kw_only=True)
class KernelReport:
    """The kernel that was registered or removed; not `changed`: it was so before."""

    kernel: KernelEntry
    changed: bool


@value(kw_only=True)
class KernelList:
    """The user's kernels that envc registered, in order of name, and the folder of all kernels."""

    folder: str
    kernels: tuple[KernelEntry, ...]
