"""A stack: the core, and the chain of layers that a process sees, top first."""

from packaging.utils import NormalizedName

from envc.model.digest import Digest
from envc.model.value import value
from envc.model.wheel import ModuleTree, WheelFacts


@value(kw_only=True)
class Described:
    """What is known of a folder that envc did not fill, beside its distributions.

    `mtime_seconds` and `names` tell whether it is as it was; `warns`: a process goes on where it is
    not. `modules` and `start_files` are those that belong to no distribution; `places` the highest
    paths that belong to one project alone, with that, or to none ("").
    """

    mtime_seconds: int
    names: Digest
    warns: bool
    modules: ModuleTree
    start_files: tuple[str, ...]
    places: tuple[tuple[str, str], ...]


@value(kw_only=True)
class StackLayer:
    """One layer of a stack, and which of its projects the layers above may not see.

    The layer's tree is found at `<location>/by-lock/<closure's hex>/<subdirectory>`: for a common
    layer, `location` is the target directory and `subdirectory` the layer's name; for an overlay,
    `location` is its own folder and `subdirectory` is empty. `masked` is what the top of the stack
    shadows, lifts over or hides; the top layer's own is empty. `python_scripts` are those of the
    wheels' `scripts` that run the python beside them, as they stand in trees: path and text. A
    `described` layer is no tree of envc's: `location` is the folder of the path itself, and
    `closure` is empty.
    """

    name: str
    closure: Digest
    location: str
    subdirectory: str
    wheels: tuple[WheelFacts, ...]
    masked: frozenset[NormalizedName] = frozenset()
    python_scripts: tuple[tuple[str, bytes], ...] = ()
    described: Described | None = None

    def visible(self) -> tuple[WheelFacts, ...]:
        """The wheels whose projects are not masked."""
        return tuple(wheel for wheel in self.wheels if wheel.project not in self.masked)


@value
class Listing:
    """The files of a base's projects, visible and masked, by their paths below its tree's root."""

    visible: frozenset[str]
    masked: frozenset[str]


@value(kw_only=True)
class Stack:
    """The layers of one process, top first, on a core of version `python` (X.Y).

    `interpreter` is the core's executable, an absolute path. `env` is set by `activate` and
    `envc run`, the top layer's last. `modules` are the environment modules that it needs, those of
    its bases first. `libraries` are folders that shared libraries of the top look
    into and a base has: path, and the base's place among `layers`. `entry_points` are the texts of
    the top's `entry_points.txt`, by project, as far as they are known; empty where there is none.
    `editable` are the folders of the top's projects that stand elsewhere, by project. `listings`
    are those of the bases of which something is masked, by their place among `layers`. `records`
    are the RECORDs of those of the top's wheels whose files in its tree are not those stored: path
    and text.
    """

    python: str
    interpreter: str
    layers: tuple[StackLayer, ...]
    env: tuple[tuple[str, str], ...] = ()
    modules: tuple[str, ...] = ()
    libraries: tuple[tuple[str, int], ...] = ()
    entry_points: tuple[tuple[NormalizedName, str], ...] = ()
    editable: tuple[tuple[NormalizedName, str], ...] = ()
    listings: tuple[tuple[int, Listing], ...] = ()
    records: tuple[tuple[str, bytes], ...] = ()

    @property
    def top(self) -> StackLayer:
        """The layer that the stack is named after."""
        return self.layers[0]

    @property
    def bases(self) -> tuple[StackLayer, ...]:
        """The layers below the top, the nearest first."""
        return self.layers[1:]
