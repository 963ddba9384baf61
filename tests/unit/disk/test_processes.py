"""Works shared out between this process and forks of it."""

import os
import signal
import threading
from functools import partial
from itertools import islice

import pytest

from envc.disk.processes import share_out
from envc.errors import OutsideError, UntrustedError

WORKS = list(range(200))


def take_all(works):
    return [os.getpid(), list(works)]


def kill_itself(_works):
    os.kill(os.getpid(), signal.SIGKILL)


def refuse(_works, *, error):
    raise error


def one(works):
    return [os.getpid(), list(islice(works, 1))]


@pytest.fixture
def two_processors(monkeypatch):
    """Whatever machine this is."""
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: {0, 1})


@pytest.mark.usefixtures("two_processors")
def test_every_work_is_done_once():
    answers = share_out(WORKS, here=take_all, in_forks=take_all, most=2)
    assert len(answers) == 2
    assert answers[0][0] == os.getpid() != answers[1][0]
    assert sorted(work for _, works in answers for work in works) == WORKS


@pytest.mark.usefixtures("two_processors")
def test_a_fork_takes_what_is_left():
    (_, mine), (_, theirs) = share_out(WORKS, here=one, in_forks=take_all, most=2)
    assert sorted([*mine, *theirs]) == WORKS


@pytest.mark.usefixtures("two_processors")
@pytest.mark.parametrize(
    "error",
    [
        UntrustedError("damaged", where="a", mend="mend it"),
        OSError(28, "No space left on device", b"a", None, b"b"),
    ],
    ids=repr,
)
def test_an_error_of_a_fork_is_raised_here(error):
    with pytest.raises(type(error)) as raised:
        share_out(WORKS, here=one, in_forks=partial(refuse, error=error), most=2)
    assert vars(raised.value) == vars(error)
    assert str(raised.value) == str(error)


@pytest.mark.usefixtures("two_processors")
def test_after_an_error_nobody_begins_another_work():
    reader, writer = os.pipe()
    left = []

    def wait_for_the_fork(works):
        os.close(writer)
        os.read(reader, 1)  # it returns when the fork, which has the writer too, has ended
        left.extend(works)

    failing = partial(refuse, error=ZeroDivisionError())
    with pytest.raises(ZeroDivisionError):
        share_out(WORKS, here=wait_for_the_fork, in_forks=failing, most=2)
    os.close(reader)
    assert left == []


@pytest.mark.usefixtures("two_processors")
def test_a_fork_that_is_killed():
    with pytest.raises(OutsideError) as raised:
        share_out(WORKS, here=one, in_forks=kill_itself, most=2)
    assert str(raised.value) == (
        "a process of this run was killed\n  help: run the command again; nothing was switched"
    )


@pytest.mark.usefixtures("two_processors")
def test_nothing_is_forked_beside_a_thread():
    release = threading.Event()
    thread = threading.Thread(target=release.wait)
    thread.start()
    try:
        assert share_out(WORKS, here=take_all, in_forks=take_all, most=2) == [[os.getpid(), WORKS]]
    finally:
        release.set()
        thread.join()


@pytest.mark.parametrize(("works", "most"), [([], 2), (WORKS[:1], 2), (WORKS, 1)])
def test_what_one_process_does_alone(works, most):
    assert share_out(works, here=take_all, in_forks=take_all, most=most) == [[os.getpid(), works]]
