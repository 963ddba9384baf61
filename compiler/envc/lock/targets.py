"""Which targets a marker can tell apart, and the marker that names some of them."""

from collections.abc import Sequence

from packaging.version import Version

from envc.model.target import Target

_SYSTEMS = ("linux", "macos", "windows")

# The fewest words first: a marker uses only those that are needed to tell the targets apart.
_TELLING = ("sys_platform", "platform_machine", "python_version", "python_full_version")


def target_groups(targets: Sequence[Target]) -> tuple[tuple[Target, ...], ...]:
    """The targets grouped by equal marker environments, in the order in which they are resolved.

    What is found for one group is preferred for the next. So that a spec's order does not count:
    the machines of a cluster come first, then what people have on their desks, older Pythons
    before newer ones, and equals by name.
    """
    groups: dict[tuple[tuple[str, str], ...], list[Target]] = {}
    for target in sorted(targets, key=_turn):
        groups.setdefault(tuple(sorted(target.markers.items())), []).append(target)
    return tuple(tuple(group) for group in groups.values())


def _turn(target: Target) -> tuple[int, bool, str, Version, str]:
    system, _, machine = target.platform.partition("-")
    place = _SYSTEMS.index(system) if system in _SYSTEMS else len(_SYSTEMS)
    return (place, machine != "x86_64", machine, Version(target.version), target.name)


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
