"""What of its base a verdict depends on: as long as that stays, so does the verdict.

An overlay that only adds depends on the base's pins that its own requirements are about, and on
who has the names that it brings. One that shadows, lifts or hides depends also on all that leads to
what it changes: a project that newly does shows as an edge to one that did before. Where there was
no resolution, everything counts.
"""

from collections.abc import Collection, Iterable, Iterator

from packaging.utils import NormalizedName

from envc.check.inventory import Inventory, commands_of, presences, project_of
from envc.check.libraries import wanted_libraries
from envc.check.subject import Subject
from envc.model.digest import Digest, digest_of_json
from envc.model.value import value


@value(kw_only=True)
class Basis:
    """The parts of a base that a verdict rests on; `everything` makes the others superfluous.

    `changed` are the base's projects that the overlay replaces or hides; `pins`, `names` and
    `commands` which pins, importable names and commands count.
    """

    everything: bool
    changed: tuple[str, ...]
    pins: tuple[str, ...]
    names: tuple[str, ...]
    commands: tuple[str, ...]

    def fingerprint(
        self, inventories: Iterable[Inventory], kept: Collection[NormalizedName]
    ) -> Digest:
        """The digest of these parts of a base, given its inventory for each target.

        `kept` are the projects that the specs below keep available.
        """
        return digest_of_json([list(self._parts(inventory, kept)) for inventory in inventories])

    def _parts(self, inventory: Inventory, kept: Collection[NormalizedName]) -> Iterator[object]:
        if self.everything:
            yield [_pin(inventory, project) for project in sorted(inventory.pins)]
            return
        yield [_pin(inventory, project) for project in self.pins]
        yield [[str(owner) for owner in inventory.modules.get(name, ())] for name in self.names]
        yield [inventory.commands.get(command, ()) for command in self.commands]
        leading = _leading_to(self.changed, inventory)
        yield [[project, inventory.requirers.get(project, ())] for project in sorted(leading)]
        yield sorted(leading.intersection(kept))


def basis_of(subject: Subject, asked: Iterable[str]) -> Basis:
    """What the verdict on a subject rests on; `asked` are the projects its spec speaks of."""
    lock = subject.lock
    if lock is None or subject.failure is not None or subject.unknown:
        return Basis(everything=True, changed=(), pins=(), names=(), commands=())
    changed = {*lock.shadows, *lock.lifts, *lock.hides}
    pins: set[str] = {*asked, *changed, *(pin.project for pin in lock.pins)}
    names: set[str] = set()
    commands: set[str] = set()
    for scene in subject.scenes:
        for contents in scene.own:
            needed = map(project_of, contents.facts.requires)
            pins |= {project for project in needed if project is not None}
            names |= {name for name, _ in presences(contents)}
            commands |= set(commands_of(contents))
        pins |= wanted_libraries(scene)
        for project in changed:
            requirers = scene.inventory.requirers.get(NormalizedName(project), ())
            pins |= {requirer for requirer, _ in requirers}
    return Basis(
        everything=False,
        changed=tuple(sorted(changed)),
        pins=tuple(sorted(pins)),
        names=tuple(sorted(names)),
        commands=tuple(sorted(commands)),
    )


def _leading_to(projects: Iterable[str], inventory: Inventory) -> set[NormalizedName]:
    """The projects, and all that may require them, directly or through others."""
    reach: set[NormalizedName] = set()
    waiting = [NormalizedName(project) for project in projects]
    while waiting:
        project = waiting.pop()
        if project not in reach:
            reach.add(project)
            waiting += [requirer for requirer, _ in inventory.requirers.get(project, ())]
    return reach


def _pin(inventory: Inventory, project: str) -> object:
    pin = inventory.pins.get(NormalizedName(project))
    if pin is None:
        return None
    return [project, pin.layer, *(file.digest or file.filename for file in pin.distributions)]
