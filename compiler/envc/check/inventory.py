"""What a base offers to the overlays on it, for one target: computed once, asked a thousand times.

WheelContents of its visible projects ──inventory_of──▶ Inventory
"""

from collections.abc import Iterator, Mapping, Sequence
from functools import lru_cache
from typing import Literal

from packaging.requirements import InvalidRequirement, Requirement
from packaging.utils import NormalizedName, canonicalize_name

from envc.model.finding import Grade
from envc.model.resolution import InheritedPin
from envc.model.value import value
from envc.model.wheel import ModuleTree, WheelContents

PresenceKind = Literal["package", "module", "namespace"]


@value
class Presence:
    """That a project has something under a dotted name.

    `joined` packages let other folders of `sys.path` add to them.
    """

    project: NormalizedName
    kind: PresenceKind
    joined: bool = False


@value(kw_only=True)
class Inventory:
    """The visible projects of a base: pins by name, and who has which name, command and file.

    `modules` are in order of project, `commands` by the command's name; `shared` are shared
    libraries that others may look for: path → project. `requirers` tell for each project the
    requirements on it: the project that makes it, and its text. `known` tells how well the least
    known project is known.
    """

    pins: Mapping[NormalizedName, InheritedPin]
    modules: Mapping[str, tuple[Presence, ...]]
    commands: Mapping[str, tuple[NormalizedName, ...]]
    shared: Mapping[str, NormalizedName]
    requirers: Mapping[NormalizedName, tuple[tuple[NormalizedName, str], ...]]
    known: Grade = "files"

    def called(self, project: str) -> str:
        """A project as messages call it: with its version and its layer, if it is the base's."""
        pin = self.pins.get(NormalizedName(project))
        return f"{project} {pin.version} of layer {pin.layer}" if pin else project


def inventory_of(
    pins: Sequence[InheritedPin], wheels: Sequence[WheelContents], known: Grade = "files"
) -> Inventory:
    """The inventory that the visible pins of a base make; contents that are missing say nothing."""
    modules: dict[str, list[Presence]] = {}
    commands: dict[str, list[NormalizedName]] = {}
    shared: dict[str, NormalizedName] = {}
    requirers: dict[NormalizedName, list[tuple[NormalizedName, str]]] = {}
    for contents in sorted(wheels, key=lambda contents: contents.facts.project):
        project = contents.facts.project
        for name, presence in presences(contents):
            modules.setdefault(name, []).append(presence)
        for command in commands_of(contents):
            commands.setdefault(command, []).append(project)
        shared.update((path, project) for path in shared_libraries(contents))
        for text in contents.facts.requires:
            needed = project_of(text)
            if needed is not None:
                requirers.setdefault(needed, []).append((project, text))
    return Inventory(
        pins={pin.project: pin for pin in pins},
        modules={name: tuple(found) for name, found in modules.items()},
        commands={name: tuple(found) for name, found in commands.items()},
        shared=shared,
        requirers={project: tuple(found) for project, found in requirers.items()},
        known=known,
    )


def presences(contents: WheelContents) -> Iterator[tuple[str, Presence]]:
    """Every dotted name down to packages and modules, namespaces of all kinds included."""
    facts = contents.facts

    def walk(tree: ModuleTree, prefix: str) -> Iterator[tuple[str, Presence]]:
        for name, content in tree.items():
            if isinstance(content, dict):
                yield prefix + name, Presence(facts.project, "namespace")
                yield from walk(content, f"{prefix}{name}.")
            else:
                inside = contents.joined.get(prefix + name)
                yield prefix + name, Presence(facts.project, content, joined=inside is not None)
                yield from walk(inside or {}, f"{prefix}{name}.")

    yield from walk(facts.modules, "")


def commands_of(contents: WheelContents) -> Iterator[str]:
    """The commands that a wheel puts into `bin/`."""
    yield from (script.name for script in contents.facts.console_scripts)
    yield from (path.removeprefix("bin/") for path in contents.facts.scripts)


def shared_libraries(contents: WheelContents) -> Iterator[str]:
    """The paths of libraries that those of other projects may look for.

    Not extension modules, nor what auditwheel bundles in `*.libs`: others cannot know its names.
    """
    for path in contents.files:
        folder, _, name = path.rpartition("/")
        if name.startswith("lib") and ".so" in name and not folder.endswith(".libs"):
            yield path


@lru_cache(maxsize=1 << 14)
def project_of(requirement: str) -> NormalizedName | None:
    """The project that a `Requires-Dist` line is about; None for a line that no standard reads."""
    try:
        return canonicalize_name(Requirement(requirement).name)
    except InvalidRequirement:
        return None
