"""What a new lock moves, seen from its layer, and why: `pandas 2.1 -> 3.1 (numpy 2 needs it)`."""

import re
from collections.abc import Iterator, Sequence

from packaging.markers import Marker
from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet
from packaging.utils import NormalizedName, canonicalize_name
from packaging.version import Version

from envc.errors import EnvcError
from envc.lock import pinned_versions
from envc.model.lock import Lock
from envc.model.release import CoreMetadata
from envc.model.resolution import Pin, Problem, Resolution
from envc.model.spec import SourcedRequirement
from envc.model.value import value
from envc.ports import CandidateSource
from envc.reports.change import Move
from envc.resolve.lines import Lines

_ASKED = "you asked for it"
_OF_BASE = "a constraint of the base"
# In the key of a line of a common layer.
_LAYER = re.compile(r"(?:^|\.)layer\.([^.[]+)")


@value
class Moving:
    """What was let move: the projects that a person named, or `everything`."""

    named: frozenset[NormalizedName]
    everything: bool


def moves_of(
    resolutions: Sequence[Resolution], before: Lock | None, moving: Moving, source: CandidateSource
) -> tuple[Move, ...]:
    """The projects that people see another release of than by the lock `before`, in order of name.

    A project that moves otherwise on other targets is there for each of them.
    """
    found = {
        (move.project, move.before, move.after): move
        for resolution in reversed(resolutions)
        for move in _Seen(resolution, before, source).moves(moving)
    }
    return tuple(found[key] for key in sorted(found))


class _Seen:
    """The pins of a resolution, and those that were seen before it."""

    def __init__(self, resolution: Resolution, lock: Lock | None, source: CandidateSource) -> None:
        self._problem: Problem = resolution.problem
        self._lines = Lines(self._problem.markers)
        self._pins = {pin.project: pin for pin in resolution.pins}
        self._inherited = {pin.project: pin for pin in self._problem.inherited}
        inherited = {project: pin.version for project, pin in self._inherited.items()}
        self._before = inherited | pinned_versions(lock, self._problem.markers)
        self._source = source

    def moves(self, moving: Moving) -> Iterator[Move]:
        """Those that have another release now."""
        for project, pin in self._pins.items():
            before = self._before.get(project)
            if before is not None and before != pin.version:
                reason = self._reason(pin, before, moving)
                yield Move(project, str(before), str(pin.version), reason)

    def _reason(self, pin: Pin, before: Version, moving: Moving) -> str:
        if pin.project in moving.named:
            return _ASKED
        excluding = self._excluding(pin.project, before)
        if excluding:
            return _ASKED if any(map(self._is_own, excluding)) else _OF_BASE
        if pin.layer is not None:
            return f"layer {pin.layer} has it"
        needed = self._needed_by_others(pin.project, before) or self._needed_by_itself(pin, before)
        return needed or ("you let all move" if moving.everything else "")

    def _excluding(self, project: NormalizedName, version: Version) -> list[SourcedRequirement]:
        """The lines that do not take this release: the layer's own, and rules of its bases."""
        problem = self._problem
        return [
            line
            for line in (*problem.roots, *problem.constraints, *problem.overrides)
            if canonicalize_name(line.requirement.name) == project
            and self._holds(line.requirement.marker)
            and not _accepts(line.requirement.specifier, version)
        ]

    def _is_own(self, line: SourcedRequirement) -> bool:
        """Whether a line is the layer's: rules of its bases have another key, or another file."""
        roots = self._problem.roots
        layer = _LAYER.search(line.origin.key)
        if layer is not None:
            return self._problem.layer == f"layer {layer[1]}"
        return not roots or line.origin.file in {root.origin.file for root in roots}

    def _holds(self, marker: Marker | None) -> bool:
        return marker is None or marker.evaluate({**self._problem.markers, "extra": ""})

    def _needed_by_others(self, project: NormalizedName, version: Version) -> str:
        """The pin that does not take this release: one that the layer has itself, if there is."""
        for pin in sorted(self._pins.values(), key=lambda pin: pin.layer is not None):
            for asked in self._asked(pin.metadata, pin.extras):
                is_about = canonicalize_name(asked.name) == project
                if is_about and not _accepts(asked.specifier, version):
                    return f"{pin.project} {pin.version} needs it"
        return ""

    def _needed_by_itself(self, pin: Pin, version: Version) -> str:
        """The pin that this release of a project does not take."""
        metadata = self._metadata(pin.project, version)
        for asked in self._asked(metadata, pin.extras) if metadata is not None else ():
            other = self._pins.get(canonicalize_name(asked.name))
            if other is not None and not _accepts(asked.specifier, other.version):
                return f"{other.project} {_shortest(asked.specifier, other.version)} needs it"
        return ""

    def _asked(
        self, metadata: CoreMetadata, extras: Sequence[NormalizedName]
    ) -> Iterator[Requirement]:
        """What a release asks for; not where an override says something else."""
        overridden = {canonicalize_name(o.requirement.name) for o in self._problem.overrides}
        for extra in (None, *extras):
            for line in self._lines.holding(metadata, extra):
                if isinstance(line, Requirement) and canonicalize_name(line.name) not in overridden:
                    yield line

    def _metadata(self, project: NormalizedName, version: Version) -> CoreMetadata | None:
        """What is known of a release that was seen before; None where nobody knows any more."""
        inherited = self._inherited.get(project)
        try:
            if inherited is not None and inherited.version == version:
                return self._source.metadata(inherited.distributions[0])
            releases = self._source.releases(project)
            files = [each.distributions for each in releases if each.version == version]
            wheels = (file for each in files for file in each if file.kind == "wheel")
            file = next(wheels, None)
            return None if file is None else self._source.metadata(file)
        except EnvcError:
            return None


def _accepts(specifier: SpecifierSet, version: Version) -> bool:
    return specifier.contains(version, prereleases=True)


def _shortest(specifier: SpecifierSet, version: Version) -> str:
    """As much of a version as tells why the specifier does not take it: `2` of 2.4.6, by `<2`."""
    for length in range(1, len(version.release)):
        short = ".".join(map(str, version.release[:length]))
        if not _accepts(specifier, Version(short)) and version.epoch == 0:
            return short
    return str(version)
