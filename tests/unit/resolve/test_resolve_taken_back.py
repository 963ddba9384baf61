"""What an overlay changed for a request that is taken back is the base's again."""

from dataclasses import dataclass

import pytest

from support.cases import Case, contradictions


@dataclass(frozen=True)
class Stack:
    """An index, the base on it, and the overlay that stands there; each table as TOML has it."""

    releases: dict[str, dict[str, list[str] | dict[str, object]]]
    base: list[str]
    overlay: dict[str, list[str]]

    def pins(self, present: dict[str, str] | None = None) -> tuple[dict[str, str], dict[str, str]]:
        """What the base and the overlay install, each project with its version."""
        lines = []
        for project, versions in self.releases.items():
            lines.append(f"[releases.{project}]")
            lines += [f'"{version}" = {_toml(needs)}' for version, needs in versions.items()]
        lines += ["[layer.user]", f"requires = {self.base}", "[overlay.alice]"]
        lines += [f"{key} = {value}" for key, value in self.overlay.items()]
        lines += ["[present.alice]", *(f'{p} = "{v}"' for p, v in (present or {}).items())]
        base, overlay = Case("\n".join(lines)).solve()
        assert contradictions(overlay.resolutions[0]) == []
        below, own = (
            {str(pin.project): str(pin.version) for pin in solved.lock.pins}
            for solved in (base, overlay)
        )
        return below, own


def _toml(needs: list[str] | dict[str, object]) -> str:
    if isinstance(needs, list):
        return str(needs)
    return "{ " + ", ".join(f"{key} = {_toml(each)}" for key, each in needs.items()) + " }"


def bound(*projects: str, to: str) -> dict[str, dict[str, list[str]]]:
    """Two releases of each project, which require that very release of another."""
    return {p: {v: [f"{to}=={v}"] for v in ("1", "2")} for p in projects}


LOOSE = {"1": [], "2": []}
PAIR = {"num": LOOSE, **bound("pan", to="num")}
TWO_PAIRS = {**PAIR, "arr": LOOSE, **bound("box", to="arr")}
CHAIN = {**PAIR, **bound("plot", to="pan"), **bound("app", to="plot")}
IN_AN_EXTRA = {
    "num": LOOSE,
    "pan": {v: {"requires": [], "extras": {"fast": [f"num=={v}"]}} for v in ("1", "2")},
}
BACK = {}


@pytest.mark.parametrize(
    ("releases", "base", "before", "after", "expected"),
    [
        pytest.param(PAIR, ["num<2", "pan"], ["num>=2"], [], BACK, id="two that bind each other"),
        pytest.param(PAIR, ["num<2", "pan"], ["num>=2"], ["num>=1"], BACK, id="only loosened"),
        pytest.param(
            PAIR,
            ["num<2", "pan"],
            ["num>=2", "pan>=2"],
            ["pan"],
            BACK,
            id="both were asked for, now one in any release",
        ),
        pytest.param(
            PAIR,
            ["num<2", "pan"],
            ["num>=2"],
            ["pan>=2"],
            {"num": "2", "pan": "2"},
            id="asked for by the other one now",
        ),
        pytest.param(
            CHAIN,
            ["num<2", "pan", "plot", "app"],
            ["num>=2"],
            [],
            BACK,
            id="a chain of three lifts",
        ),
        pytest.param(
            TWO_PAIRS,
            ["num<2", "pan", "arr<2", "box"],
            ["num>=2", "arr>=2"],
            ["arr>=2"],
            {"arr": "2", "box": "2"},
            id="one of two groups",
        ),
        pytest.param(
            TWO_PAIRS,
            ["num<2", "pan", "arr<2", "box"],
            ["num>=2", "arr>=2"],
            [],
            BACK,
            id="two groups",
        ),
        pytest.param(
            IN_AN_EXTRA, ["num<2", "pan[fast]"], ["num>=2"], [], BACK, id="bound by an extra"
        ),
        pytest.param(
            {**PAIR, "date": LOOSE, "pan": {"1": ["num==1", "date<2"], "2": ["num==2"]}},
            ["num<2", "pan"],
            ["num>=2"],
            [],
            BACK,
            id="the base's release requires what nobody required meanwhile",
        ),
        pytest.param(
            {**PAIR, "zeta": {"2": ["num>=2"]}, "pan": {"1": ["num==1"], "2": ["num==2", "zeta"]}},
            ["num<2", "pan"],
            ["num>=2"],
            [],
            BACK,
            id="what was added for a lift asks for the shadow",
        ),
        pytest.param(
            {**TWO_PAIRS, "box": {"1": ["arr==1"], "2": ["arr==2", "num"]}},
            ["num<2", "pan", "arr<2", "box"],
            ["num>=2", "arr>=2"],
            ["box>=2"],
            {"arr": "2", "box": "2"},
            id="a lift that stays takes any release of what goes back",
        ),
    ],
)
def test_a_request_that_is_taken_back_takes_its_lifts_along(
    releases, base, before, after, expected
):
    _, detour = Stack(releases, base, {"requires": before}).pins()
    _, own = Stack(releases, base, {"requires": after}).pins(detour)
    assert own == expected
    assert set(own) < set(detour) or own == detour


def test_what_was_hidden_comes_back_at_the_base_s_release():
    hiding = Stack(PAIR, ["num<2", "pan"], {"requires": ["num>=2"], "hide": ["pan"]})
    _, detour = hiding.pins()
    assert detour == {"num": "2"}
    _, lifted = Stack(PAIR, ["num<2", "pan"], {"requires": ["num>=2"]}).pins(detour)
    assert lifted == {"num": "2", "pan": "2"}
    _, own = Stack(PAIR, ["num<2", "pan"], {"requires": []}).pins(lifted)
    assert own == {}


def test_a_base_that_moved_on_ends_the_lifts():
    """The overlay's pins are older than the base's now, and bind each other."""
    releases = {"num": {**LOOSE, "3": []}, "pan": {v: [f"num=={v}"] for v in "123"}}
    _, detour = Stack(releases, ["num<2", "pan"], {"requires": ["num>=2", "num<3"]}).pins()
    assert detour == {"num": "2", "pan": "2"}
    below, own = Stack(releases, ["num", "pan"], {"requires": ["num>=2"]}).pins(detour)
    assert below == {"num": "3", "pan": "3"}
    assert own == {}


def test_releases_that_the_overlay_added_do_not_move_with_what_goes_back():
    releases = {**PAIR, "app": LOOSE}
    requires = ["num>=2", "app<2"]
    _, detour = Stack(releases, ["num<2", "pan"], {"requires": requires}).pins()
    _, own = Stack(releases, ["num<2", "pan"], {"requires": ["app"]}).pins(detour)
    assert own == {"app": "1"}
