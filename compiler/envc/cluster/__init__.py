"""Engines: existing programs that run a command on many nodes, behind `ports.Engine`."""

from envc.ports import Engine

ENGINES = ("local", "clustershell", "slurm")


def engine_of(name: str, *, become: bool = False) -> Engine:
    """The engine of that name, one of `ENGINES`; each is imported when it is asked for.

    With `become`, commands become root's on the nodes, by sudo.

    Raises:
        OutsideError: what it needs is not installed here.
    """
    if become:
        from envc.cluster.become import BecomingRoot

        return BecomingRoot(engine_of(name))
    if name == "local":
        from envc.cluster.processes import LocalEngine

        return LocalEngine()
    if name == "slurm":
        from envc.cluster.slurm import SlurmEngine

        return SlurmEngine()
    from envc.cluster.clustershell import ClusterShellEngine

    return ClusterShellEngine()
