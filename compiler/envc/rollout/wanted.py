"""The wanted state that a roll-out leaves, from the one that it found."""

from envc.model.digest import Digest
from envc.model.nodes import WantedGeneration, WantedState
from envc.model.value import replace


def next_wanted(
    before: WantedState | None, site: str, wanted: WantedGeneration, *, kit: Digest, keep: int
) -> WantedState:
    """The state in which `wanted` is to be current, and the newest `keep` are held.

    The one `before`, where nothing changes.
    """
    older = before.generations if before is not None else ()
    kept = [generation for generation in older if generation.closures != wanted.closures]
    known = next((each for each in older if each.closures == wanted.closures), None)
    newest = replace(wanted, since=known.since) if known is not None else wanted
    after = WantedState(
        site=site,
        serial=before.serial + 1 if before is not None else 1,
        kit=kit,
        generations=(newest, *kept)[: max(1, keep)],
    )
    if before is not None and replace(after, serial=before.serial) == before:
        return before
    return after
