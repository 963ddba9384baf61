"""Which changes of its base a verdict does not outlast, and which it does."""

from dataclasses import replace

import pytest
from packaging.utils import NormalizedName, canonicalize_name
from packaging.version import Version

from envc.check import Inventory, LockState, Scene, Subject, basis_of, inventory_of
from envc.errors import Fault, UnsatisfiableError
from envc.model.digest import digest_of
from envc.model.lock import Lock, LockedPin
from envc.model.release import Distribution
from envc.model.resolution import InheritedPin
from envc.model.wheel import ConsoleScript, Unknown, WheelContents, WheelFacts
from support.cases import TARGET

KEPT = frozenset({NormalizedName("app")})


def wheel(project: str, *requires: str, version: str = "1", **facts: object) -> WheelContents:
    """A wheel with a module of its project's name."""
    return WheelContents(
        facts=WheelFacts(
            **{
                "filename": f"{project}-{version}-py3-none-any.whl",
                "digest": digest_of(f"{project} {version}".encode()),
                "size_bytes": 1,
                "project": canonicalize_name(project),
                "version": version,
                "dist_info": f"{project}-{version}.dist-info",
                "requires": requires,
                "requires_python": None,
                "extras": (),
                "modules": {project: "package"},
                "console_scripts": (),
                "scripts": (),
                "start_files": (),
                "data_files": (),
                **facts,
            }
        ),
        files={},
    )


def command(name: str) -> dict[str, object]:
    return {"console_scripts": (ConsoleScript(name, "module", "main"),)}


def pin(contents: WheelContents, layer: str = "user") -> InheritedPin:
    facts = contents.facts
    distribution = Distribution(
        project=facts.project,
        version=Version(facts.version),
        filename=facts.filename,
        url="",
        index="",
        kind="wheel",
        digest=facts.digest,
    )
    return InheritedPin(
        project=facts.project,
        version=distribution.version,
        distributions=(distribution,),
        layer=layer,
    )


def ground(base: dict[str, WheelContents]) -> Inventory:
    return inventory_of([pin(contents) for contents in base.values()], list(base.values()))


# `app` leads to numpy, which the overlay shadows, through scipy; `twin` is lifted along; `old` is
# hidden, and `user` wants it; six and `text` are what the overlay asks for, in its spec and in its
# wheel.
BASE = {
    each.facts.project: each
    for each in (
        wheel("app", "scipy"),
        wheel("aside"),
        wheel("numpy"),
        wheel("old"),
        wheel("scipy", "numpy<2"),
        wheel("six"),
        wheel("text"),
        wheel("twin"),
        wheel("user", "old"),
    )
}
OWN = wheel("own", "text", modules={"own": "package", "other": "module"}, **command("tool"))
LOCK = Lock(
    layer="alice",
    pins=(
        LockedPin(project="numpy", version="2", wheels=()),
        LockedPin(project="own", version="1", wheels=()),
        LockedPin(project="scipy", version="2", wheels=()),
        LockedPin(project="twin", version="2", wheels=()),
    ),
    shadows=("numpy",),
    lifts=("scipy", "twin"),
    hides=("old",),
)
SUBJECT = Subject(
    name="alice",
    spec="alice.toml",
    state=LockState.FRESH,
    lock=LOCK,
    inventory=ground(BASE),
    scenes=(
        Scene(
            target=TARGET,
            own=(OWN, *(wheel(name, version="2") for name in ("numpy", "scipy", "twin"))),
            inventory=ground(BASE),
            masked=frozenset(map(NormalizedName, ("numpy", "old", "scipy", "twin"))),
        ),
    ),
)


def outlasts(
    base: dict[str, WheelContents],
    subject: Subject = SUBJECT,
    kept: frozenset[NormalizedName] = KEPT,
) -> bool:
    """Whether the verdict on the overlay holds on another base, too."""
    rests_on = basis_of(subject, ["six"])
    before = rests_on.fingerprint([ground(BASE)], KEPT)
    return rests_on.fingerprint([ground(base)], kept) == before


