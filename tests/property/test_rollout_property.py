"""Whatever nodes answer, in whatever order: a roll-out ends, and switches nobody too early."""

from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from envc.errors import Fault
from envc.model.digest import Digest
from envc.model.nodes import Lacks, Refusal, Silence, Unsure
from envc.reports.node import NodeReport
from envc.rollout import begin, decide, hear
from envc.rollout.values import (
    Ask,
    Bring,
    Command,
    Known,
    Order,
    Publish,
    RolloutOptions,
    Share,
    Stop,
    Switch,
)
from envc.rollout.words import Word

NOW = 1_800_000_000.0
CLOSURES = {"user": Digest("sha256:" + "c" * 64)}


def report(step: str, digit: str, wanted: str, ahead: float) -> NodeReport:
    return NodeReport(
        step=step,
        status=0,
        target="/t",
        generation=1,
        digest=Digest("sha256:" + digit * 64),
        closures=CLOSURES,
        built=False,
        current=1,
        drift=None,
        wanted=wanted,
        machine="linux",
        envc="0.1.0",
        now_seconds=NOW + ahead,
    )


WORDS: st.SearchStrategy[Word] = st.one_of(
    st.builds(
        report,
        st.sampled_from(["ready", "current", "switched", "absent", "present"]),
        st.sampled_from("1112"),
        st.sampled_from(["/state", "/old"]),
        st.sampled_from([0.0, 0.0, 0.0, 1e6]),
    ),
    st.builds(Silence, st.sampled_from(["ended", "late", "unreachable", "busy"]), st.just(0)),
    st.builds(Lacks, st.sampled_from([("kit",), ("parcel", "bundle"), ("nonsense",)])),
    st.builds(Refusal, st.just(Fault("no")), st.sampled_from([1, 2, 4, 75])),
    st.just(Unsure()),
)
OPTIONS = st.fixed_dictionaries(
    {
        "state": st.sampled_from([None, "/state"]),
        "canary": st.integers(0, 3),
        "batch": st.integers(0, 3),
        "max_failures": st.integers(0, 4),
        "retries": st.integers(0, 2),
    }
)


class Watch:
    """What must hold of every command, given what nodes have said before."""

    def __init__(self, order: Order) -> None:
        self._order = order
        self.may_switch: set[str] = set()
        self.touched: set[str] = set()

    def see(self, known: Known, command: Command) -> None:
        match command:
            case Switch(digests):
                assert digests.keys() <= self.may_switch
                failed = {name for name, each in known.nodes.items() if each.told.state == "failed"}
                if not digests.keys() <= {*self._order.canaries}:
                    assert not failed & {*self._order.canaries}
                    assert len(failed) <= self._order.options.max_failures
                self.touched |= digests.keys()
            case Ask(prepare, look):
                assert not {*prepare} & {*look}
                self.touched |= {*prepare}
            case Bring(lacks):
                self.touched |= lacks.keys()
            case Share() | Publish():
                assert self._order.options.state is not None
            case Stop("the canary failed"):
                assert self.touched <= {*self._order.canaries}

    def hear(self, node: str, asked: str, word: Word) -> None:
        step = word.step if isinstance(word, NodeReport) else ""
        if step == "current" or (step == "ready" and asked == "prepare"):
            self.may_switch.add(node)


@settings(max_examples=300, deadline=None)
@given(OPTIONS, st.integers(1, 6), st.data())
def test_any_answers_in_any_order(
    options: dict[str, Any], number: int, data: st.DataObject
) -> None:
    nodes = tuple(f"n{each}" for each in range(number))
    order = Order(nodes, CLOSURES, RolloutOptions(nodes="", target="/t", **options))
    known, watch = begin(order, NOW), Watch(order)
    for _ in range(40 * number):
        known, command = decide(known)
        watch.see(known, command)
        if isinstance(command, Stop):
            return
        for node in data.draw(st.permutations(sorted(known.awaited()))):
            word = data.draw(WORDS)
            watch.hear(node, known.nodes[node].asked or "", word)
            known = hear(known, node, word, NOW)
    raise AssertionError("it goes on for ever")
