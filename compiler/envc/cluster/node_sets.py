"""Sets of nodes as ClusterShell and Slurm write them: `n[1-16],gpu[01-04]`, `@compute`."""

from collections.abc import Iterable

from ClusterShell.NodeSet import NodeSet, NodeSetException

from envc.errors import UsageError


def expand(nodes: str) -> tuple[str, ...]:
    """The nodes of a set, in order; groups are looked up where the site has configured them.

    Raises:
        UsageError: it is no set of nodes, has none, or one whose name begins with a hyphen.
    """
    try:
        found = tuple(map(str, NodeSet(nodes)))
    except NodeSetException as error:
        raise UsageError(
            f"{nodes!r} is no set of nodes: {error}", mend="write it like 'n[1-16]' or @group"
        ) from error
    if not found:
        raise UsageError(
            f"{nodes!r} has no nodes", mend="write it like 'n[1-16]', or correct the group"
        )
    options = [node for node in found if node.startswith("-")]
    if options:
        raise UsageError(
            f"{options[0]!r} is no name of a node: ssh and srun would take it for an option",
            mend="write the set like 'n[1-16]', or correct the group",
        )
    return found


def fold(nodes: Iterable[str]) -> str:
    """The shortest way to write these nodes."""
    return str(NodeSet.fromlist(list(nodes)))
