"""`envc rollout`: every node prepares, and when enough are ready, they are switched.

1. The canaries prepare and are switched; if one fails, no other node is touched. While they
   prepare, all others are looked at: those that have nothing to do say so then.
2. The others prepare. Where more fail than are allowed, none is switched.
3. The wanted state names the new generation: nodes that are down now will converge to it.
4. Those that are ready are switched, a batch after the other.

The nodes are the truth: nothing is remembered between two roll-outs, and a node that is done
already says so in the first answer.
"""

import os
import time
from base64 import b64encode
from collections import Counter, defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from getpass import getuser
from typing import Any

from envc.cluster.kit import kit_of_this_envc
from envc.cluster.node_sets import expand, fold
from envc.disk.clock import utc_text
from envc.errors import UsageError
from envc.formats.node_line import values_in
from envc.model.digest import Digest
from envc.model.nodes import Limits, NodeAnswer, Statement, WantedGeneration
from envc.pipeline.nodes.freight import Freight, pack, share
from envc.pipeline.nodes.rollout_report import NodeState, RolloutReport, State
from envc.pipeline.sites.context import Context
from envc.pipeline.sites.place import find_site
from envc.pipeline.sites.site import Site, load_site
from envc.pipeline.targets.locked import closures_of
from envc.pipeline.targets.wanted import (
    OWN_STATE,
    is_wanted,
    next_wanted,
    read_wanted,
    write_wanted,
)
from envc.ports import Engine

# Beyond this, files are younger or older than they seem: gc would keep or remove the wrong ones.
_CLOCK_SECONDS = 300.0
_MAY_SUCCEED = frozenset({4, os.EX_TEMPFAIL})
_DONE: tuple[State, ...] = ("switched", "current")

