"""Every plan that the story makes keeps every invariant."""

import pytest

from envc.plan.tree import broken_invariants, plan_tree
from support.sites import envc

pytestmark = pytest.mark.slow


@pytest.fixture
def plans(monkeypatch):
    """The plans made while the test runs, each checked as it is made."""
    made = []

    def checked(layer, trees, view):
        plan, manifest = plan_tree(layer, trees, view)
        assert list(broken_invariants(plan, manifest)) == []
        made.append(plan)
        return plan, manifest

    monkeypatch.setattr("envc.target.stock.plan_tree", checked)
    return made


def test_the_plans_of_layers_and_overlays_are_sound(warm, plans):
    warm.edit('requires = ["report"]', 'requires = ["report", "notebook"]')
    warm.done("lock")
    warm.materialize()
    folder = warm.root / "alice"
    assert envc("overlay", "init", "--dir", folder, "--target", warm.target).status == 0
    assert envc("overlay", "add", "polars", "theme", "--dir", folder).status == 0
    assert {plan.layer for plan in plans} == {"system", "user", "alice"}
