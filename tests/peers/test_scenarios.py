"""Scenarios of our own in packse's form: the kinds that resolvers are tested with.

What is expected follows from the standards, and is what uv does, unless a scenario says otherwise.

Each says in its `description` what is to be seen.
"""

from pathlib import Path

import pytest

from envc.errors import UnsatisfiableError
from support.packse import agrees, scenarios
from support.uv import UV, compiled

SCENARIOS = scenarios(Path(__file__).parent / "scenarios")
PRERELEASES = [each for each in SCENARIOS if each.kind == "prereleases"]


@pytest.mark.parametrize("scenario", SCENARIOS, ids=lambda scenario: scenario.name)
def test_the_scenario_ends_as_it_says(scenario, outcome):
    found = outcome(scenario)
    assert agrees(scenario, found), found
    if isinstance(found, UnsatisfiableError):
        assert found.status == 3
        assert found.projects
        assert set(found.projects) <= scenario.projects()
        assert all(project in str(found) for project in found.projects)


@pytest.mark.slow
@pytest.mark.skipif(UV is None, reason="uv is not here")
@pytest.mark.parametrize("scenario", PRERELEASES, ids=lambda scenario: scenario.name)
def test_uv_makes_of_prereleases_what_the_scenario_says(scenario, server, tmp_path):
    """Where a later uv makes something else of one, record 0012 has to be looked at again."""
    assert compiled(scenario, server.serve(scenario), tmp_path / "uv") == scenario.expected_of_uv
