"""What an index said of a wheel, before anybody had it, held against what the wheel says itself."""

from collections.abc import Callable

from envc.disk.cache import Cache
from envc.errors import Fault
from envc.index.reader import kept_metadata
from envc.model.wheel import WheelFacts


def broken_promises(cache: str) -> Callable[[WheelFacts], Fault | None]:
    """Tells of a wheel in what it is not what was kept of it when something was locked."""
    kept = kept_metadata(Cache(cache))

    def judge(wheel: WheelFacts) -> Fault | None:
        said = kept.read(kept.key(wheel.digest))
        if said is None:
            return None
        own = _lines(wheel.requires, wheel.requires_python)
        told = _lines(said.requires, said.requires_python)
        if own == told:
            return None
        return Fault(
            "its metadata is not what an index gave as such, and what locks were made from: the "
            f"index said {_listed(told - own)}, the wheel says {_listed(own - told)}",
            where=wheel.filename,
            mend=f"do not use it: exclude {wheel.project} {wheel.version}, and tell who runs the "
            "index; when that is right, run `envc cache clean`, and lock again",
        )

    return judge


def _lines(requires: tuple[str, ...], python: str | None) -> frozenset[str]:
    """What decides a lock, one line each, however it was folded."""
    lines = {" ".join(f"Requires-Dist: {line}".split()) for line in requires}
    if python is not None and python.strip():
        lines.add(f"Requires-Python: {python.strip()}")
    return frozenset(lines)


def _listed(lines: frozenset[str]) -> str:
    return ", ".join(map(repr, sorted(lines)[:3])) or "nothing such"