def with_wheels(*wheels: WheelContents) -> dict[str, WheelContents]:
    return BASE | {each.facts.project: each for each in wheels}


@pytest.mark.parametrize(
    "changed",
    [
        pytest.param(wheel("six", version="2"), id="what the spec asks for moves"),
        pytest.param(wheel("text", version="2"), id="what an own wheel requires moves"),
        pytest.param(wheel("numpy", version="1.1"), id="what is shadowed moves"),
        pytest.param(wheel("old", version="1.1"), id="what is hidden moves"),
        pytest.param(wheel("own", modules={}), id="the base has an own project now"),
        pytest.param(wheel("user", "old", version="2"), id="what requires something hidden moves"),
        pytest.param(wheel("aside", "old"), id="something requires what is hidden"),
        pytest.param(wheel("aside", "twin"), id="something requires what is lifted"),
        pytest.param(
            wheel("app", "scipy<2"), id="what requires something lifted says it otherwise"
        ),
        pytest.param(
            wheel("aside", "app"), id="something leads to what is shadowed, through others"
        ),
        pytest.param(wheel("new", modules={"other": "module"}), id="an own module's name is there"),
        pytest.param(wheel("new", **command("tool")), id="an own command's name is there"),
        pytest.param(wheel("new", scripts=("bin/tool",)), id="an own command's name is a script"),
    ],
)
def test_a_verdict_does_not_outlast(changed):
    assert not outlasts(with_wheels(changed))


@pytest.mark.parametrize(
    "changed",
    [
        pytest.param(wheel("aside", version="2"), id="what nothing of it is about moves"),
        pytest.param(wheel("new", modules={"new": "package"}), id="a module of another name"),
        pytest.param(wheel("new", **command("other")), id="a command of another name"),
        pytest.param(wheel("aside", "six"), id="something requires what stays as it is"),
    ],
)
def test_a_verdict_outlasts(changed):
    assert outlasts(with_wheels(changed))


def test_a_verdict_does_not_outlast_another_file_of_the_same_name_or_another_layer():
    rests_on = basis_of(SUBJECT, ["six"])
    for other in (
        pin(wheel("six", digest=digest_of(b"other bytes"))),
        pin(BASE["six"], layer="system"),
    ):
        moved = ground(BASE).pins | {other.project: other}
        there = replace(ground(BASE), pins=moved)
        assert rests_on.fingerprint([there], KEPT) != rests_on.fingerprint([ground(BASE)], KEPT)


def test_a_verdict_does_not_outlast_that_a_spec_below_keeps_what_leads_to_a_change():
    assert not outlasts(BASE, kept=KEPT | {NormalizedName("user")})
    assert outlasts(BASE, kept=KEPT | {NormalizedName("aside")})


def test_a_verdict_does_not_outlast_another_release_of_what_loads_a_replaced_library():
    library = replace(wheel("own", modules={}), files={"lib/own/libown.so": ""})
    base = with_wheels(library, wheel("client", "own"))
    scene = replace(SUBJECT.scenes[0], inventory=ground(base), masked=frozenset({"own"}))
    rests_on = basis_of(replace(SUBJECT, scenes=(scene,)), ["six"])
    there = ground(with_wheels(library, wheel("client", "own", version="2")))
    assert rests_on.fingerprint([there], KEPT) != rests_on.fingerprint([ground(base)], KEPT)


@pytest.mark.parametrize(
    "subject",
    [
        replace(SUBJECT, lock=None),
        replace(SUBJECT, failure=UnsatisfiableError("no release fits")),
        replace(SUBJECT, unknown=(Unknown("own", Fault("cannot be had", "", "")),)),
    ],
    ids=["no lock", "no resolution", "contents unknown"],
)
def test_where_something_is_not_known_any_change_of_a_pin_counts(subject):
    assert not outlasts(with_wheels(wheel("aside", version="2")), subject)
    assert outlasts(BASE, subject)
