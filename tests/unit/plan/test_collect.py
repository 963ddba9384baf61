"""What keeps a generation."""

import pytest

from envc.plan.collect import Keeping, Standing, plan_collection

OLD = [Standing(number, 1000.0 - number, in_use=False) for number in range(1, 7)]
NOTHING = Keeping(
    current=None,
    newest=0,
    younger_than_seconds=0,
    hidden_younger_than_seconds=0,
    pinned=frozenset(),
    wanted=frozenset(),
)


def test_without_a_reason_all_may_go():
    assert plan_collection(OLD, NOTHING).leaving == (1, 2, 3, 4, 5, 6)


@pytest.mark.parametrize(
    ("keeping", "kept"),
    [
        ({"current": 2}, {2: "current"}),
        ({"newest": 2}, {5: "newest", 6: "newest"}),
        ({"newest": 9}, dict.fromkeys(range(1, 7), "newest")),
        ({"younger_than_seconds": 995.5}, {5: "young", 6: "young"}),
        ({"pinned": frozenset({1})}, {1: "pinned"}),
        ({"wanted": frozenset({4, 9})}, {4: "wanted"}),
        ({"current": 1, "pinned": frozenset({1}), "newest": 1}, {1: "current", 6: "newest"}),
    ],
)
def test_each_reason_keeps(keeping, kept):
    collection = plan_collection(OLD, NOTHING._replace(**keeping))
    assert {number: reason for number, reason in collection.reasons.items() if reason} == kept
    assert set(collection.leaving) == set(range(1, 7)) - kept.keys()


def test_what_a_process_runs_from_stays():
    standing = [each._replace(in_use=each.number == 3) for each in OLD]
    assert plan_collection(standing, NOTHING).reasons[3] == "in use"


def test_the_order_in_which_they_are_found_is_none():
    keeping = NOTHING._replace(newest=1)
    assert plan_collection(OLD[::-1], keeping) == plan_collection(OLD, keeping)


@pytest.mark.parametrize(("seconds", "stays"), [(995.5, {5, 6}), (0, set())])
def test_what_may_be_in_use_unseen_stays_for_so_long_after_it_was_current(seconds, stays):
    standing = [each._replace(hidden="other nodes may run it (nfs4)") for each in OLD]
    reasons = plan_collection(
        standing, NOTHING._replace(hidden_younger_than_seconds=seconds)
    ).reasons
    told = "perhaps in use: other nodes may run it (nfs4)"
    assert reasons == {number: told if number in stays else None for number in range(1, 7)}
