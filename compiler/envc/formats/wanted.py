"""`wanted.json`: the generations that every node of a site must hold (format 1).

STATE/wanted.json
STATE/parcels/<hex>.json     the site's spec and locks, by digest
STATE/kits/<hex>.zip         envc itself, by digest
STATE/cores/<hex>.tar.gz     an interpreter that a site carries, by digest
STATE/boot.py                starts envc from a kit, and refuses one that is not what it should be
"""

import re
from collections.abc import Iterator

from envc.formats.record_file import RecordFile
from envc.model.digest import Digest, is_digest
from envc.model.nodes import WANTED_FORMAT, WantedState

# Of a layer, and of a spec or lock: no path.
LAYER_NAME = r"^[a-z0-9][a-z0-9_-]*$"

_FILE = RecordFile(
    kind=WantedState,
    name="wanted state",
    number=WANTED_FORMAT,
    mend="run `envc rollout` again, or correct the path",
    layout={"indent": 1, "sort_keys": True},
)
wanted_to_json = _FILE.to_json


def wanted_from_json(text: bytes, file: str) -> WantedState:
    """The state that a file holds; it has a generation, and layers that are called as layers are.

    Raises:
        SpecError: it is newer than this envc, or no wanted state.
    """
    wanted = _FILE.from_json(text, file)
    if not wanted.generations:
        raise _FILE.refused("it has no generation", file, "generations")
    layers = [layer for generation in wanted.generations for layer in generation.closures]
    if not all(re.fullmatch(LAYER_NAME, layer) for layer in layers):
        raise _FILE.refused("one of its layers has no name of a layer", file, "generations")
    if not all(map(is_digest, _digests(wanted))):
        raise _FILE.refused("one of its digests is no sha256 digest", file)
    return wanted


def _digests(wanted: WantedState) -> Iterator[Digest]:
    yield wanted.kit
    for generation in wanted.generations:
        yield generation.parcel
        yield from generation.closures.values()
        if generation.core is not None:
            yield generation.core
