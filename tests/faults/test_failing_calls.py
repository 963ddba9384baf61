"""System calls that fail: the disk is full or broken, a quota or a limit is reached."""

import pytest

from faults.processes import needs_strace
from faults.sweep import Stage, stages, sweep, thinned
from faults.world import FURTHER, OPERATIONS

pytestmark = [needs_strace, pytest.mark.slow]

ALL = OPERATIONS | FURTHER

# What a call of each kind fails with: what its manual page names for the disk's own troubles.
_ERRORS = {
    "openat": ("EMFILE", "ENOSPC"),
    "write": ("ENOSPC", "EDQUOT"),
    "fsync": ("EIO", "EDQUOT"),
    "syncfs": ("EIO", "ENOSPC"),
    "link": ("ENOSPC", "EDQUOT"),
    "mkdir": ("ENOSPC", "EDQUOT"),
    "mkdirat": ("ENOSPC", "EDQUOT"),
    "symlink": ("ENOSPC", "EDQUOT"),
    "rename": ("ENOSPC", "EIO"),
}


def failing(stage: Stage):
    """The calls to let fail. A write in a child process is left out: all tracees' n-th one fails,

    and with it the message that tells of it.
    """
    return [call for call in stage.mutating if call.first_thread or call.syscall != "write"]


def fail(stage: Stage, call):
    """Both errors in turn."""
    first, second = _ERRORS.get(call.syscall, ("EIO", "EROFS"))
    return stage.fail_at(call, first if call.number % 2 else second)


def reading(stage: Stage, count: int):
    """About so many of the calls that read; verify and repair read every file, one like another."""
    return thinned([call for call in stage.reading if call.first_thread], count)


def fail_reading(stage: Stage, call):
    return stage.fail_at(call, "EMFILE" if call.syscall == "openat" else "EIO")


@pytest.mark.parametrize("name", OPERATIONS)
def test_some_failing_calls(template, arena, name):
    with stages(template, arena, OPERATIONS[name], 1) as made:
        found = sweep(made, thinned(failing(made[0]), 8), fail)
        found += sweep(made, reading(made[0], 3), fail_reading)
        assert found == [], "\n".join(found)


@pytest.mark.sweep
@pytest.mark.parametrize("name", ALL)
def test_any_failing_call(template, arena, name):
    with stages(template, arena, ALL[name], 2) as made:
        found = sweep(made, failing(made[0]), fail)
        found += sweep(made, reading(made[0], 60), fail_reading)
        assert found == [], "\n".join(found)
