"""A search that ends in pins or in a proof that there are none.

resolvelib finds pins fast, but its "no" is no proof: where projects require each other in a circle,
or a pin is changed again, it forgets part of a conflict's causes. Every "no" is asked again here.

Each identity of the search (a project, or a project with an extra) is a variable: absent, or one
of the versions that the policy lets be chosen. A set of its values is an integer: bit 0 for absent,
bit i + 1 for version i. An `Incompatibility` says that its variables are never all within their
sets. The search is PubGrub's, which is conflict-driven clause learning:

1. *Propagate*: where all variables of an incompatibility but one are within their sets, the last
   one is not. What was concluded goes onto the trail with its cause.
2. *Conflict*: where all are, resolve the incompatibility with the cause of the latest conclusion
   that it rests on, until only one variable was settled at the latest level that counts. Learn it,
   go back, go on with 1. An incompatibility of no variables is the proof.
3. *Decide*: of the identities that must be there, pin the one with the fewest versions left to its
   most preferred one; what that release requires are incompatibilities. Go on with 1.
4. *Change the order*: where release after release of one identity is in the way of another that was
   settled before it, go back to where that was settled; decide the first one early, the other late.
   Else a project with a thousand releases is walked through to its end for one pin (as uv has it).

Source: Natalie Weizenbaum, "PubGrub: Next-Generation Version Solving" (2018).
"""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field

from packaging.utils import NormalizedName
from packaging.version import Version

from envc.model.value import value
from envc.resolve.candidates import last_resorts_behind
from envc.resolve.demand import Candidate, Demand, key_of
from envc.resolve.provider import Provider

ABSENT = 1
MAXIMUM_CONFLICTS = 20_000
# So many releases in a row meet the same pin; then that pin waits.
_CLASHES = 5


class TooManyConflictsError(Exception):
    """The search was given up: neither pins nor a proof."""


@value
class Unusable:
    """Releases that have nothing for the targets."""

    project: NormalizedName
    versions: tuple[Version, ...]


Fact = Demand | Unusable


@value(eq=False)
class Incompatibility:
    """Identities that are never all within their sets, and why: a fact, or two others."""

    terms: Mapping[str, int]
    fact: Fact | None = None
    causes: tuple["Incompatibility", ...] = ()

    def facts(self) -> list[Fact]:
        """The facts that it follows from, each once."""
        found: dict[int, Fact] = {}
        seen: set[int] = set()
        waiting = [self]
        while waiting:
            incompatibility = waiting.pop()
            if id(incompatibility) not in seen:
                seen.add(id(incompatibility))
                if incompatibility.fact is not None:
                    found.setdefault(id(incompatibility.fact), incompatibility.fact)
                waiting += incompatibility.causes
        return list(found.values())


@value
class Conclusion:
    """One step of the trail: what is left of an identity's values after it, and what was before.

    `cause` is None for a decision.
    """

    key: str
    left: int
    before: int
    level: int
    cause: Incompatibility | None


@dataclass(slots=True)
class Variable:
    """An identity: its versions in order of preference, and where its steps are on the trail."""

    project: NormalizedName
    extra: NormalizedName | None
    versions: tuple[Version, ...]
    left: int
    steps: list[int] = field(default_factory=list)
    known: list[Incompatibility] = field(default_factory=list)

    @property
    def everything(self) -> int:
        """All of its values."""
        return (2 << len(self.versions)) - 1

    def must_be_there(self) -> bool:
        """Whether it cannot be absent any more."""
        return not self.left & ABSENT

    def chosen(self, values: int) -> Iterator[tuple[int, Version]]:
        """The versions among some values, most preferred first, each with its bit."""
        for place, version in enumerate(self.versions):
            bit = 2 << place
            if values & bit:
                yield bit, version


@value
class Refutation:
    """The proof that demands cannot be met: the facts that contradict each other."""

    facts: tuple[Fact, ...]


def prove(
    provider: Provider, roots: Iterable[Demand], constraints: Iterable[Demand]
) -> list[Candidate] | Refutation:
    """The candidates that meet the demands within the constraints, or why there are none.

    Raises:
        TooManyConflictsError: it was given up.
    """
    return _Search(provider, constraints).run(roots)


