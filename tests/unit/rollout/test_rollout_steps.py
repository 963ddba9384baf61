"""A roll-out without nodes: what is known and an answer → what is known then, and what is next."""

from collections.abc import Sequence
from typing import Any

import pytest

from envc.errors import Fault
from envc.model.digest import Digest
from envc.model.nodes import Lacks, Limits, Refusal, Silence, Unsure
from envc.reports.node import NodeReport
from envc.rollout import begin, decide, hear
from envc.rollout.values import (
    Ask,
    Bring,
    Command,
    Known,
    Order,
    Publish,
    Quorum,
    RolloutOptions,
    Share,
    Stop,
    Switch,
)
from envc.rollout.words import Word

NOW = 1_800_000_000.0
CLOSURES = {"user": Digest("sha256:" + "c" * 64)}
ONE, TWO = (Digest("sha256:" + digit * 64) for digit in "12")
BUSY = Silence("busy")
GONE = Silence("unreachable", None, "ssh: no route")
ARRIVED = Silence("ended", 0)


def report(step: str, **values: Any) -> NodeReport:
    facts: dict[str, Any] = {
        "status": 0,
        "target": "/t",
        "generation": 3,
        "digest": ONE,
        "closures": CLOSURES,
        "built": step == "ready",
        "current": 3,
        "drift": None,
        "wanted": "/state",
        "machine": "linux",
        "envc": "0.1.0",
        "now_seconds": NOW,
    }
    return NodeReport(step=step, **facts | values)


READY, CURRENT, SWITCHED = (report(step) for step in ("ready", "current", "switched"))


class Run:
    """One roll-out in which a test gives every answer; `commands` is what was decided so far."""

    def __init__(self, nodes: int = 3, **options: Any) -> None:
        options.setdefault("state", "/state")
        names = tuple(f"n{number}" for number in range(1, nodes + 1))
        settings = RolloutOptions(nodes="", target="/t/{node}", **options)
        self.known: Known = begin(Order(names, CLOSURES, settings), NOW)
        self.commands: list[Command] = []

    def next(self) -> Command:
        self.known, command = decide(self.known)
        self.commands.append(command)
        return command

    def told(self, *words: Word, of: Sequence[str] = (), now: float = NOW) -> Command:
        """Each node that is awaited says its word, in order (or those `of` a list); then: next."""
        for node, word in zip(of or tuple(self.known.awaited()), words, strict=True):
            self.known = hear(self.known, node, word, now)
        return self.next()

    def states(self) -> dict[str, str]:
        return {name: node.told.state for name, node in self.known.nodes.items()}

    def reason(self, node: str) -> str:
        return self.known.nodes[node].told.reason


def test_the_canary_goes_first_and_the_others_are_looked_at_meanwhile() -> None:
    run = Run()
    assert run.next() == Ask(("n1",), look=("n2", "n3"))
    assert run.told(READY, CURRENT, Unsure(), of=("n1", "n2", "n3")) == Switch({"n1": ONE})
    assert run.states() == {"n1": "ready", "n2": "current", "n3": "waiting"}
    assert run.told(SWITCHED) == Ask(("n3",))
    assert run.told(READY) == Publish("/state")
    assert run.next() == Switch({"n3": ONE})
    assert run.told(SWITCHED) == Stop()
    assert run.states() == {"n1": "switched", "n2": "current", "n3": "switched"}
    assert all(node.told.built for name, node in run.known.nodes.items() if name != "n2")


@pytest.mark.parametrize("answer", [GONE, Refusal(Fault("no"), 1), report("ready", closures={})])
def test_a_canary_that_fails_ends_it(answer: Word) -> None:
    run = Run(retries=0, max_failures=9)
    run.next()
    stop = run.told(answer, Unsure(), Unsure(), of=("n1", "n2", "n3"))
    assert stop == Stop("the canary failed", ("n1",))
    assert run.states() == {"n1": "failed", "n2": "waiting", "n3": "waiting"}


def test_a_canary_that_is_not_switched_ends_it_and_is_not_asked_again() -> None:
    run = Run(nodes=2)
    run.next()
    assert run.told(READY, Unsure(), of=("n1", "n2")) == Switch({"n1": ONE})
    assert run.told(GONE) == Stop("the canary failed", ("n1",))


