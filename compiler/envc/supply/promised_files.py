"""Whether files are those of which somebody came with hashes."""

import hashlib
from collections.abc import Iterable, Sequence

from envc.disk.digests import bytes_of
from envc.errors import Fault, UntrustedError, shell_word
from envc.lock.arrived import promised_files, unneeded
from envc.model.arrival import ArrivedPin
from envc.model.release import Distribution
from envc.model.resolution import Resolution
from envc.supply.building import Supply
from envc.supply.local_files import MOST_BYTES

_MOST_NAMED = 10
_SHA256 = "sha256:"


def refuse_other_files(
    resolutions: Iterable[Resolution], pins: Iterable[ArrivedPin], supply: Supply, place: str
) -> None:
    """Refuse resolutions of files that the pins' hashes do not have.

    `place` is the file with the pins, "" where they are in none.

    Raises:
        UntrustedError: with every file that is another one.
        OutsideError: a file without a sha256 in its hashes cannot be had.
    """
    found = {
        file.filename: Fault(
            f"{file.filename} of the index is none of the files that {pin.where} has hashes of",
            pin.where,
            _mend(pin, place),
        )
        for file, pin in promised_files(resolutions, pins)
        if not _is_promised(file, pin.hashes, supply)
    }
    if found:
        raise UntrustedError.of([found[name] for name in sorted(found)])


def said_of_unneeded(
    resolutions: Sequence[Resolution], pins: Iterable[ArrivedPin]
) -> tuple[str, ...]:
    """What a person should know of pins that are in no lock now: an extra may be missing."""
    projects = unneeded(resolutions, pins)
    if not projects:
        return ()
    more = f" and {len(projects) - _MOST_NAMED} more" if len(projects) > _MOST_NAMED else ""
    names = f"{', '.join(projects[:_MOST_NAMED])}{more}"
    return (
        f"pinned before, and nothing asks for it now: {names}; name it, or its extra, to have it",
    )


def _mend(pin: ArrivedPin, place: str) -> str:
    if not place:
        return "take the hashes of the file that is meant into it, or remove them"
    return (
        f"find out which file is meant; if it is the index's, remove the hashes of {pin.project} "
        f"from {shell_word(place)}"
    )


def _is_promised(file: Distribution, hashes: tuple[str, ...], supply: Supply) -> bool:
    if any(each.startswith(_SHA256) for each in hashes):
        return file.digest in hashes
    content = bytes_of(supply.source.reader.file(file), MOST_BYTES)
    algorithms = {each.partition(":")[0] for each in hashes} & hashlib.algorithms_available
    return any(
        f"{name}:{hashlib.new(name, content, usedforsecurity=False).hexdigest()}" in hashes
        for name in sorted(algorithms)
    )
