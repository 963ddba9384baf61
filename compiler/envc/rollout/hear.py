"""What a node answers → what is known of it now. A bad answer is that node's failure alone."""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import replace
from math import isfinite
from typing import Any

from envc.errors import shell_word
from envc.model.digest import Digest
from envc.model.nodes import NOT_ROOT, NOT_ROOT_MEND, Lacks, Refusal, Silence, Unsure
from envc.reports.node import NodeReport
from envc.reports.rollout import NodeState, State
from envc.rollout.ledger import Ledger
from envc.rollout.values import DONE, Asked, Known, Node, Order
from envc.rollout.words import Word

# Beyond this, files are younger or older than they seem: gc would keep or remove the wrong ones.
_CLOCK_SECONDS = 300.0
_MAY_SUCCEED = frozenset({4, 75})
_STEPS: Mapping[Asked, tuple[str, ...]] = {
    "look": ("current",),
    "prepare": ("ready", "current"),
    "bring": (),
    "switch": ("switched", "current"),
}


def begin(order: Order, now_seconds: float) -> Known:
    """What is known before anybody was asked."""
    nodes = {
        node: Node(told=NodeState(node=node, state="waiting", reason="not asked"))
        for node in order.nodes
    }
    return Known(
        order=order, began_seconds=now_seconds, now_seconds=now_seconds, nodes=Ledger(nodes)
    )


def hear(known: Known, node: str, word: Word, now_seconds: float) -> Known:
    """What is known when a node has answered; what nobody waits for changes nothing.

    What was brought has arrived where it ended with status 0.
    """
    asked = known.nodes[node].asked if node in known.nodes else None
    if asked is None:
        return known
    known = replace(known, now_seconds=now_seconds)
    match word:
        case Silence("ended", 0) if asked == "bring":
            known = changed(known, (node,))
        case Unsure() if asked == "look":  # it is asked again when its turn comes
            known = changed(known, (node,))
        case Silence():
            known = _silent(known, node, word, asked)
        case Refusal(fault, status):
            reason = f"{fault.where}: {fault.what}" if fault.where else fault.what
            known = failed(known, node, reason, fault.mend, asked=asked, status=status)
        case Lacks(names) if asked == "prepare":
            known = _lacking(known, node, names)
        case NodeReport() if word.step in _STEPS[asked]:
            known = _standing(known, node, word, asked)
        case _:
            mend = "use one release of envc on this machine and the nodes"
            known = failed(known, node, "its answer is none to what it was asked", mend)
    return known


def failed(
    known: Known, node: str, reason: str, mend: str, *, asked: Asked = "switch", status: int = 1
) -> Known:
    """A node failed. It may be asked again, unless it was to switch, where the `status` says so."""
    may_succeed = status in _MAY_SUCCEED and asked != "switch"
    failures = known.nodes[node].failures + may_succeed
    return _noted(
        known, node, "failed", reason, mend, lacks=(), failures=failures, may_succeed=may_succeed
    )


def _silent(known: Known, node: str, silence: Silence, asked: Asked) -> Known:
    told = f": {silence.told}" if silence.told else ""
    if silence.outcome in {"busy", "drained"}:
        return _noted(known, node, "pending", f"it is {silence.outcome}{told}")
    if silence.outcome == "not root":
        return failed(known, node, f"{NOT_ROOT}{told}", NOT_ROOT_MEND)
    mend = "see its last words; running it again is safe"
    reason = f"it ended with status {silence.status}{told}"
    if silence.outcome == "late":
        return _late(known, node, asked)
    if silence.outcome == "unreachable":
        reason, mend = f"no answer came back{told}", "bring the node back"
    return failed(known, node, reason, mend, asked=asked, status=4)


def _late(known: Known, node: str, asked: Asked) -> Known:
    """A node that took too long; one that others wait for is not asked again."""
    order, failures = known.order, known.nodes[node].failures
    reason, mend = f"no answer within {order.options.limits.timeout_seconds:g} s", "look at it"
    is_waited_for = node in order.canaries and order.has_others
    if asked == "switch" or is_waited_for or failures >= order.options.retries:
        return failed(known, node, reason, mend)
    told = f"{reason}: it is asked again after the others"
    return _noted(known, node, "pending", told, mend, lacks=(), is_late=True, failures=failures + 1)