Heard = Callable[[NodeState], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class RolloutOptions:
    """Where to roll out what, and how carefully.

    `{node}` in `target` is the node's name. `state` is a folder that every node sees, None: the
    engine carries what nodes need. `batch` 0: all at once. `sign` are files of private keys; with
    `replace_keys` nodes trust those of the site from now on, whatever they have trusted.
    """

    nodes: str
    target: str
    source: str | None = None
    state: str | None = None
    python: str | None = None
    canary: int = 1
    batch: int = 0
    max_failures: int = 0
    retries: int = 1
    sign: tuple[str, ...] = ()
    replace_keys: bool = False
    limits: Limits = field(default_factory=Limits)


def roll_out(
    site_folder: str | None,
    options: RolloutOptions,
    engine: Engine,
    context: Context,
    heard: Heard,
) -> RolloutReport:
    """Bring nodes to what the site's locks describe; `heard` is told of every step of a node.

    Raises:
        UsageError: no such nodes, a lock is missing, the site's core is another Python, or nothing
            signs for a site that names keys.
        AnswerIsNo: a lock is stale.
        OutsideError: the engine cannot be used, or the disk here refused.
    """
    site = load_site(*find_site(site_folder))
    closures = closures_of(site)
    nodes = expand(options.nodes)
    if "{node}" not in options.target and engine.name == "local" and len(nodes) > 1:
        raise UsageError(
            "nodes of the local engine would share one target",
            where=options.target,
            mend="put {node} into the target: --target /tmp/nodes/{node}",
        )
    kit = kit_of_this_envc(context.cache)
    freight = pack(site, kit, context.cache, python=options.python, source=options.source)
    order = _Order(site, closures, options, freight)
    if site.spec.keys or options.sign:
        order = _signed(order, context)
    if options.state is not None:
        share(freight, options.state)
    run = _Rollout(order, engine, heard)
    stopped = run.carry_out(nodes)
    return run.report(stopped)


@dataclass(frozen=True, slots=True)
class _Order:
    """What is rolled out, and how."""

    site: Site
    closures: dict[str, Digest]
    options: RolloutOptions
    freight: Freight
    statement: Statement | None = None


def _signed(order: _Order, context: Context) -> _Order:
    """The same with a wanted state that is signed, and proved to every node."""
    from envc.pipeline.nodes.statement import make_statement, proof_of, signer_of

    options = order.options
    statement = make_statement(
        order.site,
        order.freight,
        order.closures,
        state=options.state,
        signer=signer_of(order.site, options.sign, context),
    )
    proof = proof_of(statement, replace_keys=options.replace_keys)
    return replace(order, freight=replace(order.freight, proof=proof), statement=statement)


class _Rollout:
    """One roll-out: what is known of each node."""

    def __init__(self, order: _Order, engine: Engine, heard: Heard) -> None:
        self._site = order.site
        self._closures = order.closures
        self._options = order.options
        self._freight = order.freight
        self._statement = order.statement
        self._engine = engine
        self._heard = heard
        self._began = time.monotonic()
        self._nodes: dict[str, NodeState] = {}
        # Nodes that hold the generation and have yet to note where their wanted state is.
        self._unnoted: set[str] = set()
        self._retry: set[str] = set()
        self._failures: Counter[str] = Counter()
        self._shared_anew = False
        self._lacks: dict[str, set[str]] = {}
        self._sent: Counter[str] = Counter()
        self._digests: dict[str, Digest] = {}

    def carry_out(self, nodes: Sequence[str]) -> str:
        """Take all steps; why it stopped, "" where it did not."""
        self._nodes = {
            node: NodeState(node=node, state="waiting", reason="not asked") for node in nodes
        }
        canaries, others = nodes[: self._options.canary], nodes[self._options.canary :]
        self._prepare(canaries, looked_at=others if canaries else ())
        self._switch(self._in(canaries, "ready"))
        bad = self._in(canaries, "failed")
        if bad and others:
            return f"the canary failed: {fold(bad)}"
        self._prepare(others)
        if self._too_many():
            return self._too_many()
        self._write_wanted()
        ready = self._in(nodes, "ready")
        size = self._options.batch or max(1, len(ready))
        for start in range(0, len(ready), size):
            self._switch(ready[start : start + size])
            if self._too_many():
                return self._too_many()
        if self._unnoted:
            self._switch(())
        return ""

    def report(self, stopped: str) -> RolloutReport:
        """How it ended."""
        sets: dict[State, list[str]] = defaultdict(list)
        for node, state in self._nodes.items():
            sets[state.state].append(node)
        return RolloutReport(
            ok=all(state.state in _DONE for state in self._nodes.values()),
            engine=self._engine.name,
            target=self._options.target,
            parcel=self._freight.parcel,
            closures=self._closures,
            state=self._options.state,
            stopped=stopped,
            sets={state: fold(nodes) for state, nodes in sorted(sets.items())},
            nodes=self._nodes,
            seconds=self._since(),
        )

    def _prepare(self, nodes: Sequence[str], *, looked_at: Sequence[str] = ()) -> None:
        """Have nodes prepare; bring what they lack; ask again those that may succeed then.

        Others are `looked_at` along with them.
        """
        asked, others = self._open(nodes), tuple(looked_at)
        while asked or others:
            commands = {node: self._prepare_command(node) for node in asked}
            looks = {node: self._look_command(node) for node in others}
            self._run(commands | looks)
            # A kit comes before the envc in it can tell that it lacks the parcel.
            while self._lacks:
                self._run({node: self._prepare_command(node) for node in self._bring()})
            asked, others = self._again(asked), ()

    def _open(self, nodes: Sequence[str]) -> tuple[str, ...]:
        """Those of the nodes that may have something to prepare."""
        again = self._again(nodes)
        waiting = set(self._in(nodes, "waiting"))
        return tuple(node for node in nodes if node in waiting or node in again)

    def _again(self, nodes: Sequence[str]) -> tuple[str, ...]:
        """Those of the nodes that failed and may be asked once more."""
        most = self._options.retries
        return tuple(each for each in nodes if each in self._retry and self._failures[each] <= most)

    def _prepare_command(self, node: str) -> list[str]:
        return self._freight.prepare_command(self._target(node), self._state(node))

    def _look_command(self, node: str) -> list[str]:
        return self._freight.look_command(self._target(node), self._state(node))

    def _switch(self, nodes: Sequence[str]) -> None:
        """Switch these nodes to what they have prepared, and the unnoted ones with them."""
        asked = (*nodes, *sorted(self._unnoted - set(nodes)))
        commands = {node: self._switch_command(node) for node in asked}
        self._unnoted.clear()
        self._run(commands)

    def _switch_command(self, node: str) -> list[str]:
        words = ["--digest", self._nodes[node].digest or ""]
        words += ["--operator", f"{getuser()}@{os.uname().nodename}"]
        if self._options.state is None and self._statement is None:
            from envc.formats.wanted import wanted_to_json

            brought = next_wanted(
                None, self._site.spec.name, self._wanted(), kit=self._freight.kit.digest, keep=1
            )
            words += ["--wanted", b64encode(wanted_to_json(brought)).decode()]
        return self._freight.switch_command(self._target(node), self._state(node), words)

    def _run(self, commands: dict[str, list[str]]) -> None:
        self._retry -= commands.keys()
        for node in commands:
            self._lacks.pop(node, None)
        if commands:
            self._engine.run(commands, self._options.limits, self._hear)

    def _target(self, node: str) -> str:
        return self._options.target.replace("{node}", node)

    def _state(self, node: str) -> str:
        return self._options.state or f"{self._target(node)}/{OWN_STATE}"

    def _bring(self) -> tuple[str, ...]:
        """Bring what nodes lack; those that are to be asked again."""
        lacks, self._lacks = self._lacks, {}
        state = self._options.state
        if state is not None and not self._shared_anew:
            share(self._freight, state, anew=True)
            self._shared_anew = True
            return tuple(lacks)
        if state is not None:
            for node in lacks:
                what = f"it does not see what was put into {state}"
                self._fail(node, what, "make that folder visible on every node, or leave --state")
            return ()
        self._sent.update(lacks.keys())
        limits, again = self._options.limits, set(lacks)

        def written(answer: NodeAnswer) -> None:
            if answer.outcome != "ended" or answer.status != 0:
                again.discard(answer.node)
                self._refused(answer)

        folders = {
            node: ["mkdir", "-p", *self._freight.folders(self._state(node))] for node in lacks
        }
        self._engine.run(folders, limits, written)
        for name in self._freight.names:
            places = {
                node: self._freight.place(name, self._state(node))
                for node in sorted(again)
                if name in self._freight.to_bring(lacks[node])
            }
            if places:
                self._engine.copy(self._freight.file(name), places, limits, written)
        return tuple(node for node in lacks if node in again)

    def _hear(self, answer: NodeAnswer) -> None:
        """Take in what a node answered."""
        values = values_in(answer.output)
        if answer.outcome != "ended" or values is None:
            self._refused(answer)
            return
        if values.get("lacks"):
            self._hear_lacks(answer.node, set(values["lacks"]))
        elif values.get("faults"):
            what, where, mend = values["faults"][0]
            self._fail(
                answer.node, f"{where}: {what}" if where else what, mend, status=values["status"]
            )
        elif values["step"] != "unsure":
            self._hear_step(answer.node, values)

    def _hear_lacks(self, node: str, lacks: set[str]) -> None:
        told = f"it lacks the {' and the '.join(sorted(lacks))}"
        if self._sent[node] > self._options.retries:
            self._fail(node, f"{told}: what was sent did not arrive whole", "run it again")
            return
        self._lacks[node] = lacks
        self._note(node, "waiting", reason=told)

    def _hear_step(self, node: str, values: dict[str, Any]) -> None:
        wrong = self._wrong(node, values)
        if wrong is not None:
            self._fail(node, *wrong)
            return
        state: State = "ready"
        if values["step"] in _DONE:
            was_ready = self._nodes[node].state == "ready"
            state = "switched" if values["step"] == "switched" or was_ready else "current"
        if values["step"] == "current" and values["wanted"] != self._state(node):
            self._unnoted.add(node)
        self._note(
            node,
            state,
            generation=values["generation"],
            digest=values["digest"],
            built=self._nodes[node].built or values["built"],
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
            return (
                f"its tree digest is {values['digest']}, and other nodes of its kind have {first}",
                f"run `envc verify --target {self._target(node)}` there, and check its disk",
            )
        return None

    def _refused(self, answer: NodeAnswer) -> None:
        """A node that gave no answer of envc's."""
        last = next(reversed(answer.trouble.strip().splitlines()), "").strip()
        told = f": {last}" if last else ""
        if answer.outcome == "busy":
            self._note(answer.node, "pending", reason=f"it is busy{told}")
        elif answer.outcome == "late":
            seconds = self._options.limits.timeout_seconds
            self._fail(answer.node, f"no answer within {seconds:g} s", "look at it", status=4)
        elif answer.outcome == "unreachable":
            self._fail(answer.node, f"no answer came back{told}", "bring the node back", status=4)
        else:
            mend = "see its last words; running it again is safe"
            self._fail(answer.node, f"it ended with status {answer.status}{told}", mend, status=4)

    def _fail(self, node: str, reason: str, mend: str, *, status: int = 1) -> None:
        if status in _MAY_SUCCEED:
            self._retry.add(node)
            self._failures[node] += 1
        self._note(node, "failed", reason=reason, mend=mend)

    def _note(self, node: str, state: State, **facts: Any) -> None:
        before = replace(self._nodes[node], reason="", mend="")
        self._nodes[node] = replace(before, state=state, seconds=self._since(), **facts)
        self._heard(self._nodes[node])

    def _in(self, nodes: Sequence[str], state: State) -> list[str]:
        return [node for node in nodes if self._nodes[node].state == state]

    def _too_many(self) -> str:
        failed = self._in(list(self._nodes), "failed")
        if len(failed) <= self._options.max_failures:
            return ""
        return f"{len(failed)} nodes failed, and {self._options.max_failures} may"

    def _wanted(self) -> WantedGeneration:
        return WantedGeneration(
            closures=self._closures,
            parcel=self._freight.parcel,
            source=self._freight.wanted_source(),
            since=utc_text(),
            core=self._freight.wanted_core(),
        )

    def _write_wanted(self) -> None:
        state = self._options.state
        if state is None or not any(
            each.state in {"ready", *_DONE} for each in self._nodes.values()
        ):
            return
        if self._statement is not None:
            from envc.pipeline.nodes.statement import publish_statement

            publish_statement(state, self._statement)
            return
        kit, keep = self._freight.kit.digest, self._freight.keep
        if is_wanted(state, self._wanted(), kit=kit, keep=keep):
            return
        from envc.pipeline.targets.prune import prune_state
        from envc.pipeline.targets.trust import read_statement

        before = read_wanted(state)
        wanted = next_wanted(
            before,
            self._site.spec.name,
            self._wanted(),
            kit=kit,
            keep=keep,
        )
        if before is None or replace(wanted, serial=before.serial) != before:
            write_wanted(state, wanted)
            prune_state(state, read_statement(state))

    def _since(self) -> float:
        return round(time.monotonic() - self._began, 3)
