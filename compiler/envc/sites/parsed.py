"""Specs and locks that were read before, as values: the same bytes are not parsed a second time.

Parsing a spec takes longer than everything else that a command does with it, most of all the import
of what words its faults. Only what has no fault is kept.
"""

from collections.abc import Callable
from typing import TypeVar

from envc.disk.cache import Cache, CacheFolder
from envc.disk.cache_place import own_cache
from envc.disk.memo import Memo
from envc.errors import EnvcError
from envc.host.machine import machine_of
from envc.model.digest import digest_of
from envc.model.lock import Lock
from envc.model.spec import SiteSpec
from envc.model.target import Machine
from envc.model.value import value

_ROOMS = ("expand", "formats", "model")

Value = TypeVar("Value")
AskMachine = Callable[[str | None], Machine]


@value
class _Expanded:
    """A site's spec, and the machines that it was asked for: each interpreter, and the answer."""

    spec: SiteSpec
    machines: tuple[tuple[str | None, Machine], ...]


def parsed_lock(text: bytes, *place: str, parse: Callable[[], Lock]) -> Lock:
    """What `parse` makes of a lock's bytes; `place` are what it says of where it stands."""
    memo = _memo(Lock)
    key = memo.key(digest_of(text), *place)
    lock = memo.read(key)
    if lock is None:
        lock = parse()
        memo.write(key, lock)
    return lock


def parsed_site(text: bytes, *place: str, parse: Callable[[AskMachine], SiteSpec]) -> SiteSpec:
    """What `parse` makes of a spec's bytes, which may depend on this machine.

    Machines are asked again each time: another interpreter at the same path is another answer.
    """
    memo = _memo(_Expanded)
    key = memo.key(digest_of(text), *place)
    kept = memo.read(key)
    if kept is not None and _still(kept):
        return kept.spec
    machines: dict[str | None, Machine] = {}

    def ask(interpreter: str | None) -> Machine:
        machines[interpreter] = machine_of(interpreter)
        return machines[interpreter]

    spec = parse(ask)
    memo.write(key, _Expanded(spec, tuple(machines.items())))
    return spec


def _memo(kind: type[Value]) -> Memo[Value]:
    return Memo(CacheFolder(Cache(own_cache()), "parsed-v1"), kind, rooms=_ROOMS)


def _still(kept: _Expanded) -> bool:
    try:
        return all(machine_of(interpreter) == machine for interpreter, machine in kept.machines)
    except EnvcError:
        return False
