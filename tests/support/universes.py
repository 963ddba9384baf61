"""Small random indexes, and an oracle that tries every choice of releases.

A universe is project → version → `Offer`. The oracle knows nothing of envc's resolver: it says
which choices are sound, what may be chosen at all, and so whether there is an answer.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from itertools import product

from hypothesis import strategies as st
from packaging.markers import Marker
from packaging.requirements import Requirement
from packaging.version import Version

NAMES = "abcd"
VERSIONS = ("1", "2", "3", "3rc1")
SPECIFIERS = ("", "<2", ">=2", "<3", "==2", ">=3", ">=3rc1")
MARKERS = (
    "",
    "; sys_platform == 'linux'",
    "; sys_platform == 'win32'",
    "; python_version < '3.12'",
)
ENVIRONMENT = {"sys_platform": "linux", "python_version": "3.11"}
EXTRA = "more"


@dataclass(frozen=True)
class Offer:
    """One release: what it requires, what its extra adds, whether it was yanked."""

    requires: tuple[str, ...]
    more: tuple[str, ...]
    is_yanked: bool

    def toml(self) -> str:
        yanked = ', yanked = "as drawn"' if self.is_yanked else ""
        extras = f", extras = {{ {EXTRA} = {list(self.more)} }}" if self.more else ""
        return f"{{ requires = {list(self.requires)}{extras}{yanked} }}"


Universe = Mapping[str, Mapping[str, Offer]]


@dataclass(frozen=True)
class Question:
    """An index and what a layer asks of it."""

    universe: Universe
    requires: tuple[str, ...]
    constraints: tuple[str, ...] = ()
    policy: str = "if-necessary"
    policies: Mapping[str, str] = field(default_factory=dict)

    def toml(self, *, turned: bool = False) -> str:
        """The question as a case; `turned`: everything written in the opposite order."""

        def ordered(values):
            values = list(values)
            return values[::-1] if turned else values

        lines = []
        for project, releases in ordered(self.universe.items()):
            lines.append(f"[releases.{project}]")
            lines += [f'"{v}" = {offer.toml()}' for v, offer in ordered(releases.items())]
        lines += ["[layer.user]", f"requires = {ordered(self.requires)}"]
        lines += [f"constraints = {ordered(self.constraints)}"]
        lines += ["[resolver]", f'prereleases = "{self.policy}"', "[resolver.prerelease]"]
        lines += [f'{project} = "{policy}"' for project, policy in ordered(self.policies.items())]
        return "\n".join(lines)

    def may_be_chosen(self, project: str) -> Iterator[str]:
        """The versions that the policy allows: yanked ones only where a line pins them."""
        releases = self.universe.get(project, {})
        lines = [
            r for r in map(Requirement, (*self.requires, *self.constraints)) if r.name == project
        ]
        lines = [line for line in lines if applies(line)]
        pinned = {str(line.specifier).removeprefix("==") for line in lines}
        usable = [v for v, offer in releases.items() if not offer.is_yanked or v in pinned]
        named = any("rc" in str(line.specifier) for line in lines)
        policy = self.policies.get(project, self.policy)
        permits = policy in ("allow", "if-necessary") or (policy == "explicit" and named)
        for version in usable:
            if permits or not Version(version).is_prerelease:
                yield version

    def rank(self, project: str, version: str) -> tuple[bool, Version]:
        """The higher, the more a release is wanted."""
        any_is_wanted = self.policies.get(project, self.policy) == "allow"
        return (any_is_wanted or not Version(version).is_prerelease, Version(version))

    def is_sound(self, pins: Mapping[str, str]) -> bool:
        """Whether everything that the roots reach is there, in a version that is accepted."""
        waiting = [*map(Requirement, self.requires)]
        seen: set[tuple[str, str]] = set()
        while waiting:
            wanted = waiting.pop()
            if not applies(wanted):
                continue
            if wanted.name not in pins or not accepts(wanted, pins[wanted.name]):
                return False
            offer = self.universe[wanted.name][pins[wanted.name]]
            for extra, texts in (("", offer.requires), (EXTRA, offer.more)):
                if (extra == "" or extra in wanted.extras) and (wanted.name, extra) not in seen:
                    seen.add((wanted.name, extra))
                    waiting += map(Requirement, texts)
        return all(
            accepts(constraint, pins[constraint.name])
            for constraint in map(Requirement, self.constraints)
            if constraint.name in pins and applies(constraint)
        )

    def has_answer(self) -> bool:
        """Whether any choice is sound."""
        offers = [(None, *self.may_be_chosen(name)) for name in NAMES]
        choices = (dict(zip(NAMES, chosen, strict=True)) for chosen in product(*offers))
        return any(
            self.is_sound({name: version for name, version in choice.items() if version})
            for choice in choices
        )

    def improvements(self, pins: Mapping[str, str]) -> list[str]:
        """Single changes to a release that is wanted more, after which the pins are still sound."""
        return [
            f"{project} {version}"
            for project, pinned in pins.items()
            for version in self.may_be_chosen(project)
            if self.rank(project, version) > self.rank(project, pinned)
            and self.is_sound({**pins, project: version})
        ]


def applies(requirement: Requirement) -> bool:
    marker: Marker | None = requirement.marker
    return marker is None or marker.evaluate({**ENVIRONMENT, "extra": ""})


def accepts(requirement: Requirement, version: str) -> bool:
    return requirement.specifier.contains(version, prereleases=True)


def _texts(maximum: int) -> st.SearchStrategy[tuple[str, ...]]:
    parts = st.tuples(
        st.sampled_from(NAMES),
        st.sampled_from(["", "", "", f"[{EXTRA}]"]),
        st.sampled_from(SPECIFIERS),
        st.sampled_from(["", "", "", *MARKERS]),
    )
    return st.lists(parts.map("".join), max_size=maximum).map(tuple)


_offers = st.builds(
    Offer,
    requires=_texts(2),
    more=_texts(1),
    is_yanked=st.sampled_from([False, False, False, False, True]),
)
_releases = st.dictionaries(st.sampled_from(VERSIONS), _offers, min_size=1)
_constraints = st.lists(
    st.tuples(st.sampled_from(NAMES), st.sampled_from(SPECIFIERS[1:])).map("".join), max_size=1
).map(tuple)
_policies = st.sampled_from(["if-necessary", "if-necessary", "allow", "explicit", "disallow"])

questions = st.builds(
    Question,
    universe=st.fixed_dictionaries(dict.fromkeys(NAMES, _releases)),
    requires=_texts(3),
    constraints=_constraints,
    policy=_policies,
    policies=st.dictionaries(st.sampled_from(NAMES), _policies, max_size=1),
)
