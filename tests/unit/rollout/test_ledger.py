"""The mapping in which a roll-out keeps its nodes: it never changes, and its next one is cheap."""

import pytest

from envc.rollout.ledger import _BUCKET, Ledger

MANY = {f"n{number}": number for number in range(10_000)}


def test_it_holds_what_it_was_given_in_that_order():
    found = Ledger(MANY)
    assert (list(found.items()), len(found)) == (list(MANY.items()), len(MANY))
    assert "n9999" in found
    assert "n10000" not in found


def test_the_next_one_has_the_changes_and_this_one_has_not():
    before = Ledger(MANY)
    after = before.after({"n7": -7, "n9999": -1})
    assert dict(after) == MANY | {"n7": -7, "n9999": -1}
    assert dict(before) == MANY
    assert list(after) == list(MANY)


def test_a_change_makes_one_bucket_anew_and_shares_the_others():
    before = Ledger(MANY)
    after = before.after({"n7": -7})
    others = [old is new for old, new in zip(before._buckets, after._buckets, strict=True)]
    assert others.count(False) == 1
    assert len(before._buckets[0]) == _BUCKET


def test_what_it_has_not_it_never_has():
    with pytest.raises(KeyError):
        Ledger(MANY).after({"other": 1})
    assert dict(Ledger[int]({})) == {}
