"""Stacks over small random indexes: the resolver against an oracle that tries everything."""

from itertools import combinations, product

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from envc.errors import ShadowRefusedError, UnsatisfiableError
from envc.lock import CORE_BASE, layer_problem
from envc.resolve.backtrack import backtrack
from envc.resolve.provider import Provider
from envc.resolve.search import root_demands
from envc.resolve.straight import straight
from support.cases import Case, Solved, contradictions
from support.universes import Offer, Question, questions

pytestmark = pytest.mark.slow

NAMES = "abcd"
VERSIONS = (1, 2, 3)
SPECIFIERS = {"": {1, 2, 3}, "<2": {1}, ">=2": {2, 3}, "<3": {1, 2}, "==2": {2}, ">=3": {3}}

demands = st.tuples(st.sampled_from(NAMES), st.sampled_from(list(SPECIFIERS)))
lists = st.lists(demands, max_size=2, unique_by=lambda demand: demand[0])
universes = st.fixed_dictionaries(
    {name: st.fixed_dictionaries(dict.fromkeys(VERSIONS, lists)) for name in NAMES}
)


wishes = st.lists(demands, min_size=1, max_size=3, unique_by=lambda demand: demand[0])
quick = settings(max_examples=150, deadline=None, derandomize=True)
thorough = settings(quick, max_examples=600)


def case_of(universe, base, overlay, **keys) -> Case:
    """The case as TOML, as a person would write it."""
    lines = []
    for name, versions in universe.items():
        lines.append(f"[releases.{name}]")
        lines += [f'"{version}" = {texts(needs)}' for version, needs in versions.items()]
    lines += ["[layer.user]", f"requires = {texts(base)}"]
    if overlay is not None:
        lines += ["[overlay.alice]", f"requires = {texts(overlay)}"]
        lines += [f"{key} = {value}" for key, value in keys.items()]
    return Case("\n".join(lines))


def case_after(universe, base, overlay, present) -> Case:
    """The same, where the overlay's present lock has these pins."""
    table = "".join(f'\n{name} = "{version}"' for name, version in present.items())
    return Case(f"{case_of(universe, base, overlay).text}\n[present.alice]{table}")


def texts(wanted) -> str:
    return str([f"{name}{specifier}" for name, specifier in wanted])


def is_sound(universe, pins, roots) -> bool:
    """Whether everything that the roots reach is there, in a version that is accepted."""
    waiting, seen = list(roots), set()
    while waiting:
        name, specifier = waiting.pop()
        if pins.get(name) not in SPECIFIERS[specifier]:
            return False
        if name not in seen:
            seen.add(name)
            waiting += universe[name][pins[name]]
    return True


def has_solution(universe, roots, held=None) -> bool:
    """Whether any choice of versions is sound; `held` names the only version of some projects."""
    held = held or {}
    offers = [(None, held[name]) if name in held else (None, *VERSIONS) for name in NAMES]
    choices = (dict(zip(NAMES, pins, strict=True)) for pins in product(*offers))
    return any(is_sound(universe, pins, roots) for pins in choices)


def solve(case: Case) -> dict[str, Solved]:
    return {solved.name: solved for solved in case.solve()}


def versions_of(pins) -> dict[str, int]:
    return {pin.project: int(str(pin.version)) for pin in pins}


def pins_of(question: Question, *, turned: bool = False) -> dict[str, str]:
    (solved,) = Case(question.toml(turned=turned)).solve()
    return {pin.project: pin.version for pin in solved.lock.pins}


def answer(question: Question, *, turned: bool = False) -> object:
    """The pins, or the projects at fault."""
    try:
        return pins_of(question, turned=turned)
    except UnsatisfiableError as error:
        return error.projects


@thorough
@given(questions)
def test_a_layer_has_a_lock_exactly_when_there_is_a_solution(question):
    """Circles, extras, markers, prereleases, yanked releases and constraints among them."""
    try:
        pins = pins_of(question)
    except UnsatisfiableError:
        assert not question.has_answer()
    else:
        assert question.is_sound(pins)
        assert question.improvements(pins) == []


TWO_FAULTS = Question(
    universe={
        "a": {"1": Offer((), (), is_yanked=True), "2": Offer((), ("b",), is_yanked=False)},
        "b": {"3rc1": Offer((), (), is_yanked=False)},
    },
    requires=("a<2", "a[more]>=2"),
    policy="disallow",
)


@quick
@example(TWO_FAULTS)  # each line alone cannot be met, of one project: which is told?
@given(questions)
def test_the_order_of_lines_and_releases_does_not_count(question):
    assert answer(question, turned=True) == answer(question)


