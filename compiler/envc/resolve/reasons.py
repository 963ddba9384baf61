"""Who asks for what: a demand as a sentence, and how the release that makes it came in."""

from collections.abc import Iterable

from envc.resolve.demand import Candidate, Demand
from envc.resolve.provider import Provider


def asked_by(provider: Provider, roots: list[Demand], demands: Iterable[Demand]) -> list[Demand]:
    """The lines of this layer's spec that lead to the demands; those that are one come first."""
    direct: list[Demand] = []
    indirect: list[Demand] = []
    for demand in demands:
        if demand.parent is None:
            direct.append(demand)
        elif (chain := _chain(provider, roots, demand.parent)) is not None:
            indirect.append(chain[0])
    return [demand for demand in dict.fromkeys([*direct, *indirect]) if not demand.kept]


def because(provider: Provider, roots: list[Demand], demand: Demand) -> str:
    """One sentence: who asks for what, and for a release, how it came in."""
    if demand.parent is None:
        if demand.kept:
            return f"{origin_of(demand)} keeps {demand.project} available"
        return f"{origin_of(demand)} requires {demand.text}"
    parent = demand.parent
    if demand.broken:
        return f"{parent} cannot be used: {demand.text}"
    said = f"{parent} requires {wanted_by(demand)}"
    if demand.sourced is not None:
        said += f" (so overridden at {origin_of(demand)})"
    chain = _chain(provider, roots, parent)
    if chain is None:
        return said
    root, path = chain
    came = f"{origin_of(root)} {'keeps' if root.kept else 'requires'} {asked_in(root, path[0])}"
    if parent.layer is not None:
        came = f"from layer {parent.layer}: {came}"
    through = "".join(f", which requires {step}" for step in path[1:])
    return f"{said} ({came}{through})"


def asked_in(demand: Demand, pin: Candidate) -> str:
    """What a line of a spec asks for; of a base's line that another pin is kept for, its project.

    The versions in it bind that base alone.
    """
    return demand.text if binds(demand, pin) else demand.key


def binds(demand: Demand, pin: Candidate) -> bool:
    """Whether a pin is one of the versions in a line; of a base's line it need not be."""
    line = demand.sourced if demand.kept else None
    return line is None or line.requirement.specifier.contains(pin.version, prereleases=True)


def wanted_by(demand: Demand) -> str:
    """What a release requires, as its author wrote it."""
    return f"{demand.text} (a line that nobody can read)" if demand.unread else demand.text


def origin_of(demand: Demand) -> str:
    """Where the line of a spec stands that makes a demand."""
    return str(demand.sourced.origin) if demand.sourced is not None else demand.text


def _chain(
    provider: Provider, roots: list[Demand], goal: Candidate
) -> tuple[Demand, list[Candidate]] | None:
    """The shortest way from a root demand to a candidate, over all that the search has seen."""
    known = provider.known()
    by_key: dict[str, list[Candidate]] = {}
    for candidate in known:
        by_key.setdefault(candidate.key, []).append(candidate)
    waiting: list[tuple[Demand, list[Candidate]]] = [
        (root, [candidate])
        for root in roots
        for candidate in by_key.get(root.key, [])
        if root.accepts(candidate.version)
    ]
    seen: set[Candidate] = set()
    for root, path in waiting:
        if path[-1] is goal:
            return root, path
        if path[-1] in seen:
            continue
        seen.add(path[-1])
        for demand in known[path[-1]]:
            waiting += [
                (root, [*path, candidate])
                for candidate in by_key.get(demand.key, [])
                if demand.accepts(candidate.version)
            ]
    return None
