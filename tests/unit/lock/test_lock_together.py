"""Projects that share a regular package directory form a group, which is replaced as a whole."""

from collections.abc import Callable

import pytest
from packaging.utils import NormalizedName
from packaging.version import Version

from envc.lock.together import resolve_together, shared_packages
from envc.model.digest import digest_of
from envc.model.release import CoreMetadata
from envc.model.resolution import InheritedPin, Pin, Problem, Resolution
from envc.model.wheel import ModuleTree, WheelFacts

REGULAR = "package"
MODULE = "module"


def wheel(project: str, modules: ModuleTree) -> WheelFacts:
    return WheelFacts(
        filename=f"{project}-1-py3-none-any.whl",
        digest=digest_of(project.encode()),
        size_bytes=1,
        project=NormalizedName(project),
        version="1",
        dist_info=f"{project}-1.dist-info",
        requires=(),
        requires_python=None,
        extras=(),
        modules=modules,
        console_scripts=(),
        scripts=(),
        start_files=(),
        data_files=(),
    )


@pytest.mark.parametrize(
    ("modules", "expected"),
    [
        pytest.param({"a": {"a": REGULAR}, "b": {"b": REGULAR}}, (), id="nothing in common"),
        pytest.param(
            {"a": {"ns": {"a": MODULE}}, "b": {"ns": {"b": REGULAR}}}, (), id="a namespace"
        ),
        pytest.param({"a": {"p": REGULAR}, "b": {"p": REGULAR}}, (("a", "b"),), id="both have it"),
        pytest.param(
            {"a": {"p": REGULAR}, "b": {"p": {"b": MODULE}}}, (("a", "b"),), id="one adds to it"
        ),
        pytest.param({"a": {"p": REGULAR}, "b": {"p": {}}}, (("a", "b"),), id="one adds data"),
        pytest.param({"a": {"p": REGULAR}, "b": {"p": MODULE}}, (), id="a module of that name"),
        pytest.param(
            {
                "a": {"ns": {"p": REGULAR}},
                "b": {"ns": {"p": {"b": REGULAR}}},
                "c": {"ns": {"c": REGULAR}},
            },
            (("a", "b"),),
            id="inside a namespace",
        ),
        pytest.param(
            {
                "c": {"p": REGULAR},
                "a": {"p": REGULAR, "q": {"a": MODULE}},
                "b": {"q": REGULAR},
                "x": {"x": REGULAR},
                "z": {"y": REGULAR},
                "y": {"y": REGULAR},
            },
            (("a", "b", "c"), ("y", "z")),
            id="who shares with one shares with all",
        ),
    ],
)
def test_groups(modules: dict[str, ModuleTree], expected: tuple[tuple[str, ...], ...]):
    wheels = [wheel(project, tree) for project, tree in modules.items()]
    assert shared_packages(wheels) == expected
    assert shared_packages(reversed(wheels)) == expected


def test_a_project_shares_nothing_with_itself():
    assert shared_packages([wheel("a", {"p": REGULAR})]) == ()


OWN = Version("2")
BELOW = Version("1")


def problem(*together: str, preferred: tuple[str, ...] = ()) -> Problem:
    """On a base of four projects; groups are written `ab`."""
    return Problem(
        layer="overlay alice",
        targets=(),
        roots=(),
        inherited=tuple(
            InheritedPin(
                project=NormalizedName(name), version=BELOW, distributions=(), layer="user"
            )
            for name in "abcd"
        ),
        together=tuple(tuple(map(NormalizedName, group)) for group in together),
        preferred={NormalizedName(name): OWN for name in preferred},
    )


def resolver(asked: str, *, unused: str = "") -> Callable[[Problem], Resolution]:
    """Pins what is asked for in release 2, all else as the base has it or as is preferred.

    `unused` are projects that nobody requires: only seen while the base has them.
    """

    def resolve(given: Problem) -> Resolution:
        base = {pin.project for pin in given.inherited}
        pins = []
        for name in map(NormalizedName, "abcd"):
            inherited = name in base and name not in asked
            if inherited or name not in unused:
                version = OWN if name in asked else given.preferred.get(name, BELOW)
                pins.append(pin(name, version, layer="user" if inherited else None))
        shadows = tuple(name for name in map(NormalizedName, asked) if name in base)
        return Resolution(problem=given, pins=tuple(pins), shadows=shadows)

    return resolve


def pin(project: NormalizedName, version: Version, *, layer: str | None) -> Pin:
    metadata = CoreMetadata(project=project, version=str(version))
    return Pin(project=project, version=version, distributions=(), metadata=metadata, layer=layer)


def replaced(found: Resolution) -> tuple[str, str, str]:
    """Shadows, lifts and hides, each as one word."""
    return "".join(found.shadows), "".join(found.lifts), "".join(found.hides)


@pytest.mark.parametrize(
    ("groups", "asked", "expected"),
    [
        pytest.param((), "a", ("a", "", ""), id="no groups"),
        pytest.param(("bc",), "a", ("a", "", ""), id="not concerned"),
        pytest.param(("bc",), "", ("", "", ""), id="nothing is replaced"),
        pytest.param(("ab",), "a", ("a", "b", ""), id="the other one is lifted"),
        pytest.param(("ab",), "ab", ("ab", "", ""), id="all are replaced already"),
        pytest.param(("abd",), "b", ("b", "ad", ""), id="all others are lifted"),
    ],
)
def test_a_group_is_replaced_as_a_whole(groups, asked, expected):
    given = problem(*groups)
    found = resolve_together(given, resolver(asked))
    assert replaced(found) == expected
    assert found.problem == given
    assert {p.project for p in found.own()} == set(expected[0] + expected[1])
    assert {p.version for p in found.pins if p.project not in asked} <= {BELOW}


def test_what_is_lifted_follows_the_base_whatever_the_present_lock_has():
    found = resolve_together(problem("ab", preferred=("b",)), resolver("a"))
    assert {str(p.project): p.version for p in found.own()} == {"a": OWN, "b": BELOW}


def test_what_nobody_asks_for_is_hidden():
    found = resolve_together(problem("ab"), resolver("a", unused="b"))
    assert replaced(found) == ("a", "", "b")
    assert [p.project for p in found.pins] == ["a", "c", "d"]


def test_a_lift_may_concern_further_groups():
    """Lifting b makes the search replace c, which shares a directory with d."""

    def resolve(given: Problem) -> Resolution:
        lifted = "b" not in {pin.project for pin in given.inherited}
        return resolver("ac" if lifted else "a")(given)

    assert replaced(resolve_together(problem("ab", "cd"), resolve)) == ("ac", "bd", "")
