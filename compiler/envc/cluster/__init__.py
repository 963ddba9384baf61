"""Engines: existing programs that run a command on many nodes, behind `ports.Engine`."""

from typing import TYPE_CHECKING

from envc.ports import Engine

if TYPE_CHECKING:
    from envc.model.spec import EngineSpec


def engine_of(name: str, configured: "EngineSpec | None" = None) -> Engine:
    """The engine of that name: a site's own as it is `configured`, else one that envc has.

    Raises:
        OutsideError: what it needs is not installed here.
    """
    if configured is not None:
        from envc.cluster.configured import ConfiguredEngine

        return ConfiguredEngine(name, configured)
    if name == "local":
        from envc.cluster.processes import LocalEngine

        return LocalEngine()
    if name == "slurm":
        from envc.cluster.slurm import SlurmEngine

        return SlurmEngine()
    from envc.cluster.clustershell import ClusterShellEngine

    return ClusterShellEngine()
