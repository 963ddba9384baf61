"""A publication as one file, so that what was planned once is not planned again.

A checksum of what follows, a line of JSON, then the paths, one a line: each layer's shared
directories, then of each stored tree the directories that it alone needs, and the files to link.
The file is envc's own, in a store that only its owner writes; it is named by the digest of what it
was planned from.
"""

import json
from base64 import b64decode, b64encode
from typing import Any
from zlib import crc32

from envc.model.digest import Digest
from envc.model.generation import GenerationWheel
from envc.model.plan import LinkTree, MakeSymlink, TreePlan, WriteFile
from envc.model.publication import Publication, PublishedLayer

PUBLICATION_FORMAT = 2


def publication_to_bytes(publication: Publication) -> bytes:
    """The file's bytes."""
    header = {
        "version": PUBLICATION_FORMAT,
        "site": publication.site,
        "python": publication.python,
        "interpreter": publication.interpreter,
        "specs": [[name, _text(content)] for name, content in publication.specs],
        "layers": [_layer(layer) for layer in publication.layers],
    }
    parts = [json.dumps(header).encode()]
    for layer in publication.layers:
        parts += layer.plan.directories
        for link in layer.plan.links:
            parts += link.directories
            parts += link.paths
    content = b"\n".join(parts)
    return b"%08x\n" % crc32(content) + content


def publication_from_bytes(content: bytes) -> Publication | None:
    """The publication that a file holds; None for one that another envc wrote, or a torn one.

    What is planned is carried out without a further look, so one wrong bit is too many.
    """
    checksum, _, whole = content.partition(b"\n")
    if checksum != b"%08x" % crc32(whole):
        return None
    first, *lines = whole.split(b"\n")
    try:
        header: dict[str, Any] = json.loads(first)
        if header["version"] != PUBLICATION_FORMAT:
            return None
        reader = _Lines(lines)
        layers = tuple(_read_layer(layer, reader) for layer in header["layers"])
    except (ValueError, KeyError, TypeError, IndexError):
        return None
    if reader.position != len(lines):
        return None
    return Publication(
        site=header["site"],
        python=header["python"],
        interpreter=header["interpreter"],
        layers=layers,
        specs=tuple((name, b64decode(text)) for name, text in header["specs"]),
    )


class _Lines:
    def __init__(self, lines: list[bytes]) -> None:
        self.lines = lines
        self.position = 0

    def take(self, count: int) -> tuple[bytes, ...]:
        start = self.position
        self.position += count
        if self.position > len(self.lines):
            raise IndexError("the file is torn")
        return tuple(self.lines[start : self.position])


def _text(content: bytes) -> str:
    return b64encode(content).decode()


def _layer(layer: PublishedLayer) -> dict[str, Any]:
    plan = layer.plan
    return {
        "layer": plan.layer,
        "digest": plan.digest,
        "lock": layer.lock,
        "closure": layer.closure,
        "wheels": [[wheel.project, wheel.version, wheel.store_id] for wheel in layer.wheels],
        "runtime": layer.runtime,
        "directories": len(plan.directories),
        "links": [[link.store_id, len(link.directories), len(link.paths)] for link in plan.links],
        "files": [[file.path, file.mode, _text(file.content)] for file in plan.files],
        "symlinks": [[symlink.path, symlink.destination] for symlink in plan.symlinks],
    }


def _read_layer(layer: dict[str, Any], reader: _Lines) -> PublishedLayer:
    plan = TreePlan(
        layer=layer["layer"],
        digest=Digest(layer["digest"]),
        directories=reader.take(layer["directories"]),
        links=tuple(
            LinkTree(store_id, reader.take(directories), reader.take(paths))
            for store_id, directories, paths in layer["links"]
        ),
        files=tuple(WriteFile(path, b64decode(text), mode) for path, mode, text in layer["files"]),
        symlinks=tuple(MakeSymlink(path, destination) for path, destination in layer["symlinks"]),
    )
    return PublishedLayer(
        plan=plan,
        lock=Digest(layer["lock"]),
        closure=Digest(layer["closure"]),
        wheels=tuple(
            GenerationWheel(project=project, version=version, store_id=store_id)
            for project, version, store_id in layer["wheels"]
        ),
        runtime=layer["runtime"],
    )
