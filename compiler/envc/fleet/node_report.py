"""What a node says of itself, to a roll-out and to `envc status`."""

import os
import time
from contextlib import suppress

from envc import __version__
from envc.disk.durable import doing
from envc.errors import EnvcError, OutsideError
from envc.fleet.names import names_of_node
from envc.host.machine import machine_of
from envc.host.space import Room, room_of_disk
from envc.model.generation import Generation
from envc.reports.generations import CollectReport
from envc.reports.node import NodeReport
from envc.target.directory import Directory
from envc.target.leases import use_of
from envc.target.opened import read_location


def node_report(
    directory: Directory,
    step: str,
    *,
    generation: Generation | None = None,
    built: bool = False,
    drift: int | None = None,
    collected: CollectReport | None = None,
) -> NodeReport:
    """What is true of a node now that a step is done.

    Raises:
        OutsideError, SpecError: the target's records cannot be read.
    """
    current = directory.current()
    told = generation or current
    location = read_location(directory.path)
    room = Room("", None, None)
    with suppress(OutsideError):
        room = room_of_disk(directory.path)
    with doing("ask which generations are in use", directory.path):
        in_use = tuple(sorted(use_of(directory).in_use))
    return NodeReport(
        step=step,
        status=0,
        target=directory.path,
        generation=told.generation if told else None,
        digest=told.digest if told else None,
        closures={name: layer.closure for name, layer in told.layers.items()} if told else {},
        built=built,
        current=current.generation if current else None,
        in_use=in_use,
        drift=drift,
        wanted=location.wanted if location else None,
        machine=_machine(told.interpreter) if told else "",
        envc=__version__,
        now_seconds=time.time(),
        free_bytes=room.size_bytes,
        free_files=room.files,
        collected=collected,
        names=names_of_node(directory),
    )


def node_failure(
    target: str, step: str, *, error: EnvcError | None = None, lacks: tuple[str, ...] = ()
) -> NodeReport:
    """What a node says where a step could not be taken."""
    return NodeReport(
        step=step,
        status=error.status if error is not None else os.EX_TEMPFAIL,
        target=target,
        generation=None,
        digest=None,
        closures={},
        built=False,
        current=None,
        drift=None,
        wanted=None,
        machine="",
        envc=__version__,
        now_seconds=time.time(),
        lacks=lacks,
        faults=error.faults if error is not None else (),
    )


def _machine(interpreter: str) -> str:
    """The kind of machine: nodes of one kind have the same tree digests."""
    try:
        machine = machine_of(interpreter)
    except EnvcError:
        return f"{interpreter} does not run"
    return f"{machine.platform} {machine.libc} {machine.interpreter} {machine.python_full}"
