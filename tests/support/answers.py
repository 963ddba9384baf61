"""What is wrong with an answer to a random question, by the rules alone: nothing here searches.

It shares no code with envc but the reading of versions, specifiers and markers.
"""

from collections.abc import Iterator, Mapping

from packaging.requirements import Requirement
from packaging.version import Version

from support.random_indexes import EXTRA, Question, Release

Pins = Mapping[str, Version]


def faults(asked: Question, pins: Pins) -> list[str]:
    """Each rule that the pins break; none where all that is required is met by what is allowed.

    The last rule: no single pin could be one that is wanted more, all others as they are.
    """
    active = _Active(asked, pins)
    found = [f"{name} is not pinned" for name in active.names - pins.keys()]
    found += [f"nobody asks for {name}" for name in pins.keys() - active.names]
    for name in active.names & pins.keys():
        fitting = active.fitting(name)
        if pins[name] not in fitting:
            found.append(f"{name} {pins[name]} is not what is required")
        else:
            found += (
                f"{name} could be {better}"
                for better in fitting[: fitting.index(pins[name])]
                if _holds(asked, {**pins, name: better})
            )
    return found


def wanted(version: Version) -> tuple[bool, Version]:
    """The more a version is wanted, the greater: any stable one more than any prerelease."""
    return not version.is_prerelease, version


def _holds(asked: Question, pins: Pins) -> bool:
    """Whether all that the pins require is among them; some may be there for nobody."""
    active = _Active(asked, pins)
    return all(name in pins and pins[name] in active.fitting(name) for name in sorted(active.names))


class _Active:
    """What is required where these are the pins."""

    def __init__(self, asked: Question, pins: Pins) -> None:
        self._asked = asked
        self._constraints = _applying(asked.constraints, set())
        self._lines = [*_applying(asked.requires, set()), *self._constraints]
        self._required: dict[str, list[Requirement]] = {}
        waiting = _applying(asked.requires, set())
        seen: set[tuple[str, frozenset[str]]] = set()
        extras: dict[str, set[str]] = {}
        while waiting:
            requirement = waiting.pop()
            name = requirement.name
            self._required.setdefault(name, []).append(requirement)
            extras.setdefault(name, set()).update(requirement.extras)
            state = (name, frozenset(extras[name]))
            release = self._release(name, pins.get(name))
            if state not in seen and release is not None:
                seen.add(state)
                texts = [*release.requires, *(release.extra if extras[name] else ())]
                waiting += _applying(texts, {EXTRA} & extras[name])
        self.names = self._required.keys()

    def fitting(self, name: str) -> list[Version]:
        """The versions that meet all that is required of a project, the most wanted first."""
        bounds = [
            *(each.specifier for each in self._required.get(name, ())),
            *(each.specifier for each in self._constraints if each.name == name),
        ]
        found = [
            Version(each.version)
            for each in self._of(name)
            if self._usable(each)
            and all(bound.contains(each.version, prereleases=True) for bound in bounds)
        ]
        return sorted(found, key=wanted, reverse=True)

    def _usable(self, release: Release) -> bool:
        pinned = any(
            each.operator == "==" and each.contains(release.version, prereleases=True)
            for line in self._lines
            if line.name == release.name
            for each in line.specifier
            if not each.version.endswith(".*")
        )
        too_new = release.python == ">=3.99"
        return not release.broken and not too_new and (pinned or not release.yanked)

    def _release(self, name: str, version: Version | None) -> Release | None:
        matching = (each for each in self._of(name) if Version(each.version) == version)
        return next(matching, None)

    def _of(self, name: str) -> Iterator[Release]:
        """The releases of the first index that has the project."""
        for index in self._asked.indexes:
            found = [each for each in index if each.name == name]
            if found:
                return iter(found)
        return iter(())


def _applying(texts: tuple[str, ...] | list[str], extras: set[str]) -> list[Requirement]:
    """Those of these requirements whose markers hold here."""
    parsed = map(Requirement, texts)
    return [
        each
        for each in parsed
        if each.marker is None
        or each.marker.evaluate({"sys_platform": "linux", "extra": next(iter(extras), "")})
    ]