class _Search:
    """One search; used once."""

    def __init__(self, provider: Provider, constraints: Iterable[Demand]) -> None:
        self._provider = provider
        self._candidates = provider.candidates
        self._constraints = list(constraints)
        self._variables: dict[str, Variable] = {}
        self._trail: list[Conclusion] = []
        self._level = 0
        self._decided: dict[str, Candidate] = {}
        self._looked_into: set[Candidate] = set()
        self._accepted: dict[tuple[NormalizedName, str, str | None], int] = {}
        self._empty: Incompatibility | None = None
        self._clashes: Counter[tuple[str, str]] = Counter()
        self._turns: dict[str, int] = {}  # -1: before others, 1: after them

    def run(self, roots: Iterable[Demand]) -> list[Candidate] | Refutation:
        """What `prove` answers."""
        for root in roots:
            self._learn(Incompatibility({root.key: self._excluded(root)}, root))
        changed = list(self._variables)
        if self._propagate(changed) is None:
            for variable in [self._variables[key] for key in changed]:
                self._pick(variable, variable.left)  # what has no file for here is told at once
        for _ in range(MAXIMUM_CONFLICTS):
            self._provider.source.go_on()
            conflict = self._empty or self._propagate(changed)
            while conflict is None:
                key = self._next()
                if key is None:
                    return list(self._decided.values())
                changed = self._decide(key)
                conflict = self._empty or self._propagate(changed)
            learned = self._resolve(conflict)
            if not learned.terms:
                return Refutation(tuple(learned.facts()))
            changed = list(learned.terms)
        raise TooManyConflictsError

    def _variable(
        self, project: NormalizedName, extra: NormalizedName | None, key: str
    ) -> Variable:
        if key not in self._variables:
            versions = self._candidates.versions(project)
            variable = Variable(project, extra, versions, 0)
            variable.left = variable.everything
            self._variables[key] = variable
            for constraint in self._constraints:
                if constraint.key == key:
                    excluded = self._excluded(constraint) & ~ABSENT
                    self._learn(Incompatibility({key: excluded}, constraint))
        return self._variables[key]

    def _excluded(self, demand: Demand) -> int:
        """The values of the demanded identity that do not meet the demand; being absent is one."""
        variable = self._variable(demand.project, demand.extra, demand.key)
        key = (demand.project, str(demand.exact or demand.specifier), demand.url)
        if key not in self._accepted:
            places = enumerate(variable.versions)
            self._accepted[key] = sum(2 << i for i, v in places if demand.accepts(v))
        return variable.everything & ~self._accepted[key]

    def _learn(self, incompatibility: Incompatibility) -> None:
        """Keep an incompatibility, without terms that are always or never true."""
        terms = incompatibility.terms
        if not all(terms.values()):
            return
        everything = [
            key for key, values in terms.items() if values == self._variables[key].everything
        ]
        if everything:
            kept = {key: values for key, values in terms.items() if key not in everything}
            incompatibility = Incompatibility(kept, incompatibility.fact, incompatibility.causes)
        for key in incompatibility.terms:
            self._variables[key].known.append(incompatibility)
        if not incompatibility.terms:
            self._empty = incompatibility

    def _propagate(self, changed: list[str]) -> Incompatibility | None:
        """Draw every conclusion from what changed; the incompatibility that came true, or None."""
        waiting = dict.fromkeys(changed)
        while waiting:
            key = next(iter(waiting))
            del waiting[key]
            for incompatibility in reversed(self._variables[key].known):
                open_key = self._open_term(incompatibility)
                if open_key is None:
                    return incompatibility
                if open_key:
                    self._conclude(open_key, ~incompatibility.terms[open_key], incompatibility)
                    waiting[open_key] = None
        return None

    def _open_term(self, incompatibility: Incompatibility) -> str | None:
        """The only identity that is outside its set; None when none is; "" when nothing follows."""
        found = ""
        for key, values in incompatibility.terms.items():
            left = self._variables[key].left
            if left & values == 0:
                return ""
            if left & ~values:
                if found:
                    return ""
                found = key
        return found or None

    def _conclude(self, key: str, values: int, cause: Incompatibility | None) -> None:
        variable = self._variables[key]
        left = variable.left & values
        variable.steps.append(len(self._trail))
        self._trail.append(Conclusion(key, left, variable.left, self._level, cause))
        variable.left = left

    def _next(self) -> str | None:
        """The identity to decide: it must be there, and has its turn or the fewest versions."""
        waiting = [
            (self._turns.get(key, 0), variable.left.bit_count(), key)
            for key, variable in self._variables.items()
            if key not in self._decided and variable.must_be_there()
        ]
        return min(waiting)[2] if waiting else None

    def _decide(self, key: str) -> list[str]:
        """Pin an identity, unless what its release requires contradicts what is settled.

        What has changed thereby.
        """
        variable = self._variables[key]
        candidate, bit = self._pick(variable, variable.left)
        if candidate is None:
            return [key]
        contradicted: list[Demand] = []
        if candidate not in self._looked_into:
            self._looked_into.add(candidate)
            demands = self._provider.look_into(candidate)
            contradicted += (each for each in demands if not self._require(key, bit, each))
        if not contradicted:
            self._level += 1
            self._conclude(key, bit, None)
            self._decided[key] = candidate
        clashes = [self._clash(key, demand) for demand in contradicted]
        # What was concluded since is to be concluded anew.
        return list(self._variables) if any(clashes) else [key]

    def _clash(self, key: str, demand: Demand) -> bool:
        """Count that a release met what was settled before it; whether that was taken back."""
        pair = key, demand.key
        self._clashes[pair] += 1
        if self._clashes[pair] != _CLASHES or key == demand.key:
            return False
        self._turns[key] = -1
        self._turns.setdefault(demand.key, 1)
        place = next(self._places_within(demand.key, self._excluded(demand)), None)
        level = 0 if place is None else self._trail[place].level
        if level:
            self._go_back(level - 1)
        return level > 0

    def _pick(self, variable: Variable, values: int) -> tuple[Candidate | None, int]:
        """The most preferred candidate among values, and its bit; what is unusable is learned."""
        unusable: list[tuple[int, Version]] = []
        bits: dict[Candidate, int] = {}

        def usable() -> Iterator[Candidate]:
            for bit, version in variable.chosen(values):
                candidate = self._candidates.candidate(variable.project, version)
                if candidate is None:
                    unusable.append((bit, version))
                else:
                    bits[candidate] = bit
                    yield candidate

        found = next(last_resorts_behind(usable()), None)
        if unusable:
            fact = Unusable(variable.project, tuple(version for _, version in unusable))
            key = key_of(variable.project, variable.extra)
            self._learn(Incompatibility({key: sum(bit for bit, _ in unusable)}, fact))
        if found is None:
            return None, 0
        extra = variable.extra
        return found if extra is None else self._candidates.with_extra(found, extra), bits[found]

    def _require(self, key: str, bit: int, demand: Demand) -> bool:
        """Learn what a release demands; whether that leaves the release possible."""
        excluded = self._excluded(demand)
        if demand.key == key:
            if excluded & bit:
                self._learn(Incompatibility({key: bit}, demand))
            return not excluded & bit
        self._learn(Incompatibility({key: bit, demand.key: excluded}, demand))
        demanded = self._variables[demand.key]
        return self._pick(demanded, demanded.left & ~excluded)[0] is not None

    def _resolve(self, conflict: Incompatibility) -> Incompatibility:
        """What a conflict teaches: learned, with the trail back to where it tells something."""
        while conflict.terms:
            place, earlier = self._satisfier(conflict)
            step = self._trail[place]
            if step.cause is None or earlier < step.level:
                self._go_back(earlier)
                self._learn(conflict)
                return conflict
            conflict = self._joined(conflict, step.cause, step.key)
        return conflict

    def _satisfier(self, conflict: Incompatibility) -> tuple[int, int]:
        """Where on the trail the conflict came true, and the level of all else that it needs."""
        firsts = {key: self._first_within(key, values) for key, values in conflict.terms.items()}
        place = max(firsts.values())
        step = self._trail[place]
        levels = [self._trail[other].level for key, other in firsts.items() if key != step.key]
        if step.cause is not None:
            without = conflict.terms[step.key] | step.cause.terms[step.key]
            if without != self._variables[step.key].everything:
                levels.append(self._trail[self._first_within(step.key, without)].level)
        return place, max(levels, default=0)

    def _first_within(self, key: str, values: int) -> int:
        """The place of the first step after which an identity is within a set."""
        return next(self._places_within(key, values))

    def _places_within(self, key: str, values: int) -> Iterator[int]:
        steps = self._variables[key].steps
        return (place for place in steps if not self._trail[place].left & ~values)

    def _joined(self, one: Incompatibility, other: Incompatibility, key: str) -> Incompatibility:
        """What follows from both, `key` being within the one's set or the other's."""
        terms = {
            name: one.terms.get(name, -1) & other.terms.get(name, -1)
            for name in (*one.terms, *other.terms)
            if name != key
        }
        either = one.terms[key] | other.terms[key]
        if either != self._variables[key].everything:
            terms[key] = either
        return Incompatibility(terms, None, (one, other))

    def _go_back(self, level: int) -> None:
        while self._trail and self._trail[-1].level > level:
            step = self._trail.pop()
            variable = self._variables[step.key]
            variable.left = step.before
            variable.steps.pop()
            if step.cause is None:
                del self._decided[step.key]
        self._level = level
