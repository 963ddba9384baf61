"""The pins that `envc init --from` left for a layer's first lock."""

import os

from envc.disk.digests import bytes_of
from envc.model.arrival import ArrivedPins
from envc.model.names import pins_file_name
from envc.sites.place import shown, unreadable

_MOST_OF_PINS = 4 << 20


def arrived_pins(folder: str, layer: str) -> ArrivedPins | None:
    """What the pins file of a layer says; None: there is none.

    Raises:
        SpecError: with every fault of the file.
    """
    path = f"{folder}/{pins_file_name(layer)}"
    if not os.path.lexists(path):
        return None
    from envc.formats.pins import pins_from_text  # once in a site's life

    try:
        text = bytes_of(path, _MOST_OF_PINS)
    except OSError as error:
        raise unreadable(error, path) from error
    return ArrivedPins(pins_from_text(text, shown(path)), path)
