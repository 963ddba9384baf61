"""What is known → the next command: the first rule that has something to do says it.

No rule remembers where the roll-out is: each finds its part done in what is known.
"""

from collections.abc import Callable, Sequence

from envc.model.nodes import Silence
from envc.model.value import replace
from envc.reports.rollout import State
from envc.rollout.hear import changed, failed, hear, without_odd
from envc.rollout.values import DONE, Ask, Bring, Command, Known, Publish, Share, Stop, Switch

Decision = tuple[Known, Command | None]


def decide(known: Known) -> tuple[Known, Command]:
    """The next command, and what is known once it is given. Who has not answered never will."""
    for node in known.awaited():
        known = hear(known, node, Silence("unreachable"), known.now_seconds)
    known = without_odd(known)
    for rule in RULES:
        known, command = rule(known)
        if command is not None:
            return known, command
    return known, Stop()


def prepare_canaries(known: Known) -> Decision:
    """The canaries prepare; meanwhile all others say whether they have anything to do."""
    order = known.order
    look = () if known.have_looked or not order.canaries else order.others
    return _prepare(replace(known, have_looked=True), order.canaries, look)


def switch_canaries(known: Known) -> Decision:
    """The canaries that are ready are switched, before any other node is touched."""
    return _switch(known, _in(known, known.order.canaries, "ready"), known.order.canaries)


def stop_after_bad_canary(known: Known) -> Decision:
    """Where a canary failed, no other node is touched."""
    bad = _in(known, known.order.canaries, "failed")
    return known, Stop("the canary failed", bad) if bad and known.order.others else None


def prepare_others(known: Known) -> Decision:
    """All others prepare."""
    return _prepare(known, known.order.others)


def stop_after_failures(known: Known) -> Decision:
    """Where more nodes failed than may, or too few are ready, no further one is switched."""
    options, all_nodes = known.order.options, known.order.nodes
    if options.quorum is not None:
        ready, least = len(_in(known, all_nodes, "ready", *DONE)), options.quorum.of(len(all_nodes))
        if ready < least:
            return known, Stop(f"{ready} of {len(all_nodes)} nodes are ready, and {least} must be")
        if options.max_failures is None:
            return known, None
    number, most = len(_in(known, all_nodes, "failed")), options.max_failures or 0
    nodes = "node" if number == 1 else "nodes"
    return known, Stop(f"{number} {nodes} failed, and {most} may") if number > most else None


def publish(known: Known) -> Decision:
    """The shared wanted state names the new generation, if anybody has it."""
    having = _in(known, known.order.nodes, "ready", *DONE)
    state = known.order.options.state
    if known.is_published or state is None or not having:
        return known, None
    return replace(known, is_published=True), Publish(state)


def switch_batch(known: Known) -> Decision:
    """The next of those that are ready are switched."""
    ready = _in(known, known.order.nodes, "ready")
    return _switch(known, ready[: known.order.options.batch or len(ready)], known.order.nodes)


def prepare_late(known: Known) -> Decision:
    """Those that took too long prepare, now that nobody waits for them."""
    late = tuple(name for name, node in known.nodes.items() if node.is_late)
    if not late:
        return known, None
    return changed(known, late, asked="prepare", is_late=False), Ask(late)


RULES: tuple[Callable[[Known], Decision], ...] = (
    prepare_canaries,
    switch_canaries,
    stop_after_bad_canary,
    prepare_others,
    stop_after_failures,
    publish,
    switch_batch,
    prepare_late,
)


def _prepare(known: Known, nodes: Sequence[str], look: Sequence[str] = ()) -> Decision:
    """Bring what some of these nodes lack; then have those prepare that have yet to, or may again.

    A kit comes before the envc in it can tell that it lacks the parcel.
    """
    lacks = {node: known.nodes[node].lacks for node in nodes if known.nodes[node].lacks}
    state = known.order.options.state
    if lacks and state is None:
        return changed(known, lacks, asked="bring", lacks=()), Bring(lacks)
    if lacks and state is not None and not known.is_shared_anew:
        known = changed(known, lacks, lacks=())
        return replace(known, is_shared_anew=True), Share(state)
    for node in lacks:
        what = f"it does not see what was put into {state}"
        mend = "make that folder visible on every node, or leave --state"
        known = failed(known, node, what, mend)
    asked = tuple(node for node in nodes if _is_to_prepare(known, node))
    if not asked and not look:
        return known, None
    known = changed(changed(known, look, asked="look"), asked, asked="prepare")
    return known, Ask(asked, tuple(look))


def _is_to_prepare(known: Known, name: str) -> bool:
    node = known.nodes[name]
    may_again = node.may_succeed and node.failures <= known.order.options.retries
    return node.told.state == "waiting" or (node.told.state == "failed" and may_again)


def _switch(known: Known, ready: Sequence[str], among: Sequence[str]) -> Decision:
    """Switch these nodes, and have the unnoted ones `among` the others note their wanted state."""
    nodes = (*ready, *(node for node in among if known.nodes[node].is_unnoted))
    if not nodes:
        return known, None
    digests = {node: known.nodes[node].told.digest for node in nodes}
    found = {node: digest for node, digest in digests.items() if digest is not None}
    nameless = frozenset(node for node in found if known.nodes[node].is_nameless)
    return changed(known, found, asked="switch", is_unnoted=False), Switch(found, nameless)


def _in(known: Known, nodes: Sequence[str], *states: State) -> tuple[str, ...]:
    return tuple(node for node in nodes if known.nodes[node].told.state in states)
