"""Packse's scenarios: what uv's resolver is tested with, asked of `envc lock`.

The scenarios stand in a folder beside the checkout; without it, the tests are skipped.
"""

from pathlib import Path

import pytest

from envc.errors import UnsatisfiableError
from support.packse import agrees, scenarios

REPOSITORY = Path(__file__).parents[2]
SCENARIOS = scenarios(REPOSITORY / "../shared/peers/packse")

# One solution for all machines at once does not exist here; one for each does, and a lock of envc
# holds these. The scenarios describe forks that uv's universal resolver does not make.
RESOLVED_PER_TARGET = "uv finds no single solution; for each target there is one"
DOES_NOT_APPLY = {
    "non-local-fork-marker-direct": RESOLVED_PER_TARGET,
    "non-local-fork-marker-transitive": RESOLVED_PER_TARGET,
    "preferences-dependent-forking-conflicting": RESOLVED_PER_TARGET,
}

pytestmark = pytest.mark.skipif(not SCENARIOS, reason="there is no ../shared/peers/packse")


@pytest.mark.parametrize(
    "scenario",
    [scenario for scenario in SCENARIOS if scenario.name not in DOES_NOT_APPLY],
    ids=lambda scenario: scenario.name,
)
def test_the_scenario_ends_as_it_says(scenario, outcome):
    found = outcome(scenario)
    assert agrees(scenario, found), found
    if isinstance(found, UnsatisfiableError):
        assert found.status == 3
        assert set(found.projects) <= scenario.projects()
        assert all(project in str(found) for project in found.projects)
        assert found.projects


@pytest.mark.parametrize("name", DOES_NOT_APPLY)
def test_what_does_not_apply_still_does_not(name, outcome):
    (scenario,) = [scenario for scenario in SCENARIOS if scenario.name == name]
    assert not agrees(scenario, outcome(scenario)), "it applies now: take it off the list"


def test_every_exception_is_a_scenario():
    names = {scenario.name for scenario in SCENARIOS}
    assert names >= DOES_NOT_APPLY.keys()
