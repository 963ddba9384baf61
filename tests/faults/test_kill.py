"""SIGKILL, SIGINT and SIGTERM at mutating system calls of all that envc does to a directory."""

from functools import partial

import pytest

from faults.processes import needs_strace
from faults.sweep import Stage, stages, sweep, thinned
from faults.world import FURTHER, OPERATIONS

pytestmark = needs_strace
ALL = OPERATIONS | FURTHER


@pytest.mark.slow
@pytest.mark.parametrize("name", ALL)
def test_a_kill_at_some_system_calls(template, arena, name):
    with stages(template, arena, ALL[name], 1) as made:
        some = 9 if name in OPERATIONS else 5
        found = sweep(made, thinned(made[0].mutating, some), Stage.kill_at)
        assert found == [], "\n".join(found)


@pytest.mark.slow
@pytest.mark.parametrize("signal", ["INT", "TERM"])
@pytest.mark.parametrize("name", OPERATIONS)
def test_the_end_is_asked_for_at_some_system_calls(template, arena, name, signal):
    """Of the first thread: a signal to the process is its matter."""
    with stages(template, arena, ALL[name], 1) as made:
        calls = [call for call in made[0].mutating if call.first_thread]
        found = sweep(made, thinned(calls, 6), partial(Stage.end_at, name=signal))
        assert found == [], "\n".join(found)


@pytest.mark.sweep
@pytest.mark.slow
@pytest.mark.parametrize("name", ALL)
def test_the_end_is_asked_for_at_any_system_call(template, arena, name):
    with stages(template, arena, ALL[name], 2) as made:
        calls = [call for call in made[0].mutating if call.first_thread]
        found = sweep(made, calls, partial(Stage.end_at, name="INT"))
        assert found == [], "\n".join(found)


@pytest.mark.sweep
@pytest.mark.slow
@pytest.mark.parametrize("name", ALL)
def test_a_kill_at_any_system_call(template, arena, name):
    with stages(template, arena, ALL[name], 2) as made:
        found = sweep(made, made[0].mutating, Stage.kill_at)
        assert found == [], "\n".join(found)