def test_an_other_that_has_yet_to_note_its_state_waits_for_the_canary() -> None:
    run = Run(nodes=2, retries=0)
    run.next()
    elsewhere = report("current", wanted="/old")
    assert run.told(GONE, elsewhere, of=("n1", "n2")) == Stop("the canary failed", ("n1",))
    run = Run(nodes=2)
    run.next()
    assert run.told(READY, elsewhere, of=("n1", "n2")) == Switch({"n1": ONE})
    assert run.told(SWITCHED) == Publish("/state")
    assert run.next() == Switch({"n2": ONE})
    assert run.told(CURRENT) == Stop()
    assert run.states() == {"n1": "switched", "n2": "current"}


def test_batches_stop_where_too_many_failed() -> None:
    run = Run(nodes=4, canary=0, batch=2, max_failures=1, state=None)
    assert run.next() == Ask(("n1", "n2", "n3", "n4"))
    assert run.told(READY, READY, READY, READY) == Switch({"n1": ONE, "n2": ONE})
    assert run.told(GONE, GONE) == Stop("2 nodes failed, and 1 may")
    assert run.states() == {"n1": "failed", "n2": "failed", "n3": "ready", "n4": "ready"}
    run = Run(nodes=4, canary=0, batch=2, max_failures=1, state=None)
    run.next()
    run.told(READY, READY, READY, READY)
    assert run.told(SWITCHED, GONE) == Switch({"n3": ONE, "n4": ONE})


def test_nobody_is_switched_where_too_many_cannot_prepare() -> None:
    run = Run(nodes=3, canary=0, retries=0)
    run.next()
    assert run.told(READY, READY, GONE) == Stop("1 node failed, and 0 may")
    assert not any(isinstance(command, Publish | Switch) for command in run.commands)


def test_a_quorum_is_switched_without_those_that_do_not_answer() -> None:
    run = Run(nodes=4, canary=0, retries=0, quorum=Quorum(75, is_share=True))
    run.next()
    assert run.told(READY, READY, GONE, READY) == Publish("/state")
    assert run.next() == Switch({"n1": ONE, "n2": ONE, "n4": ONE})
    assert run.told(SWITCHED, SWITCHED, SWITCHED) == Stop()
    assert run.states()["n3"] == "failed"


def test_nobody_is_switched_below_the_quorum() -> None:
    run = Run(nodes=4, canary=0, retries=0, quorum=Quorum(75, is_share=True))
    run.next()
    told = run.told(READY, GONE, GONE, READY)
    assert told == Stop("2 of 4 nodes are ready, and 3 must be")
    assert not any(isinstance(command, Publish | Switch) for command in run.commands)


def test_a_quorum_and_a_number_of_failures_bind_both() -> None:
    run = Run(nodes=4, canary=0, retries=0, quorum=Quorum(2, is_share=False), max_failures=1)
    run.next()
    assert run.told(READY, GONE, GONE, READY) == Stop("2 nodes failed, and 1 may")


@pytest.mark.parametrize(
    ("quorum", "nodes", "needed"),
    [
        (Quorum(95, is_share=True), 1000, 950),
        (Quorum(95, is_share=True), 10, 10),
        (Quorum(1, is_share=True), 3, 1),
        (Quorum(100, is_share=True), 7, 7),
        (Quorum(5, is_share=False), 9, 5),
    ],
)
def test_a_share_is_rounded_up(quorum: Quorum, nodes: int, needed: int) -> None:
    assert quorum.of(nodes) == needed


def test_what_may_pass_is_asked_again_and_what_may_not_is_not() -> None:
    run = Run(nodes=3, canary=0, retries=1, max_failures=3)
    run.next()
    disk_full, no_target = Refusal(Fault("disk", "/t", "free"), 4), Refusal(Fault("none"), 2)
    assert run.told(disk_full, no_target, GONE) == Ask(("n1", "n3"))
    assert run.reason("n1") == "/t: disk"
    assert run.reason("n3") == "no answer came back: ssh: no route"
    assert run.told(READY, GONE) == Publish("/state")
    assert run.states() == {"n1": "ready", "n2": "failed", "n3": "failed"}


LATE = Silence("late")
AGAIN = "no answer within 1800 s: it is asked again after the others"


