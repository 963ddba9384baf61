"""Resolver scenarios, each locked as a site of its own against an index over HTTP."""

from pathlib import Path

import pytest

from envc.errors import UnsatisfiableError
from envc.formats.pylock_read import lock_from_text
from envc.host.context import Context
from envc.lock import pinned_versions
from envc.locking.lock import lock_site
from envc.locking.report import LockOptions
from support.packse import Scenario, ScenarioServer


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    with ScenarioServer(tmp_path_factory.mktemp("indexes")) as server:
        yield server


@pytest.fixture
def outcome(server, tmp_path):
    """A scenario's answer: (project, version) of every pin, or the error."""

    def lock(scenario: Scenario) -> set[tuple[str, str]] | UnsatisfiableError:
        url = server.serve(scenario)
        before = scenario.before()
        if before is not None:
            lock_site(before.site(tmp_path / "site", url), LockOptions(), Context())
        site = scenario.site(tmp_path / "site", url)
        try:
            lock_site(site, LockOptions(upgrade=bool(scenario.options.get("upgrade"))), Context())
        except UnsatisfiableError as error:
            return error
        text = Path(site.lock_path("user")).read_bytes()
        written = lock_from_text(text, "pylock.user.toml", "user")
        pins = [pinned_versions(written, target.markers) for target in site.spec.targets]
        return {(project, str(version)) for one in pins for project, version in one.items()}

    return lock
