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
from base64 import b64encode
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import replace
from getpass import getuser

from envc.cluster.kit import kit_of_this_envc
from envc.cluster.node_sets import expand, fold
from envc.disk.clock import utc_text
from envc.errors import UsageError
from envc.fleet.freight import Freight, pack, share
from envc.fleet.ledger import DONE, Heard, Ledger
from envc.fleet.rollout_options import RolloutOptions
from envc.fleet.wanted import (
    is_wanted,
    next_wanted,
    read_wanted,
    write_wanted,
)
from envc.host.context import Context
from envc.model.digest import Digest
from envc.model.nodes import NodeAnswer, Statement, WantedGeneration
from envc.model.value import value
from envc.ports import Engine
from envc.reports.rollout import RolloutReport, State
from envc.sites.place import find_site
from envc.sites.site import Site, load_site
from envc.target.locked import closures_of


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


@value
class _Order:
    """What is rolled out, and how."""

    site: Site
    closures: dict[str, Digest]
    options: RolloutOptions
    freight: Freight
    statement: Statement | None = None


def _signed(order: _Order, context: Context) -> _Order:
    """The same with a wanted state that is signed, and proved to every node."""
    from envc.fleet.statement import make_statement, proof_of, signer_of

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
    """One roll-out: its steps, in order."""

    def __init__(self, order: _Order, engine: Engine, heard: Heard) -> None:
        self._site = order.site
        self._closures = order.closures
        self._options = order.options
        self._freight = order.freight
        self._statement = order.statement
        self._engine = engine
        self._ledger = Ledger(order.options, order.closures, heard)
        self._shared_anew = False

    def carry_out(self, nodes: Sequence[str]) -> str:
        """Take all steps; why it stopped, "" where it did not."""
        self._ledger.open(nodes)
        canaries, others = nodes[: self._options.canary], nodes[self._options.canary :]
        self._prepare(canaries, looked_at=others if canaries else ())
        self._switch(self._ledger.those(canaries, "ready"))
        bad = self._ledger.those(canaries, "failed")
        if bad and others:
            return f"the canary failed: {fold(bad)}"
        self._prepare(others)
        if self._ledger.too_many():
            return self._ledger.too_many()
        self._write_wanted()
        ready = self._ledger.those(nodes, "ready")
        size = self._options.batch or max(1, len(ready))
        for start in range(0, len(ready), size):
            self._switch(ready[start : start + size])
            if self._ledger.too_many():
                return self._ledger.too_many()
        if self._ledger.unnoted:
            self._switch(())
        return ""

    def report(self, stopped: str) -> RolloutReport:
        """How it ended."""
        sets: dict[State, list[str]] = defaultdict(list)
        for node, state in self._ledger.nodes.items():
            sets[state.state].append(node)
        return RolloutReport(
            ok=all(state.state in DONE for state in self._ledger.nodes.values()),
            engine=self._engine.name,
            target=self._options.target,
            parcel=self._freight.parcel,
            closures=self._closures,
            state=self._options.state,
            stopped=stopped,
            sets={state: fold(nodes) for state, nodes in sorted(sets.items())},
            nodes=self._ledger.nodes,
            seconds=self._ledger.seconds(),
        )

    def _prepare(self, nodes: Sequence[str], *, looked_at: Sequence[str] = ()) -> None:
        """Have nodes prepare; bring what they lack; ask again those that may succeed then.

        Others are `looked_at` along with them.
        """
        asked, others = self._ledger.to_prepare(nodes), tuple(looked_at)
        while asked or others:
            commands = {node: self._prepare_command(node) for node in asked}
            looks = {node: self._look_command(node) for node in others}
            self._run(commands | looks)
            # A kit comes before the envc in it can tell that it lacks the parcel.
            while lacks := self._ledger.lacking():
                self._run({node: self._prepare_command(node) for node in self._bring(lacks)})
            asked, others = self._ledger.again(asked), ()

    def _prepare_command(self, node: str) -> list[str]:
        return self._freight.prepare_command(
            self._options.target_of(node), self._options.state_of(node)
        )

    def _look_command(self, node: str) -> list[str]:
        return self._freight.look_command(
            self._options.target_of(node), self._options.state_of(node)
        )

    def _switch(self, nodes: Sequence[str]) -> None:
        """Switch these nodes to what they have prepared, and the unnoted ones with them."""
        asked = (*nodes, *sorted(self._ledger.unnoted - set(nodes)))
        commands = {node: self._switch_command(node) for node in asked}
        self._ledger.unnoted.clear()
        self._run(commands)

    def _switch_command(self, node: str) -> list[str]:
        words = ["--digest", self._ledger.nodes[node].digest or ""]
        words += ["--operator", f"{getuser()}@{os.uname().nodename}"]
        if self._options.state is None and self._statement is None:
            from envc.formats.wanted import wanted_to_json

            brought = next_wanted(
                None, self._site.spec.name, self._wanted(), kit=self._freight.kit.digest, keep=1
            )
            words += ["--wanted", b64encode(wanted_to_json(brought)).decode()]
        return self._freight.switch_command(
            self._options.target_of(node), self._options.state_of(node), words
        )

    def _run(self, commands: dict[str, list[str]]) -> None:
        self._ledger.asking(commands)
        if commands:
            self._engine.run(commands, self._options.limits, self._ledger.hear)

    def _bring(self, lacks: Mapping[str, set[str]]) -> tuple[str, ...]:
        """Bring what nodes lack; those that are to be asked again."""
        state = self._options.state
        if state is not None and not self._shared_anew:
            share(self._freight, state, anew=True)
            self._shared_anew = True
            return tuple(lacks)
        if state is not None:
            for node in lacks:
                what = f"it does not see what was put into {state}"
                self._ledger.fail(
                    node, what, "make that folder visible on every node, or leave --state"
                )
            return ()
        self._ledger.sent(lacks)
        limits, again = self._options.limits, set(lacks)

        def written(answer: NodeAnswer) -> None:
            if answer.outcome != "ended" or answer.status != 0:
                again.discard(answer.node)
                self._ledger.refused(answer)

        folders = {
            node: ["mkdir", "-p", *self._freight.folders(self._options.state_of(node))]
            for node in lacks
        }
        self._engine.run(folders, limits, written)
        for name in self._freight.names:
            places = {
                node: self._freight.place(name, self._options.state_of(node))
                for node in sorted(again)
                if name in self._freight.to_bring(lacks[node])
            }
            if places:
                self._engine.copy(self._freight.file(name), places, limits, written)
        return tuple(node for node in lacks if node in again)

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
            each.state in {"ready", *DONE} for each in self._ledger.nodes.values()
        ):
            return
        if self._statement is not None:
            from envc.fleet.statement import publish_statement

            publish_statement(state, self._statement)
            return
        kit, keep = self._freight.kit.digest, self._freight.keep
        if is_wanted(state, self._wanted(), kit=kit, keep=keep):
            return
        from envc.fleet.prune import prune_state
        from envc.fleet.trust import read_statement

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