def test_who_takes_too_long_is_asked_again_when_the_others_were_switched() -> None:
    run = Run(nodes=4)
    run.next()
    looked = {"n1": READY, "n2": LATE, "n3": Unsure(), "n4": Unsure()}
    assert run.told(*looked.values(), of=tuple(looked)) == Switch({"n1": ONE})
    assert (run.states()["n2"], run.reason("n2")) == ("pending", AGAIN)
    assert run.told(SWITCHED) == Ask(("n3", "n4"))
    assert run.told(LATE, READY) == Publish("/state")
    assert run.next() == Switch({"n4": ONE})
    assert run.told(SWITCHED) == Ask(("n2", "n3"))
    assert run.told(READY, LATE) == Stop("1 node failed, and 0 may")
    assert run.reason("n3") == "no answer within 1800 s"


def test_who_was_late_once_is_switched_after_all() -> None:
    run = Run(nodes=2, canary=0)
    run.next()
    run.told(LATE, READY)
    run.next()
    assert run.told(SWITCHED) == Ask(("n1",))
    assert run.told(Lacks(("parcel",))) == Share("/state")
    assert run.next() == Ask(("n1",))
    assert run.told(READY) == Switch({"n1": ONE})
    assert run.told(SWITCHED) == Stop()


@pytest.mark.parametrize("options", [{"retries": 0, "canary": 0}, {"retries": 5, "canary": 1}])
def test_who_others_wait_for_is_not_asked_again_where_it_is_late(options: dict[str, int]) -> None:
    run = Run(nodes=2, **options)
    run.next()
    words = (LATE, READY) if options["canary"] == 0 else (LATE, Unsure())
    assert isinstance(run.told(*words, of=("n1", "n2")), Stop)
    assert run.states()["n1"] == "failed"


def test_a_busy_node_is_pending_and_no_failure() -> None:
    run = Run(nodes=2, canary=0)
    run.next()
    assert run.told(BUSY, READY) == Publish("/state")
    assert run.next() == Switch({"n2": ONE})
    assert run.told(SWITCHED) == Stop()
    assert run.states() == {"n1": "pending", "n2": "switched"}


def test_what_nobody_has_is_not_wanted() -> None:
    run = Run(nodes=2, canary=0)
    run.next()
    assert run.told(BUSY, BUSY) == Stop()


def test_who_was_only_looked_at_cannot_be_ready() -> None:
    run = Run(nodes=2)
    run.next()
    run.told(READY, READY, of=("n1", "n2"))
    assert run.states() == {"n1": "ready", "n2": "failed"}


def test_what_lacks_is_brought_so_often() -> None:
    run = Run(nodes=2, canary=0, state=None, retries=1, max_failures=2)
    run.next()
    assert run.told(Lacks(("kit",)), READY) == Bring({"n1": ("kit",)})
    assert run.reason("n1") == "it lacks the kit"
    assert run.told(ARRIVED) == Ask(("n1",))
    assert run.told(Lacks(("parcel", "bundle"))) == Bring({"n1": ("parcel", "bundle")})
    assert run.reason("n1") == "it lacks the bundle and the parcel"
    run.told(ARRIVED)
    run.told(Lacks(("parcel",)))
    assert run.reason("n1") == "it lacks the parcel: what was sent did not arrive whole"
    assert run.states() == {"n1": "failed", "n2": "ready"}


def test_what_cannot_be_brought_is_a_failure_that_may_pass() -> None:
    run = Run(nodes=1, state=None)
    run.next()
    run.told(Lacks(("kit",)))
    assert run.told(Silence("ended", 1, "no space")) == Ask(("n1",))
    assert run.reason("n1") == "it ended with status 1: no space"


def test_a_shared_folder_is_written_anew_once() -> None:
    run = Run(nodes=2, canary=0)
    run.next()
    assert run.told(Lacks(("parcel",)), READY) == Share("/state")
    assert run.next() == Ask(("n1",))
    assert run.told(Lacks(("parcel",))) == Stop("1 node failed, and 0 may")
    assert run.reason("n1") == "it does not see what was put into /state"


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        (report("ready", now_seconds=NOW - 301), "its clock is 301 s behind"),
        (report("ready", now_seconds=NOW + 3600), "its clock is 3600 s ahead"),
        (report("ready", now_seconds=float("nan")), "its clock is nan s behind"),
        (report("ready", closures={}), "it made another closure than the locks describe"),
        (report("ready", digest=None), "it made another closure than the locks describe"),
        (
            report("ready", digest=TWO),
            f"its tree digest is {TWO}, and other nodes of its kind have {ONE}",
        ),
        (report("switched"), "its answer is none to what it was asked"),
        (report("collected"), "its answer is none to what it was asked"),
        (Unsure(), "its answer is none to what it was asked"),
    ],
)
def test_a_wrong_answer_is_that_nodes_failure(answer: Word, reason: str) -> None:
    run = Run(nodes=3, canary=0, max_failures=1)
    run.next()
    run.told(READY, READY, answer)
    assert run.states() == {"n1": "ready", "n2": "ready", "n3": "failed"}
    assert run.reason("n3") == reason


