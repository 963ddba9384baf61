"""What nodes are to hold, and a roll-out to some of them → what they are to hold then."""

from collections.abc import Collection, Iterator, Sequence

from envc.model.digest import Digest
from envc.model.node_sets import ALL_OTHERS, names_in, set_of
from envc.model.nodes import (
    WantedGeneration,
    WantedGroup,
    WantedGroups,
    WantedState,
)
from envc.model.value import replace

Generations = tuple[WantedGeneration, ...]


def next_wanted(
    before: WantedState | None, site: str, wanted: WantedGeneration, *, kit: Digest, keep: int
) -> WantedState:
    """The state in which `wanted` is to be current, and the newest `keep` are held.

    The one `before`, where nothing changes.
    """
    older = before.generations if before is not None else ()
    after = WantedState(
        site=site,
        serial=before.serial + 1 if before is not None else 1,
        kit=kit,
        generations=_with(_as_known(wanted, older), older, keep),
    )
    if before is not None and replace(after, serial=before.serial) == before:
        return before
    return after


def next_groups(
    before: WantedGroups | None,
    rolled: WantedState,
    nodes: Collection[str],
    *,
    keep: int,
    target: str = "",
) -> WantedGroups:
    """The groups once the generation of `rolled` is to be current on these nodes, in `target`.

    Each of them keeps the newest that it held; who held nothing holds what others of them do. What
    is wanted of other nodes stays; so does what is wanted of nobody in particular (`*`), for who is
    in no group. `before`, where nothing changes.
    """
    older = sorted(before.groups, key=_is_last) if before is not None else []
    known = [generation for group in older for generation in group.generations]
    (generation,) = rolled.generations
    rolled_group = WantedGroup(
        nodes=set_of(nodes),
        since=generation.since,
        generations=(_as_known(generation, known),),
        target=target,
    )
    asked, groups = frozenset(nodes), list[WantedGroup]()
    left = set(asked)
    for group in older:
        groups += _split(group, left, rolled_group, keep=keep)
    if left:
        held = (each.generations for each in groups if not asked.isdisjoint(names_in(each.nodes)))
        generations = next(held, rolled_group.generations)
        groups.append(replace(rolled_group, nodes=set_of(left), generations=generations))
    serial = before.serial if before is not None else 0
    after = WantedGroups(
        site=rolled.site, serial=serial, kit=rolled.kit, groups=tuple(_merged(groups))
    )
    if after == before:
        return before
    # Two more: the one between is that of what an envc without groups reads.
    return replace(after, serial=serial + 2)


def _split(
    group: WantedGroup, left: set[str], rolled: WantedGroup, *, keep: int
) -> Iterator[WantedGroup]:
    """What becomes of a group; its nodes are taken from those that are `left`."""
    is_of_others = _is_last(group)
    members = set(left) if is_of_others else set(names_in(group.nodes))
    asked = members & left
    left -= asked
    if is_of_others:
        yield group
    elif members - asked:
        yield replace(group, nodes=set_of(members - asked))
    if asked:
        generations = _with(rolled.generations[0], group.generations, keep)
        began = group.since if generations == group.generations else rolled.since
        yield replace(rolled, nodes=set_of(asked), since=began, generations=generations)


def _merged(groups: Sequence[WantedGroup]) -> list[WantedGroup]:
    """Groups that hold the same are one; that of all others comes last, and needs no names."""
    merged: list[WantedGroup] = []
    for group in sorted(groups, key=lambda each: not _is_last(each)):
        what = (group.generations, group.target)
        same = next((each for each in merged if (each.generations, each.target) == what), None)
        if same is None:
            merged.append(group)
        elif not _is_last(same):
            nodes = set_of([*names_in(same.nodes), *names_in(group.nodes)])
            merged.remove(same)
            merged.append(replace(same, nodes=nodes, since=max(same.since, group.since)))
    return sorted(merged, key=lambda each: (_is_last(each), each.nodes))


def _is_last(group: WantedGroup) -> bool:
    return group.nodes == ALL_OTHERS


def _as_known(wanted: WantedGeneration, known: Sequence[WantedGeneration]) -> WantedGeneration:
    """The generation, as old as the one with these closures that is known."""
    found = next((each for each in known if each.closures == wanted.closures), None)
    return replace(wanted, since=found.since) if found is not None else wanted


def _with(wanted: WantedGeneration, older: Generations, keep: int) -> Generations:
    kept = [each for each in older if each.closures != wanted.closures]
    return (wanted, *kept)[: max(1, keep)]
