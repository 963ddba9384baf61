"""What is wanted of groups of nodes, before a roll-out to some of them and after it."""

from envc.model.digest import Digest
from envc.model.node_sets import names_in
from envc.model.nodes import WantedGeneration, WantedGroup, WantedGroups, WantedState
from envc.model.value import replace
from envc.rollout.wanted import next_groups

KIT, ONE, TWO, THREE = (Digest("sha256:" + digit * 64) for digit in "0123")


def generation(closure: Digest, since: str) -> WantedGeneration:
    return WantedGeneration(closures={"user": closure}, parcel=closure, source=None, since=since)


def rolled(
    before: WantedGroups | None, closure: Digest, nodes: str, since: str, *, keep: int = 2
) -> WantedGroups:
    state = WantedState(site="canopy", serial=1, kit=KIT, generations=(generation(closure, since),))
    return next_groups(before, state, names_in(nodes), keep=keep)


def told(wanted: WantedGroups) -> dict[str, list[str]]:
    """Which digits each group holds, the current one first."""
    return {group.nodes: [each.parcel[-1] for each in group.generations] for group in wanted.groups}


def everybody(closure: Digest) -> WantedGroups:
    """What a release without groups has left."""
    held = WantedGroup(nodes="*", since="t0", generations=(generation(closure, "t0"),))
    return WantedGroups(site="canopy", serial=3, kit=KIT, groups=(held,))


def test_a_roll_out_to_a_part_leaves_the_others_what_they_had() -> None:
    first = rolled(None, ONE, "s[1-8]", "t1")
    assert told(first) == {"s[1-8]": ["1"]}
    part = rolled(first, TWO, "s[1-2]", "t2")
    assert told(part) == {"s[1-2]": ["2", "1"], "s[3-8]": ["1"]}
    assert [group.since for group in part.groups] == ["t2", "t1"]
    assert part.serial > first.serial
    rest = rolled(part, TWO, "s[3-8]", "t3")
    assert told(rest) == {"s[1-8]": ["2", "1"]}
    assert rest.groups[0].since == "t3"
    assert rest.groups[0].generations[0].since == "t2"


def test_what_is_wanted_in_one_target_is_not_wanted_in_another() -> None:
    state = WantedState(site="canopy", serial=1, kit=KIT, generations=(generation(ONE, "t1"),))
    first = next_groups(everybody(ONE), state, ["s1", "s2", "s3"], keep=2, target="/a")
    second = next_groups(first, state, ["s3"], keep=2, target="/b")
    targets = {group.nodes: group.target for group in second.groups}
    assert targets == {"s[1-2]": "/a", "s3": "/b", "*": ""}
    meant = {group.nodes: second.targets_of(group) for group in second.groups}
    assert meant == {"s[1-2]": {"/a"}, "s3": {"/b"}, "*": {"/a", "/b"}}
    assert next_groups(second, state, ["s3"], keep=2, target="/b") == second
    third = next_groups(second, state, ["s3"], keep=2, target="/a")
    assert {group.nodes: group.target for group in third.groups} == {"s[1-3]": "/a", "*": ""}


def test_nobody_wants_anything_of_nodes_that_nothing_was_rolled_out_to() -> None:
    first = rolled(None, ONE, "s[1-2]", "t1")
    assert first.group_of(["s3"]) is None


def test_a_state_without_groups_is_that_of_who_is_in_none() -> None:
    part = rolled(everybody(ONE), TWO, "s[1-2]", "t1")
    assert told(part) == {"s[1-2]": ["2", "1"], "*": ["1"]}
    assert told(rolled(part, THREE, "s[2-3]", "t2")) == {
        "s1": ["2", "1"],
        "s2": ["3", "2"],
        "s3": ["3", "1"],
        "*": ["1"],
    }
    back = rolled(part, ONE, "s[1-2]", "t2", keep=1)
    assert told(back) == {"*": ["1"]}  # they hold again what all others hold


def test_where_nothing_changes_it_is_the_same() -> None:
    before = rolled(rolled(everybody(ONE), TWO, "s[1-2]", "t1"), THREE, "s3", "t2")
    for closure, nodes in ((TWO, "s[1-2]"), (TWO, "s1"), (THREE, "s3"), (ONE, "s9")):
        assert rolled(before, closure, nodes, "t9") is before
    shuffled = replace(before, groups=before.groups[::-1])
    assert told(rolled(shuffled, TWO, "s3", "t9")) == told(rolled(before, TWO, "s3", "t9"))


def test_a_new_envc_is_wanted_of_all() -> None:
    before = rolled(None, ONE, "s[1-2]", "t1")
    state = WantedState(site="canopy", serial=1, kit=TWO, generations=before.generations)
    after = next_groups(before, state, ["s1"], keep=2)
    assert (after.kit, told(after), after.groups[0].since) == (TWO, told(before), "t1")
    assert after.serial > before.serial
