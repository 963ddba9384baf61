"""What an index said of a wheel, before anybody had it, held against what the wheel says itself."""

from collections.abc import Callable, Iterable

from envc.disk.cache import Cache
from envc.errors import Fault
from envc.index.reader import kept_metadata, key_of_what_is_said
from envc.model.lock import LockedWheel
from envc.model.wheel import WheelFacts


def broken_promises(
    cache: str, wheels: Iterable[LockedWheel]
) -> Callable[[WheelFacts], Fault | None]:
    """Tells of one of these wheels in what it is not what its server said when it was locked."""
    kept = kept_metadata(Cache(cache))
    urls = {wheel.digest: wheel.url for wheel in wheels if wheel.url is not None}

    def judge(wheel: WheelFacts) -> Fault | None:
        url = urls.get(wheel.digest)
        said = kept.read(key_of_what_is_said(kept, wheel.digest, url)) if url is not None else None
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