@quick
@given(questions)
def test_where_nothing_is_taken_back_the_walk_finds_what_the_search_finds(question):
    """Releases and extras alike: the walk chooses in the order of the search."""
    case = Case(question.toml())
    (layer,) = case.site.layers
    targets = case.site.targets
    problem = layer_problem(case.site, layer, base=CORE_BASE, targets=targets, preferred={})
    roots = root_demands(problem)
    walked = straight(Provider(problem, case.source), roots)
    if walked is not None:
        searched = backtrack(Provider(problem, case.source), roots)
        assert searched is not None
        assert set(map(str, walked)) == set(map(str, searched))


@quick
@given(universes, wishes, wishes)
def test_an_overlay_is_consistent_and_changes_nothing_needlessly(universe, base, overlay):
    if not has_solution(universe, base):
        return
    roots = [*overlay, *((name, "") for name, _ in base)]
    try:
        solved = solve(case_of(universe, base, overlay))
    except UnsatisfiableError:
        assert not has_solution(universe, roots)
        return
    (resolution,) = solved["alice"].resolutions
    assert contradictions(resolution) == []
    below = versions_of(solved["user"].lock.pins)
    now = versions_of(resolution.pins)
    changed = {pin.project for pin in resolution.own() if pin.project in below}
    assert changed == {*resolution.shadows, *resolution.lifts}
    assert not set(resolution.shadows) & set(resolution.lifts)
    for name in changed:
        assert now[name] != below[name]
        assert not is_sound(universe, now | {name: below[name]}, roots)
    for name in resolution.hides:
        back = now | {name: below[name]}
        assert not is_sound(universe, back, [(name, "")])


@thorough
@given(universes, wishes, wishes, st.one_of(st.just([]), wishes))
def test_after_a_detour_nothing_can_go_back_to_the_base(universe, base, detour, overlay):
    """Whatever the present lock has: every set of changed projects is tried."""
    try:
        before = versions_of(solve(case_of(universe, base, detour))["alice"].lock.pins)
        solved = solve(case_after(universe, base, overlay, before))
    except UnsatisfiableError:
        return
    (resolution,) = solved["alice"].resolutions
    assert contradictions(resolution) == []
    roots = [*overlay, *((name, "") for name, _ in base)]
    below = versions_of(solved["user"].lock.pins)
    now = below | versions_of(resolution.pins)
    changed = sorted({*resolution.shadows, *resolution.lifts})
    for size in range(1, len(changed) + 1):
        for back in combinations(changed, size):
            assert not is_sound(universe, now | {name: below[name] for name in back}, roots)


@quick
@given(universes, wishes, wishes)
def test_where_no_shadow_is_allowed_one_is_refused_only_when_needed(universe, base, overlay):
    if not has_solution(universe, base):
        return
    below = versions_of(solve(case_of(universe, base, None))["user"].lock.pins)
    roots = [*overlay, *((name, "") for name, _ in base)]
    fits = has_solution(universe, roots, held=below)
    try:
        solved = solve(case_of(universe, base, overlay, shadow="'never'"))
    except ShadowRefusedError:
        assert not fits
        assert has_solution(universe, roots)
    except UnsatisfiableError:
        assert not has_solution(universe, roots)
    else:
        assert fits
        assert solved["alice"].lock.shadows == solved["alice"].lock.lifts == ()


@quick
@given(universes, wishes, wishes, st.randoms(use_true_random=False))
def test_the_order_of_what_is_written_does_not_count(universe, base, overlay, random):
    def shuffled(values):
        values = list(values)
        random.shuffle(values)
        return values

    other = {
        name: dict(shuffled(versions.items())) for name, versions in shuffled(universe.items())
    }
    try:
        first = solve(case_of(universe, base, overlay))
    except UnsatisfiableError:
        return
    second = solve(case_of(other, shuffled(base), shuffled(overlay)))
    assert {name: solved.lock for name, solved in first.items()} == {
        name: solved.lock for name, solved in second.items()
    }


@quick
@given(universes, wishes, wishes)
def test_circles_of_projects_are_resolved_soundly(universe, base, overlay):
    try:
        solved = solve(case_of(universe, base, overlay))
    except UnsatisfiableError:
        return
    for layer in solved.values():
        for resolution in layer.resolutions:
            assert contradictions(resolution) == []


def test_a_solution_behind_a_circle_is_found():
    universe = {
        "a": {3: [("d", ">=2")]},
        "b": {2: [], 3: [("a", "")]},
        "d": {1: [], 2: [("b", "<2")]},
    }
    solved = solve(case_of(universe, [("b", ">=2"), ("d", "<3")], None))
    assert versions_of(solved["user"].lock.pins) == {"b": 2, "d": 1}
