"""`envc node`: one step on this node, and what is true afterwards."""

from base64 import b64decode
from dataclasses import dataclass

from envc.errors import EnvcError, UsageError
from envc.formats.wanted import wanted_from_json
from envc.materialize.directory import Directory
from envc.model.digest import Digest
from envc.pipeline.nodes.report import NodeReport, node_failure, node_report
from envc.pipeline.sites.context import Context
from envc.pipeline.targets.bundled import bundle_digest
from envc.pipeline.targets.prepare import prepare_parcel, remember_state, switch_to
from envc.pipeline.targets.verify import verify
from envc.pipeline.targets.wanted import (
    bundle_path,
    is_whole,
    next_wanted,
    parcel_path,
    read_wanted,
    write_wanted,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class PrepareOrder:
    """What to prepare, by its parcel, from a folder of wheels or from a bundle that was brought."""

    state: str
    parcel: Digest
    source: str | None = None
    bundle: Digest | None = None


def prepare_step(directory: Directory, order: PrepareOrder, context: Context) -> NodeReport:
    """The generation that a parcel describes is built, verified and ready, or `current` already.

    Raises:
        UsageError, UntrustedError, OutsideError: as for `prepare_parcel`.
    """
    lacks: list[str] = []
    if not is_whole(parcel_path(order.state, order.parcel), order.parcel):
        lacks.append("parcel")
    source = order.source
    if order.bundle is not None:
        source = bundle_path(order.state, order.bundle)
        if not _is_bundle(source, order.bundle):
            lacks.append("bundle")
    if lacks:
        return node_failure(directory.path, "prepare", lacks=tuple(lacks))
    done = prepare_parcel(directory, order.state, order.parcel, source, context)
    step = "current" if done.current else "ready"
    return node_report(directory, step, generation=done.generation, built=done.built)


def _is_bundle(path: str, digest: Digest) -> bool:
    """Whether a bundle is there as a whole; each of its entries is verified when it is read."""
    try:
        return bundle_digest(path) == digest
    except EnvcError:
        return False


@dataclass(frozen=True, slots=True, kw_only=True)
class SwitchOrder:
    """What to switch to, and where the wanted state is.

    Where nodes share no folder for it, `wanted` (Base64) brings a state with the one generation
    that is to be current, and the node keeps the newest `keep` of those that it has heard of.
    `operator` is who asked for it.
    """

    state: str
    digest: Digest
    wanted: str | None = None
    keep: int = 1
    operator: str | None = None


def switch_step(directory: Directory, order: SwitchOrder) -> NodeReport:
    """`current` is the generation asked for, and the node knows where its wanted state is.

    Raises:
        AnswerIsNo: that generation is not prepared here.
        OutsideError: the disk refused; `current` is as it was.
    """
    if order.wanted is not None:
        _merge(order.state, order.wanted, order.keep)
    generation, changed = switch_to(
        directory, order.digest, event="rollout", operator=order.operator
    )
    remember_state(directory, order.state)
    return node_report(directory, "switched" if changed else "current", generation=generation)


def _merge(state: str, encoded: str, keep: int) -> None:
    try:
        text = b64decode(encoded, validate=True)
    except ValueError as error:
        raise UsageError(
            f"the wanted state is not Base64: {error}", mend="run `envc rollout` again"
        ) from error
    brought = wanted_from_json(text, "--wanted")
    before = read_wanted(state)
    merged = next_wanted(before, brought.site, brought.generations[0], kit=brought.kit, keep=keep)
    if before is None or merged.generations != before.generations or merged.kit != before.kit:
        write_wanted(state, merged)


def status_step(directory: Directory, *, drift: bool) -> NodeReport:
    """What the node runs; with `drift` every byte of it is compared with what was published.

    Raises:
        OutsideError, SpecError: the target's records cannot be read.
    """
    if directory.current_number() is None:
        return node_report(directory, "absent")
    problems = len(verify(directory.path).problems) if drift else None
    return node_report(directory, "present", drift=problems)
