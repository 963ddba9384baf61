"""What the search works on: demands (requirements with their reason) and candidates.

A project and each of its extras are separate identities: `dask` and `dask[complete]`. The
candidate of an extra demands its project at the same version, and what the extra adds.
"""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet
from packaging.utils import NormalizedName, canonicalize_name
from packaging.version import Version

from envc.model.release import Distribution
from envc.model.spec import SourcedRequirement
from envc.model.value import replace, value
from envc.resolve.interpreter import lower_bounds

ANY = SpecifierSet()

# Of a line that nobody can read.
_MOST_TOLD = 200

# The interpreter as an identity of the search: a release that its index lists without a
# Requires-Python demands it by its metadata. No project can have this name.
PYTHON = NormalizedName("<python>")


@value(eq=False)
class Demand:
    """A project (or one extra of it) that must be there, and why.

    `sourced` is the line of a spec that asks for it; in a demand by a release it is None and
    `parent` is that release. `text` is the requirement as its author wrote it. `kept` marks a
    project of a base's spec that only has to stay available. `url` is where a release insists that
    its requirement is had from, and no line of a spec names: nothing meets such a demand. `unread`
    marks a line that nobody can read: what it demands is that its release is not taken. So does
    `broken`, for a release whose metadata as a whole cannot be used; `text` then says why.
    """

    project: NormalizedName
    extra: NormalizedName | None
    specifier: SpecifierSet
    text: str
    sourced: SourcedRequirement | None = None
    parent: Candidate | None = None
    exact: Version | None = None
    kept: bool = False
    url: str | None = None
    unread: bool = False
    broken: bool = False

    @property
    def key(self) -> str:
        """The identity that this demand is about."""
        return key_of(self.project, self.extra)

    def accepts(self, version: Version) -> bool:
        """Whether a version meets the specifier; the choice of prereleases is made elsewhere."""
        if self.url is not None:
            return False
        if self.exact is not None:
            return version == self.exact
        return self.specifier.contains(version, prereleases=True)


@value(eq=False)
class Candidate:
    """A release that may be pinned; one object for each release and extra in a search.

    `last_resort` marks one that says no to a target's Python by an upper bound; `fallback` a
    prerelease that may be chosen only where no stable release can be.
    """

    project: NormalizedName
    version: Version
    distributions: tuple[Distribution, ...]
    extra: NormalizedName | None = None
    layer: str | None = None
    last_resort: bool = False
    fallback: bool = False

    @property
    def key(self) -> str:
        """The identity that this candidate is of."""
        return key_of(self.project, self.extra)

    def __str__(self) -> str:
        return f"{self.key} {self.version}"


def key_of(project: NormalizedName, extra: NormalizedName | None) -> str:
    """`project`, or `project[extra]`."""
    return project if extra is None else f"{project}[{extra}]"


def parts_of(key: str) -> tuple[NormalizedName, NormalizedName | None]:
    """The project and the extra of an identity."""
    project, _, extra = key.removesuffix("]").partition("[")
    return NormalizedName(project), NormalizedName(extra) if extra else None


def preference(key: str, demands: Collection[Demand]) -> tuple[Any, ...]:
    """When it is an identity's turn to be pinned: the least first.

    Tightly bound projects first, those of the spec before others, then by name.
    """
    operators = {part.operator for demand in demands for part in demand.specifier}
    exact = any(demand.exact is not None for demand in demands)
    return (
        not (exact or operators & {"==", "==="}),
        not any(demand.sourced is not None for demand in demands),
        not operators & {"<", "<=", "~="},
        not operators,
        key,
    )


def demands_of(
    requirement: Requirement,
    *,
    sourced: SourcedRequirement | None = None,
    parent: Candidate | None = None,
    kept: bool = False,
    url: str | None = None,
) -> list[Demand]:
    """The demand on the project, then one for each extra, in order of name."""
    project = canonicalize_name(requirement.name)
    specifier = ANY if kept else requirement.specifier
    extras = sorted(canonicalize_name(extra) for extra in requirement.extras)
    text = str(requirement)
    return [
        Demand(project, extra, specifier, text, sourced, parent, kept=kept, url=url)
        for extra in (None, *extras)
    ]


def exactly(candidate: Candidate) -> Demand:
    """What the candidate of an extra demands: its project, at the same version."""
    text = f"{candidate.project}=={candidate.version}"
    return Demand(candidate.project, None, ANY, text, parent=candidate, exact=candidate.version)


def unread_demand(candidate: Candidate, line: str) -> Demand:
    """What follows from a line that nobody can read: any release but this one.

    pip and uv, too, go on to another release where the metadata of one is invalid.
    """
    text = line if len(line) <= _MOST_TOLD else f"{line[:_MOST_TOLD]}…"
    return replace(_any_other(candidate), text=text, unread=True)


def broken_demand(candidate: Candidate, why: str) -> Demand:
    """What follows from metadata that cannot be used: any release but this one, as uv has it."""
    return replace(_any_other(candidate), text=why, broken=True)


def _any_other(candidate: Candidate) -> Demand:
    not_this = SpecifierSet(f"!={candidate.version}")
    return Demand(candidate.project, None, not_this, "", parent=candidate)


def python_demand(candidate: Candidate, requires_python: str) -> Demand | None:
    """The demand on the interpreter: lower bounds only; None for what nobody can read."""
    try:
        bounds = lower_bounds(SpecifierSet(requires_python))
    except ValueError:
        return None
    return Demand(PYTHON, None, bounds, f"Python {requires_python}", parent=candidate)
