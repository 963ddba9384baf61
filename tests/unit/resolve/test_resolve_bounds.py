"""Shapes that make resolvers go back and forth: the pins, within bounds on what is looked into.

No bound is above one look at each release that takes part in the conflict.

The kinds are those that resolvelib tests itself with on excerpts of a real index: partners that pin
each other, extras of one project, conflicts far from their cause, circles.
"""

from dataclasses import dataclass, field

import pytest

from envc.errors import UnsatisfiableError
from envc.resolve import provider
from support.cases import Case


@dataclass(frozen=True)
class Shape:
    """An index, what is asked of it, what comes out, and how many releases may be looked into."""

    releases: dict[str, dict[str, list[str]]]
    requires: list[str]
    bound: int
    pins: dict[str, str] = field(default_factory=dict)
    extras: dict[str, dict[str, dict[str, list[str]]]] = field(default_factory=dict)

    def case(self) -> Case:
        lines = []
        for project, versions in self.releases.items():
            lines.append(f"[releases.{project}]")
            for version, needs in versions.items():
                extras = self.extras.get(project, {}).get(version, {})
                table = ", ".join(f"{extra} = {texts}" for extra, texts in extras.items())
                lines.append(f'"{version}" = {{ requires = {needs}, extras = {{ {table} }} }}')
        return Case("\n".join([*lines, "[layer.user]", f"requires = {self.requires}"]))


def plain(count: int) -> dict[str, list[str]]:
    return {str(number): [] for number in range(1, count + 1)}


def each(count: int, needs: str) -> dict[str, list[str]]:
    return {str(number): [needs.format(number)] for number in range(1, count + 1)}


def nightly(count: int, needs: str) -> dict[str, list[str]]:
    return {f"9.dev{number}": [needs] for number in range(1, count + 1)}


LETTERS = "klmnopqrst"

SHAPES = {
    "partners that pin each other, and one who wants an old partner": Shape(
        {"client": each(120, "core=={}"), "core": plain(120), "tool": {"1": ["core<20"]}},
        ["client", "tool"],
        bound=210,
        pins={"client": "19", "core": "19", "tool": "1"},
    ),
    "a thousand partners that mind one pin, where resolvelib has given up already": Shape(
        {
            "client": each(120, "core=={}"),
            "core": plain(120),
            "tool": {"1": ["core<20"]},
            "sdk": each(1000, "engine=={}"),
            "engine": {str(number): ["date<4"] for number in range(1, 1001)},
            "date": plain(4),
        },
        ["client", "tool", "sdk", "date"],
        bound=230,
        pins={
            "client": "19",
            "core": "19",
            "tool": "1",
            "sdk": "1000",
            "engine": "1000",
            "date": "3",
        },
    ),
    "partners, the older of which nobody wants": Shape(
        {"client": each(60, "core=={}"), "core": each(60, "base<={}"), "base": plain(60)},
        ["client", "base>=60"],
        bound=4,
        pins={"client": "60", "core": "60", "base": "60"},
    ),
    "a conflict far from its cause, with much that has no part in it between": Shape(
        {
            "a": {"1": ["z<2"], "2": ["z>=2"]},
            **{letter: each(20, f"{letter}{letter}>={{}}") for letter in LETTERS},
            **{letter * 2: plain(20) for letter in LETTERS},
            "y": {"1": ["z<2"]},
            "z": plain(3),
        },
        ["a", *LETTERS, "y"],
        bound=30,
        pins={
            "a": "1",
            **dict.fromkeys([*LETTERS, *(letter * 2 for letter in LETTERS)], "20"),
            "y": "1",
            "z": "1",
        },
    ),
    "two extras of one project, which only an older release reconciles": Shape(
        {"a": plain(3), "b": plain(3)},
        ["a[one]", "a[two]"],
        bound=12,
        pins={"a": "2", "b": "2"},
        extras={
            "a": {
                "3": {"one": ["b<2"], "two": ["b>2"]},
                "2": {"one": ["b<3"], "two": ["b>1"]},
                "1": {"one": [], "two": []},
            }
        },
    ),
    "one project asked for many times": Shape(
        {"a": plain(40), **{letter: {"1": [f"a<{30 - i}"]} for i, letter in enumerate(LETTERS)}},
        ["a", "a>3", "a!=20", *LETTERS],
        bound=21,
        pins={"a": "19", **dict.fromkeys(LETTERS, "1")},
    ),
    "many prereleases, none of which is needed": Shape(
        {
            "a": {**each(9, "z<{}"), **nightly(60, "z<3")},
            "b": {"1": ["z>6"], **nightly(60, "z<3")},
            "z": {**plain(9), **nightly(60, "a")},
        },
        ["a", "b"],
        bound=6,
        pins={"a": "9", "b": "1", "z": "8"},
    ),
    "many prereleases, one of which is needed": Shape(
        {"a": {**each(9, "z<{}"), **nightly(60, "z")}, "z": plain(20)},
        ["a", "z>10"],
        bound=11,
        pins={"a": "9.dev60", "z": "20"},
    ),
    "a circle, all of whose members must move together": Shape(
        {
            "a": each(9, "b=={}"),
            "b": each(9, "c=={}"),
            "c": each(9, "a=={}"),
            "d": {"1": ["c<4"]},
        },
        ["a", "d"],
        bound=10,
        pins={"a": "3", "b": "3", "c": "3", "d": "1"},
    ),
}

HOPELESS = {
    "every pair of releases contradicts": Shape(
        {"a": each(15, "z=={}"), "b": each(15, "z==10{}"), "z": plain(200)},
        ["a", "b"],
        bound=46,
    ),
    "prereleases contradict as well": Shape(
        {"a": {**each(9, "z<{}"), **nightly(60, "z<9")}, "z": plain(20)},
        ["a", "z>10"],
        bound=80,
    ),
    "a contradiction behind much that has no part in it": Shape(
        {
            **{letter: each(20, f"{letter}{letter}>={{}}") for letter in LETTERS},
            **{letter * 2: plain(20) for letter in LETTERS},
            "y": {"1": ["z<2"], "2": ["z<2"]},
            "z": plain(3),
        },
        [*LETTERS, "y", "z>2"],
        bound=60,
    ),
}


def looked_into(case: Case) -> int:
    return len(set(case.source.looked_at))


@pytest.mark.parametrize("name", SHAPES)
def test_the_pins_are_found_within_bounds(name):
    case = SHAPES[name].case()
    (solved,) = case.solve()
    assert {pin.project: pin.version for pin in solved.lock.pins} == SHAPES[name].pins
    assert looked_into(case) <= SHAPES[name].bound


@pytest.mark.parametrize("name", HOPELESS)
def test_that_there_are_none_is_found_within_bounds(name):
    case = HOPELESS[name].case()
    with pytest.raises(UnsatisfiableError) as caught:
        list(case.solve())
    assert caught.value.projects == ("z",)
    assert looked_into(case) <= HOPELESS[name].bound


ENDLESS = {
    "a chain": {f"p{number}": {"1": [f"p{number + 1}"]} for number in range(100)},
    "releases that all require what is not there": {"p0": each(100, "missing=={}")},
}


@pytest.mark.parametrize("releases", ENDLESS.values(), ids=ENDLESS)
def test_a_search_has_an_end_where_an_index_has_none(releases, monkeypatch):
    monkeypatch.setattr(provider, "MOST_RELEASES", 50)
    with pytest.raises(UnsatisfiableError) as caught:
        list(Shape(releases, ["p0"], bound=50).case().solve())
    assert str(caught.value).startswith(
        "the search for the pins of layer user gave up after 50 releases, the last of them of p"
    )
