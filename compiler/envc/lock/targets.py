"""Which targets a marker can tell apart, and the marker that names some of them."""

from collections.abc import Sequence

from envc.model.target import Target

# The fewest words first: a marker uses only those that are needed to tell the targets apart.
_TELLING = ("sys_platform", "platform_machine", "python_version", "python_full_version")


def target_groups(targets: Sequence[Target]) -> tuple[tuple[Target, ...], ...]:
    """The targets, in their order, grouped by equal marker environments."""
    groups: dict[tuple[tuple[str, str], ...], list[Target]] = {}
    for target in targets:
        groups.setdefault(tuple(sorted(target.markers.items())), []).append(target)
    return tuple(tuple(group) for group in groups.values())


def marker_for(
    chosen: Sequence[tuple[Target, ...]], groups: Sequence[tuple[Target, ...]]
) -> str | None:
    """The marker that holds on the `chosen` groups and on none of the others; None for all."""
    if len(chosen) == len(groups):
        return None
    words = _telling_words(groups)
    clauses = [
        " and ".join(f"{word} == '{group[0].markers[word]}'" for word in words) for group in chosen
    ]
    if len(clauses) == 1:
        return clauses[0]
    return " or ".join(f"({clause})" if " and " in clause else clause for clause in clauses)


def _telling_words(groups: Sequence[tuple[Target, ...]]) -> list[str]:
    """The first of `_TELLING` that together differ between every two groups."""
    words: list[str] = []
    for word in _TELLING:
        if len({group[0].markers[word] for group in groups}) > 1:
            words.append(word)
        signatures = {tuple(group[0].markers[w] for w in words) for group in groups}
        if len(signatures) == len(groups):
            return words
    return list(_TELLING)
