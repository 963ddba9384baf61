"""Resolutions by what an index says of its files → resolutions by what the files are.

Where an index gives no sha256, a file is fetched and the sha256 that it has is locked; what the
present lock has of the same URL stays, so that no file is replaced unseen.
"""

from collections.abc import Iterator

from packaging.utils import NormalizedName

from envc.model.lock import Lock
from envc.model.release import Distribution
from envc.model.resolution import Pin, Resolution
from envc.model.value import replace, value
from envc.supply.building import Supply


@value
class SeenFiles:
    """Resolutions of which each file has a digest, and the names of the files that were hashed."""

    resolutions: list[Resolution]
    hashed: tuple[str, ...]


def with_seen_files(
    resolutions: list[Resolution],
    supply: Supply,
    *,
    present: Lock | None,
    moving: frozenset[NormalizedName] | None,
) -> SeenFiles:
    """The resolutions, the layer's own files with the digests and sizes that they have.

    `moving` are the projects that may move from the `present` lock, None: all.

    Raises:
        OutsideError: a file without a digest cannot be had.
        UntrustedError: it is not the one that the index, or the present lock, promises.
    """
    stays = () if present is None or moving is None else present.pins
    known = {
        wheel.url: wheel.digest
        for pin in stays
        if pin.project not in (moving or ())
        for wheel in pin.wheels
    }
    hashed: dict[str, None] = {}

    def seen(file: Distribution) -> Distribution:
        if file.digest is None and file.url in known:
            file = replace(file, digest=known[file.url])
        elif file.digest is None:
            hashed[file.filename] = None
        return supply.source.reader.as_seen(file)

    def pins(resolution: Resolution) -> Iterator[Pin]:
        for pin in resolution.pins:
            own = pin.layer is None
            yield replace(pin, distributions=tuple(map(seen, pin.distributions))) if own else pin

    found = [replace(each, pins=tuple(pins(each))) for each in resolutions]
    return SeenFiles(found, tuple(hashed))


def note_of(hashed: tuple[str, ...]) -> tuple[str, ...]:
    """What a person should know of files that no index vouches for."""
    if not hashed:
        return ()
    names = ", ".join(sorted(hashed))
    return (f"no index gives a sha256 of {names}: the lock has what was downloaded now",)
