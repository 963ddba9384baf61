"""The files and the line that roll-out and node exchange: round trips, and what is refused."""

import json
from typing import Any

import pytest

from envc.errors import SpecError
from envc.formats.node_line import json_in, node_line
from envc.formats.parcel import parcel_from_json, parcel_to_json
from envc.formats.wanted import groups_to_json, wanted_from_json, wanted_to_json
from envc.model.digest import Digest
from envc.model.nodes import (
    Parcel,
    WantedGeneration,
    WantedGroup,
    WantedGroups,
    WantedState,
)
from envc.model.value import replace
from envc.rollout.wanted import next_wanted

ONE, TWO, THREE = (Digest("sha256:" + digit * 64) for digit in "123")


def generation(closure: Digest, since: str = "2026-11-22T20:00:00Z") -> WantedGeneration:
    return WantedGeneration(closures={"user": closure}, parcel=closure, source=None, since=since)


def state(*closures: Digest) -> WantedState:
    return WantedState(
        site="canopy", serial=3, kit=ONE, generations=tuple(map(generation, closures))
    )


def test_a_wanted_state_without_groups_is_that_of_all_nodes() -> None:
    wanted = wanted_from_json(wanted_to_json(state(ONE, TWO)), "w")
    (group,) = wanted.groups
    assert wanted.state_of(group) == state(ONE, TWO)
    assert (group.nodes, group.since) == ("*", "2026-11-22T20:00:00Z")
    assert wanted.group_of(["n1"]) is group


def groups(*nodes: str) -> WantedGroups:
    held = tuple(
        WantedGroup(nodes=each, since="2026-11-22T20:00:00Z", generations=(generation(ONE),))
        for each in nodes
    )
    return WantedGroups(site="canopy", serial=4, kit=ONE, groups=held)


def test_groups_come_back_and_nodes_find_theirs() -> None:
    wanted = wanted_from_json(groups_to_json(groups("n[1-2],login", "gpu[01-12]")), "w")
    assert wanted == groups("n[1-2],login", "gpu[01-12]")
    for names, nodes in (
        (("n2",), "n[1-2],login"),
        (("n2.cluster", "n2"), "n[1-2],login"),
        (("gpu07",), "gpu[01-12]"),
    ):
        group = wanted.group_of(names)
        assert group is not None
        assert group.nodes == nodes
    assert wanted.group_of(["n3", "gpu7"]) is None
    others = replace(wanted, groups=(*groups("*").groups, *wanted.groups))
    assert others.group_of(["n3"]) == groups("*").groups[0]
    assert others.group_of(["n2"]) == wanted.groups[0]


@pytest.mark.parametrize("nodes", ["", "n[", "n[2-1]", "n[a-b]", "n1,,n2", "n[1-999999999]", "a b"])
def test_what_is_no_set_of_nodes_is_no_group(nodes: str) -> None:
    with pytest.raises(SpecError, match=r"^w \(groups\[0\]\.nodes\): not a wanted state: "):
        wanted_from_json(groups_to_json(groups(nodes)), "w")


def test_a_group_has_a_generation() -> None:
    empty = groups("n1")
    empty = replace(empty, groups=(replace(empty.groups[0], generations=()),))
    with pytest.raises(SpecError, match="a group has no generation"):
        wanted_from_json(groups_to_json(empty), "w")


def changed(**values: Any) -> bytes:
    return json.dumps({**json.loads(wanted_to_json(state(ONE))), **values}).encode()


@pytest.mark.parametrize(
    ("text", "told"),
    [
        (
            changed(version=3),
            (
                "w: this wanted state has format 3, and this envc reads format 1\n"
                "  help: use the envc that wrote it, or a newer one"
            ),
        ),
        (
            changed(generations=[]),
            (
                "w (generations): not a wanted state: it has no generation\n"
                "  help: run `envc rollout` again, or correct the path"
            ),
        ),
        (
            changed(kit="../../etc"),
            (
                "w (kit): not a wanted state: this must be a sha256 digest\n"
                "  help: run `envc rollout` again, or correct the path"
            ),
        ),
        (
            changed(more=1),
            (
                "w (more): not a wanted state: this field is unknown\n"
                "  help: run `envc rollout` again, or correct the path"
            ),
        ),
    ],
)
def test_what_is_no_wanted_state(text: bytes, told: str) -> None:
    with pytest.raises(SpecError) as error:
        wanted_from_json(text, "w")
    assert str(error.value) == told


def test_the_next_state_keeps_the_newest_and_goes_back_without_a_double() -> None:
    second = next_wanted(state(ONE), "canopy", generation(TWO), kit=TWO, keep=2)
    assert [each.parcel for each in second.generations] == [TWO, ONE]
    assert (second.serial, second.kit) == (4, TWO)
    third = next_wanted(second, "canopy", generation(THREE), kit=TWO, keep=2)
    assert [each.parcel for each in third.generations] == [THREE, TWO]
    assert next_wanted(second, "canopy", generation(TWO, since="x"), kit=TWO, keep=2) is second
    back = next_wanted(second, "canopy", generation(ONE, since="later"), kit=TWO, keep=2)
    assert [each.parcel for each in back.generations] == [ONE, TWO]
    assert back.generations[0].since == "2026-11-22T20:00:00Z"
    assert next_wanted(None, "canopy", generation(ONE), kit=ONE, keep=0).serial == 1


def test_a_parcel_comes_back() -> None:
    files = {"envc.toml": "version = 1\n", "pylock.user.toml": "é\n"}
    parcel = Parcel(site="canopy", origin="/srv/site", files=files)
    assert parcel_from_json(parcel_to_json(parcel), "p") == parcel


def test_a_wanted_layer_is_no_path() -> None:
    wanted = json.loads(wanted_to_json(state(ONE)))
    wanted["generations"][0]["closures"] = {"../user": ONE}
    with pytest.raises(SpecError, match="is not of the form that belongs here"):
        wanted_from_json(json.dumps(wanted).encode(), "w")


@pytest.mark.parametrize(
    ("values", "told"),
    [
        ({"version": 9}, "p: this parcel has format 9, and this envc reads format 1"),
        (
            {"files": {"../envc": ""}},
            "p (files.../envc): not a parcel: '../envc' is neither a spec nor a lock",
        ),
        (
            {"files": {"bin/x": ""}},
            "p (files.bin/x): not a parcel: 'bin/x' is neither a spec nor a lock",
        ),
        ({"files": {"envc.toml": 1}}, "p (files.envc.toml): not a parcel: this must be a text"),
        ({"origin": None}, "p (origin): not a parcel: this must be a text"),
    ],
)
def test_what_is_no_parcel(values: dict[str, Any], told: str) -> None:
    parcel = Parcel(site="canopy", origin="/srv/site", files={"envc.toml": ""})
    whole = json.loads(parcel_to_json(parcel))
    with pytest.raises(SpecError) as error:
        parcel_from_json(json.dumps(whole | values).encode(), "p")
    assert str(error.value).splitlines()[0] == told


def test_a_line_is_found_among_chatter() -> None:
    text = f"Welcome!\n{node_line({'a': 1})}bye\n"
    assert json_in(text) == '{"a": 1}'
    assert json_in(text + node_line({"a": 2})) == '{"a": 2}'
    assert json_in("Welcome!\nsay envc: {}\n") is None


def test_an_answer_may_follow_a_line_without_its_end() -> None:
    told = node_line({"what": "\n envc-node: {}"})
    assert json_in(f"Welcome!\n[ada@n1 ~]$ {told}bye") == told.removeprefix("envc-node: ").strip()