def test_a_canary_that_tells_of_another_tree_fails_nobody_else() -> None:
    run = Run(nodes=3, max_failures=5, state=None)
    run.next()
    odd = [report(step, digest=TWO) for step in ("ready", "switched")]
    assert run.told(odd[0], Unsure(), Unsure(), of=("n1", "n2", "n3")) == Switch({"n1": TWO})
    assert run.told(odd[1]) == Ask(("n2", "n3"))
    assert run.told(READY, READY) == Stop("the canary failed", ("n1",))
    assert run.states() == {"n1": "failed", "n2": "ready", "n3": "ready"}
    assert run.reason("n1") == (f"its tree digest is {TWO}, and other nodes of its kind have {ONE}")


def test_who_answers_first_fails_nobody_else() -> None:
    run = Run(nodes=4, canary=0, max_failures=1, state=None)
    run.next()
    odd = report("ready", digest=TWO)
    switch = run.told(odd, READY, READY, READY)
    assert switch == Switch({"n2": ONE, "n3": ONE, "n4": ONE})
    assert run.told(SWITCHED, SWITCHED, SWITCHED) == Stop()
    assert run.states() == {"n1": "failed", "n2": "switched", "n3": "switched", "n4": "switched"}


def test_a_canary_unlike_those_that_are_current_is_not_switched() -> None:
    run = Run(nodes=3)
    run.next()
    odd = report("ready", digest=TWO)
    stop = run.told(odd, CURRENT, CURRENT, of=("n1", "n2", "n3"))
    assert stop == Stop("the canary failed", ("n1",))


def test_of_two_that_differ_the_first_counts() -> None:
    run = Run(nodes=2, canary=0, max_failures=1, state=None)
    run.next()
    assert run.told(READY, report("ready", digest=TWO)) == Switch({"n1": ONE})
    assert run.states() == {"n1": "ready", "n2": "failed"}


def test_a_node_that_switches_to_another_tree_than_it_was_ready_with_has_not_switched() -> None:
    run = Run(nodes=1)
    run.next()
    assert run.told(READY) == Switch({"n1": ONE})
    run.told(report("switched", digest=TWO))
    assert run.states() == {"n1": "failed"}
    assert run.reason("n1") == f"its tree digest is {TWO}, and it was to switch to another"


def test_each_kind_of_machine_has_a_digest_of_its_own() -> None:
    run = Run(nodes=2, canary=0)
    run.next()
    run.told(READY, report("ready", machine="other", digest=TWO))
    assert run.states() == {"n1": "ready", "n2": "ready"}


@pytest.mark.parametrize("answer", [READY, Lacks(("kit",)), Unsure()])
def test_a_node_that_does_not_say_that_it_was_switched_was_not(answer: Word) -> None:
    run = Run(nodes=1)
    run.next()
    assert run.told(READY) == Switch({"n1": ONE})
    run.told(answer)
    assert run.states() == {"n1": "failed"}


def test_what_nobody_waits_for_changes_nothing() -> None:
    run = Run()
    for word in (READY, GONE, SWITCHED):
        assert hear(run.known, "n1", word, NOW) is run.known
        assert hear(run.known, "stranger", word, NOW) is run.known


def test_who_never_answers_did_not() -> None:
    run = Run(nodes=1, retries=0, limits=Limits(timeout_seconds=5))
    run.next()
    assert run.next() == Stop("1 node failed, and 0 may")
    assert run.reason("n1") == "no answer came back"


def test_seconds_are_counted_from_the_beginning() -> None:
    run = Run(nodes=1)
    run.next()
    run.told(report("ready", now_seconds=NOW + 2.5), now=NOW + 2.5)
    assert run.known.nodes["n1"].told.seconds == 2.5


def test_a_thousand_nodes_in_one_pass() -> None:
    run = Run(nodes=1000, canary=1)
    run.next()
    run.told(*[CURRENT] * 1000)
    assert run.commands[-1] == Publish("/state")
    assert run.next() == Stop()
