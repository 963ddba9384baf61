"""Packse's scenarios: what uv's resolver is tested with, asked of `envc lock`.

The scenarios stand in a folder beside the checkout; without it, the tests are skipped.
"""

from pathlib import Path

import pytest

from envc.errors import UnsatisfiableError
from envc.formats.pylock_read import lock_from_text
from envc.lock import pinned_versions
from envc.pipeline.locking.lock import lock_site
from envc.pipeline.locking.report import LockOptions
from envc.pipeline.sites.context import Context
from support.packse import Scenario, ScenarioServer, scenarios

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


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    with ScenarioServer(tmp_path_factory.mktemp("indexes")) as server:
        yield server


@pytest.fixture
def outcome(server, tmp_path):
    """A scenario's answer: (project, version) of every pin, or the error."""

    def lock(scenario: Scenario) -> set[tuple[str, str]] | UnsatisfiableError:
        url = server.serve(scenario)
        site = scenario.site(tmp_path / "site", url)
        try:
            lock_site(site, LockOptions(), Context())
        except UnsatisfiableError as error:
            return error
        text = Path(site.lock_path("user")).read_bytes()
        written = lock_from_text(text, "pylock.user.toml", "user")
        pins = [pinned_versions(written, target.markers) for target in site.spec.targets]
        return {(project, str(version)) for one in pins for project, version in one.items()}

    return lock


def agrees(scenario: Scenario, found: set[tuple[str, str]] | UnsatisfiableError) -> bool:
    if isinstance(found, UnsatisfiableError):
        return not scenario.is_satisfiable
    return scenario.is_satisfiable and found == (scenario.expected or found)


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
