"""Engines: existing programs that run a command on many nodes, behind `ports.Engine`."""

from envc.cluster.engines import ENGINES, engine_of

__all__ = ["ENGINES", "engine_of"]
