"""`requirements.txt` with hashes, as pip reads it; written only.

Source: https://pip.pypa.io/en/stable/reference/requirements-file-format/
"""

from collections.abc import Iterable, Iterator
from urllib.parse import quote

from envc.model.digest import hex_of
from envc.model.lock import Lock, LockedPin

_HEAD = "# Written by `envc export` from the locks. Install it with `pip install -r` this file.\n"


def requirements_to_text(lock: Lock) -> bytes:
    """The lock's pins, each with the hashes of its wheels, in order of project.

    A wheel that stands in a folder is named by its place, an editable project by its own; for pip
    no line may lack hashes when one has them, so those of editable projects come in a comment.
    """
    lines = [_HEAD, *_indexes(lock.pins)]
    lines += (line for pin in lock.pins for line in _pin(pin))
    return "".join(lines).encode()


def _indexes(pins: Iterable[LockedPin]) -> Iterator[str]:
    urls = list(dict.fromkeys(pin.index for pin in pins if pin.index is not None))
    yield from (
        f"--{'index-url' if number == 0 else 'extra-index-url'} {url}\n"
        for number, url in enumerate(urls)
    )


def _pin(pin: LockedPin) -> Iterator[str]:
    if pin.directory is not None:
        yield f"# {pin.project} {pin.version}, edited where it stands; pip takes no hash of it:\n"
        yield f"# -e {pin.directory}\n"
        return
    marker = f" ; {pin.marker}" if pin.marker is not None else ""
    local = [wheel for wheel in pin.wheels if wheel.path is not None]
    if local and len(pin.wheels) == 1:
        yield f"{pin.project} @ file://{quote(local[0].path or '')}{marker}"
    else:
        yield f"{pin.project}=={pin.version}{marker}"
    for wheel in pin.wheels:
        yield f" \\\n    --hash=sha256:{hex_of(wheel.digest)}"
    yield "\n"
