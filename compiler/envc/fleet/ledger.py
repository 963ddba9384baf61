"""What a roll-out knows of each node: all that nodes have answered, and nothing else."""

import os
import time
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from envc.fleet.rollout_options import RolloutOptions
from envc.formats.node_line import values_in
from envc.model.digest import Digest
from envc.model.nodes import NodeAnswer
from envc.reports.rollout import NodeState, State

DONE: tuple[State, ...] = ("switched", "current")
# Beyond this, files are younger or older than they seem: gc would keep or remove the wrong ones.
_CLOCK_SECONDS = 300.0
_MAY_SUCCEED = frozenset({4, os.EX_TEMPFAIL})

Heard = Callable[[NodeState], None]


class Ledger:
    """The nodes of one roll-out, and what each has answered so far.

    `heard` is told of every change. `unnoted` are those that hold the generation and have yet to
    note where their wanted state is.
    """

    def __init__(
        self, options: RolloutOptions, closures: Mapping[str, Digest], heard: Heard
    ) -> None:
        self._options = options
        self._closures = closures
        self._heard = heard
        self._began = time.monotonic()
        self.nodes: dict[str, NodeState] = {}
        self.unnoted: set[str] = set()
        self._retry: set[str] = set()
        self._failures: Counter[str] = Counter()
        self._lacks: dict[str, set[str]] = {}
        self._sent: Counter[str] = Counter()
        self._digests: dict[str, Digest] = {}

    def open(self, nodes: Sequence[str]) -> None:
        """Begin with these nodes, which nobody has asked yet."""
        self.nodes = {
            node: NodeState(node=node, state="waiting", reason="not asked") for node in nodes
        }

    def asking(self, nodes: Iterable[str]) -> None:
        """Forget what these nodes lacked or failed with: they are asked now."""
        for node in nodes:
            self._retry.discard(node)
            self._lacks.pop(node, None)

    def lacking(self) -> dict[str, set[str]]:
        """What nodes have said that they lack, once: node → names of freight."""
        lacks, self._lacks = self._lacks, {}
        return lacks

    def sent(self, nodes: Iterable[str]) -> None:
        """Note that what they lack goes to these nodes."""
        for node in nodes:
            self._sent[node] += 1

    def those(self, nodes: Sequence[str], state: State) -> list[str]:
        """Those of the nodes that are in this state."""
        return [node for node in nodes if self.nodes[node].state == state]

    def to_prepare(self, nodes: Sequence[str]) -> tuple[str, ...]:
        """Those of the nodes that may have something to prepare."""
        again = self.again(nodes)
        waiting = set(self.those(nodes, "waiting"))
        return tuple(node for node in nodes if node in waiting or node in again)

    def again(self, nodes: Sequence[str]) -> tuple[str, ...]:
        """Those of the nodes that failed and may be asked once more."""
        most = self._options.retries
        return tuple(each for each in nodes if each in self._retry and self._failures[each] <= most)

    def too_many(self) -> str:
        """That more nodes failed than may; "": they did not."""
        failed = self.those(list(self.nodes), "failed")
        if len(failed) <= self._options.max_failures:
            return ""
        return f"{len(failed)} nodes failed, and {self._options.max_failures} may"

    def seconds(self) -> float:
        """Since the roll-out began."""
        return round(time.monotonic() - self._began, 3)

    def hear(self, answer: NodeAnswer) -> None:
        """Take in what a node answered."""
        values = values_in(answer.output)
        if answer.outcome != "ended" or values is None:
            self.refused(answer)
            return
        if values.get("lacks"):
            self._hear_lacks(answer.node, set(values["lacks"]))
        elif values.get("faults"):
            what, where, mend = values["faults"][0]
            self.fail(
                answer.node, f"{where}: {what}" if where else what, mend, status=values["status"]
            )
        elif values["step"] != "unsure":
            self._hear_step(answer.node, values)

    def _hear_lacks(self, node: str, lacks: set[str]) -> None:
        told = f"it lacks the {' and the '.join(sorted(lacks))}"
        if self._sent[node] > self._options.retries:
            self.fail(node, f"{told}: what was sent did not arrive whole", "run it again")
            return
        self._lacks[node] = lacks
        self._note(node, "waiting", reason=told)

    def _hear_step(self, node: str, values: dict[str, Any]) -> None:
        wrong = self._wrong(node, values)
        if wrong is not None:
            self.fail(node, *wrong)
            return
        state: State = "ready"
        if values["step"] in DONE:
            was_ready = self.nodes[node].state == "ready"
            state = "switched" if values["step"] == "switched" or was_ready else "current"
        if values["step"] == "current" and values["wanted"] != self._options.state_of(node):
            self.unnoted.add(node)
        self._note(
            node,
            state,
            generation=values["generation"],
            digest=values["digest"],
            built=self.nodes[node].built or values["built"],
        )

    def _wrong(self, node: str, values: dict[str, Any]) -> tuple[str, str] | None:
        """What is wrong with what a node holds, and how to mend it; None: nothing."""
        ahead = values["now_seconds"] - time.time()
        if abs(ahead) > _CLOCK_SECONDS:
            way = "ahead" if ahead > 0 else "behind"
            return (
                f"its clock is {abs(ahead):.0f} s {way}",
                "set the node's clock (is its time service running?), then roll out again",
            )
        if values["closures"] != self._closures:
            return (
                "it made another closure than the locks describe",
                "use one release of envc on this machine and the nodes",
            )
        first = self._digests.setdefault(values["machine"], values["digest"])
        if first != values["digest"]:
            command = f"envc verify --target {self._options.target_of(node)}"
            return (
                f"its tree digest is {values['digest']}, and other nodes of its kind have {first}",
                f"run `{command}` there, and check its disk",
            )
        return None

    def refused(self, answer: NodeAnswer) -> None:
        """A node that gave no answer of envc's."""
        last = next(reversed(answer.trouble.strip().splitlines()), "").strip()
        told = f": {last}" if last else ""
        if answer.outcome == "busy":
            self._note(answer.node, "pending", reason=f"it is busy{told}")
        elif answer.outcome == "late":
            seconds = self._options.limits.timeout_seconds
            self.fail(answer.node, f"no answer within {seconds:g} s", "look at it", status=4)
        elif answer.outcome == "unreachable":
            self.fail(answer.node, f"no answer came back{told}", "bring the node back", status=4)
        else:
            mend = "see its last words; running it again is safe"
            self.fail(answer.node, f"it ended with status {answer.status}{told}", mend, status=4)

    def fail(self, node: str, reason: str, mend: str, *, status: int = 1) -> None:
        """Note that a node failed; whether it may be asked again follows from the `status`."""
        if status in _MAY_SUCCEED:
            self._retry.add(node)
            self._failures[node] += 1
        self._note(node, "failed", reason=reason, mend=mend)

    def _note(self, node: str, state: State, **facts: Any) -> None:
        before = replace(self.nodes[node], reason="", mend="")
        self.nodes[node] = replace(before, state=state, seconds=self.seconds(), **facts)
        self._heard(self.nodes[node])
