"""Whether there is anything to do, and why."""

import pytest

from envc.plan.changes import Changes, Present, changes_between

MADE_FROM = {"spec": "a", "lock of user": "b", "target": "/t"}
LINKS = {"user": "current/user", "by-lock/00": "../generations/000001"}
PRESENT = Present(generation=1, inputs=MADE_FROM, links=LINKS, owed=LINKS)


def present(**changed):
    values = {name: getattr(PRESENT, name) for name in ("generation", "inputs", "links", "owed")}
    return Present(**values | changed)


def test_nothing_is_to_be_done_where_all_is_as_wanted():
    changes = changes_between(MADE_FROM, PRESENT)
    assert changes == Changes()
    assert not changes


@pytest.mark.parametrize("label", MADE_FROM)
def test_each_input_that_differs_is_a_reason(label):
    changes = changes_between(MADE_FROM | {label: "other"}, PRESENT)
    assert changes.build == (f"another {label}",)
    assert changes


def test_an_input_that_nobody_had_before_is_a_reason():
    changes = changes_between(MADE_FROM | {"lock of system": "c"}, PRESENT)
    assert changes.build == ("another lock of system",)


def test_what_was_not_asked_for_carries_over():
    assert not changes_between({"spec": "a"}, PRESENT)


def test_where_nothing_is_built_no_name_is_looked_at():
    nothing = Present(generation=None, inputs={}, links={}, owed=LINKS)
    assert changes_between(MADE_FROM, nothing) == Changes(build=("nothing is built here",))


def test_what_nobody_has_noted_is_looked_at_anew():
    changes = changes_between(MADE_FROM, present(inputs={}))
    assert changes.build == ("what it was made from is not known",)


@pytest.mark.parametrize("links", [{}, {"user": "current/other"}])
def test_names_that_are_gone_or_lead_astray_are_restored(links):
    changes = changes_between(MADE_FROM, present(links=LINKS | links if links else {}))
    assert not changes.build
    assert changes.restore == (("user",) if links else ("by-lock/00", "user"))


def test_names_of_nothing_are_removed():
    changes = changes_between(MADE_FROM, present(links=LINKS | {"old": "current/old"}))
    assert changes == Changes(remove=("old",))
