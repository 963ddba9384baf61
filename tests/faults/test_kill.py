"""SIGKILL at every mutating system call of everything that envc does to a directory."""

import pytest

from faults.processes import needs_strace
from faults.sweep import Stage, stages, sweep, thinned
from faults.world import OPERATIONS

pytestmark = needs_strace


@pytest.mark.slow
@pytest.mark.parametrize("name", OPERATIONS)
def test_a_kill_at_some_system_calls(template, arena, name):
    with stages(template, arena, OPERATIONS[name], 1) as made:
        found = sweep(made, thinned(made[0].mutating, 9), Stage.kill_at)
        assert found == [], "\n".join(found)


@pytest.mark.sweep
@pytest.mark.slow
@pytest.mark.parametrize("name", OPERATIONS)
def test_a_kill_at_any_system_call(template, arena, name):
    with stages(template, arena, OPERATIONS[name], 2) as made:
        found = sweep(made, made[0].mutating, Stage.kill_at)
        assert found == [], "\n".join(found)
