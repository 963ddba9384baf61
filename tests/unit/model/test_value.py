"""A value is to its users what a frozen dataclass is: the two are held against each other."""

import copy
import dataclasses
import pickle
import re
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import FrozenInstanceError, asdict, fields
from typing import Any, Generic, TypeVar

import pytest

from envc.model.value import field, fields_of, replace, value

T = TypeVar("T")


def pair(define: Any, theirs: Mapping[str, bool], ours: Mapping[str, bool]) -> list[Any]:
    hidden = dataclasses.field(default_factory=list, compare=False, repr=False)
    return [
        dataclasses.dataclass(frozen=True, **theirs)(define(hidden)),
        value(**ours)(define(field(default_factory=list, shows=False))),
    ]


def point(hidden: Any) -> type:
    class Point(Generic[T]):
        """A place."""

        x: int
        label: T
        tags: list[str] = hidden
        depth: int = 0

    return Point


@pytest.fixture(params=[True, False], ids=["slots", "dict"])
def kinds(request: pytest.FixtureRequest) -> list[Any]:
    return pair(point, {"slots": request.param}, {"slots": request.param})


CALLS = [
    ((1, "a"), {}),
    ((1,), {"label": "a"}),
    ((), {"label": "a", "x": 1}),
    ((1, "a", ["t"], 7), {}),
    ((), {"x": 1, "label": "a", "tags": ["t"], "depth": 7}),
    ((1, "a"), {"depth": 7}),
]


@pytest.mark.parametrize(("given", "named"), CALLS)
def test_it_is_made_read_shown_and_compared_as_a_dataclass(kinds, given, named):
    theirs, ours = (kind(*given, **named) for kind in kinds)
    assert asdict(ours) == asdict(theirs)
    assert repr(ours) == repr(theirs)
    assert repr(replace(ours, x=2)) == repr(dataclasses.replace(theirs, x=2))
    assert dataclasses.replace(ours, x=2) == replace(ours, x=2)
    for again in (kind(*given, **named) for kind in kinds):
        assert again in {theirs, ours}
    assert ours != theirs
    assert [hash(ours) == hash(replace(ours, x=x)) for x in (1, 2)] == [True, False]
    assert ours == replace(ours, tags=["another"])
    assert kinds[1].__match_args__ == kinds[0].__match_args__


@pytest.mark.parametrize(
    ("given", "named"),
    [
        ((), {}),
        ((1,), {}),
        ((1,), {"depth": 3}),
        ((1, "a", [], 7, 8), {}),
        ((1, "a"), {"x": 2}),
        ((1, "a"), {"colour": 2}),
        ((), {"x": 1, "label": "a", "tags": [], "colour": 2}),
        ((), {"x": 1, "label": "a", "tags": [], "depth": 3, "colour": 2}),
    ],
)
def test_what_a_dataclass_does_not_take_a_value_does_not_take(kinds, given, named):
    for kind in kinds:
        with pytest.raises(TypeError, match="Point"):
            kind(*given, **named)


def test_it_cannot_be_changed(kinds):
    ours = kinds[1](1, "a")
    with pytest.raises(FrozenInstanceError, match=re.escape("'x' of a ")):
        ours.x = 2
    with pytest.raises(FrozenInstanceError):
        del ours.x
    with pytest.raises(FrozenInstanceError):
        ours.colour = 2
    assert ours.x == 1


def test_each_has_what_a_factory_makes_for_itself(kinds):
    ours = kinds[1]
    assert ours(1, "a").tags is not ours(1, "a").tags


def test_a_method_of_the_class_stays():
    def define(_hidden: Any) -> type:
        class Named:
            name: str
            noise: int

            def __hash__(self) -> int:
                return hash(self.name)

            def __repr__(self) -> str:
                return self.name

        return Named

    for kind in pair(define, {"slots": True}, {}):
        assert (hash(kind("a", 1)), repr(kind("a", 1))) == (hash("a"), "a")
        assert kind("a", 1) != kind("a", 2)


def test_without_equality_each_object_equals_itself_alone():
    theirs, ours = pair(point, {"slots": True, "eq": False}, {"eq": False})
    for kind in (theirs, ours):
        one = kind(1, "a")
        assert {one, kind(1, "a"), one} - {one} != set()


def test_a_value_without_fields_equals_its_like():
    theirs, ours = pair(lambda _: type("Nothing", (), {}), {"slots": True}, {})
    assert ours() == ours()
    assert ours() != theirs()
    assert len({ours(), ours()}) == 1


@value(kw_only=True)
class Told:
    """At the top of a module, as pickle wants it."""

    size: int = 0
    name: str


def test_keyword_only_fields_stand_in_any_order():
    assert [each.name for each in fields(Told)] == ["size", "name"]
    assert Told(name="a") == Told(size=0, name="a")


@pytest.mark.parametrize(
    "way", [copy.copy, copy.deepcopy, lambda one: pickle.loads(pickle.dumps(one))]
)
def test_it_is_copied_and_sent_to_another_process(way):
    assert way(Told(name="a", size=3)) == Told(name="a", size=3)


def test_to_dataclasses_it_is_one(kinds):
    theirs, ours = kinds
    told = [[(f.name, f.type, f.default, f.compare) for f in fields(kind)] for kind in kinds]
    assert told[0] == told[1]
    assert dataclasses.is_dataclass(ours)
    assert dataclasses.is_dataclass(ours(1, "a"))
    assert [each.name for each in fields_of(ours)] == [each.name for each in fields(theirs)]


def test_a_value_inherits_fields():
    @value
    class Base:
        x: int
        y: int = 2

    @value
    class Derived(Base):
        z: int = 3
        y: int = 4

    assert repr(Derived(1)).endswith("Derived(x=1, y=4, z=3)")
    assert [each.name for each in fields(Derived)] == ["x", "y", "z"]
    assert not hasattr(Derived(1), "__dict__")
    assert Base(1) != Derived(1, 2)


def test_values_are_defined_without_dataclasses():
    code = (
        "import sys; from envc.model.value import value, replace\n"
        "class Point:\n    x: int\n    y: int = 0\n"
        "point = value(Point)(1)\n"
        "print(replace(point, y=2), hash(point) == hash(replace(point)),"
        " 'dataclasses' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "Point(x=1, y=2) True False\n"