def _lacking(known: Known, node: str, names: tuple[str, ...]) -> Known:
    told = f"it lacks the {' and the '.join(sorted(set(names)))}"
    sent = known.nodes[node].sent
    if sent > known.order.options.retries:
        return failed(known, node, f"{told}: what was sent did not arrive whole", "run it again")
    is_sent = known.order.options.state is None  # else it is put where all nodes see it
    return _noted(known, node, "waiting", told, lacks=names, sent=sent + is_sent)


def _standing(known: Known, node: str, report: NodeReport, asked: Asked) -> Known:
    """A node that holds what it was asked for, if it does."""
    wrong = _wrong(known, node, report, asked)
    if wrong is not None:
        return failed(known, node, *wrong)
    before = known.nodes[node]
    state: State = "ready"
    if report.step in DONE:
        was_ready = before.told.state == "ready"
        state = "switched" if report.step == "switched" or was_ready else "current"
    options = known.order.options
    # By another name it might find itself in a group of the past. Another release tells none.
    is_nameless = options.state is not None and report.names[:1] not in {(), (node,)}
    is_noted = asked == "switch" or (report.wanted == options.state_of(node) and not is_nameless)
    return _noted(
        known,
        node,
        state,
        machine=report.machine,
        is_unnoted=state == "current" and not is_noted,
        is_nameless=is_nameless,
        told={
            "generation": report.generation,
            "digest": report.digest,
            "built": before.told.built or report.built,
        },
    )


def without_odd(known: Known) -> Known:
    """Nodes fail whose trees are not those that most of their kind have.

    So none can have the others fail. Where as many have another, that of who comes first counts.
    """
    held: dict[str, list[tuple[str, Digest]]] = {}
    for name, node in known.nodes.items():
        if node.told.state in {"ready", *DONE} and node.told.digest is not None:
            held.setdefault(node.machine, []).append((name, node.told.digest))
    for alike in held.values():
        ((most, _),) = Counter(digest for _, digest in alike).most_common(1)
        for name, digest in alike:
            if digest != most:
                known = failed(
                    known,
                    name,
                    f"its tree digest is {digest}, and other nodes of its kind have {most}",
                    f"run `{_verify(known, name)}` there, and check its disk",
                )
    return known


def _verify(known: Known, node: str) -> str:
    return f"envc verify --target {shell_word(known.order.options.target_of(node))}"


def _wrong(known: Known, node: str, report: NodeReport, asked: Asked) -> tuple[str, str] | None:
    """What is wrong with what a node holds, and how to mend it; None: nothing."""
    ahead = report.now_seconds - known.now_seconds
    if not isfinite(ahead) or abs(ahead) > _CLOCK_SECONDS:
        way = "ahead" if ahead > 0 else "behind"
        return (
            f"its clock is {abs(ahead):.0f} s {way}",
            "set the node's clock (is its time service running?), then roll out again",
        )
    if report.closures != known.order.closures or report.digest is None:
        return (
            "it made another closure than the locks describe",
            "use one release of envc on this machine and the nodes",
        )
    if asked == "switch" and report.digest != known.nodes[node].told.digest:
        return (
            f"its tree digest is {report.digest}, and it was to switch to another",
            f"run `{_verify(known, node)}` there, and check its disk",
        )
    return None


def _noted(
    known: Known,
    node: str,
    state: State,
    reason: str = "",
    mend: str = "",
    *,
    told: Mapping[str, Any] | None = None,
    **facts: Any,
) -> Known:
    before = known.nodes[node]
    seconds = round(known.now_seconds - known.began_seconds, 3)
    now = replace(
        before.told, state=state, reason=reason, mend=mend, seconds=seconds, **(told or {})
    )
    return changed(known, (node,), told=now, **facts)


def changed(
    known: Known, nodes: Iterable[str], *, asked: Asked | None = None, **facts: Any
) -> Known:
    """The same, but for these facts of these nodes, and what they are asked now."""
    made = {node: replace(known.nodes[node], asked=asked, **facts) for node in nodes}
    return replace(known, nodes=known.nodes.after(made))
