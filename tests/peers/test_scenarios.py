"""Scenarios of our own in packse's form: the kinds that resolvers are tested with.

What is expected follows from the standards.

Each says in its `description` what is to be seen.
"""

from pathlib import Path

import pytest

from envc.errors import UnsatisfiableError
from support.packse import agrees, scenarios

SCENARIOS = scenarios(Path(__file__).parent / "scenarios")


@pytest.mark.parametrize("scenario", SCENARIOS, ids=lambda scenario: scenario.name)
def test_the_scenario_ends_as_it_says(scenario, outcome):
    found = outcome(scenario)
    assert agrees(scenario, found), found
    if isinstance(found, UnsatisfiableError):
        assert found.status == 3
        assert found.projects
        assert set(found.projects) <= scenario.projects()
        assert all(project in str(found) for project in found.projects)
