"""A publication as one file, so that what was planned once is not planned again.

A checksum of what follows, a line of JSON, then the paths, one a line: each layer's shared
directories, then of each stored tree the directories that it alone needs, and the files to link.
The JSON says how many there are and how many bytes they take: whoever needs paths splits them.
The file is envc's own, in a store that only its owner writes; it is named by the digest of what it
was planned from.
"""

import json
from binascii import a2b_base64, b2a_base64  # base64 would be one more module to load
from typing import Any
from zlib import crc32

from envc.model.digest import Digest
from envc.model.generation import GenerationWheel
from envc.model.plan import LinkTree, MakeSymlink, PathLines, TreePlan, WriteFile
from envc.model.publication import Publication, PublishedLayer

PUBLICATION_FORMAT = 3
# The checksum, in hexadecimal digits, and a newline.
_CHECKED_FROM = 9


def publication_to_bytes(publication: Publication) -> bytes:
    """The file's bytes."""
    header = {
        "version": PUBLICATION_FORMAT,
        "site": publication.site,
        "python": publication.python,
        "interpreter": publication.interpreter,
        "core": publication.core,
        "policy": publication.policy.decode(),
        "settings": publication.settings.decode(),
        "on_files": publication.on_files,
        "specs": [[name, _text(content)] for name, content in publication.specs],
        "layers": [_layer(layer) for layer in publication.layers],
    }
    parts = [json.dumps(header).encode()]
    for layer in publication.layers:
        parts.append(PathLines.of(layer.plan.directories).text)
        for link in layer.plan.links:
            parts += [link.directories.text, link.paths.text]
    content = b"".join(part + b"\n" for part in parts if part)
    return b"%08x\n" % crc32(content) + content


def publication_from_bytes(content: bytes) -> Publication | None:
    """The publication that a file holds; None for one that another envc wrote, or a torn one.

    What is planned is carried out without a further look, so one wrong bit is too many.
    """
    if content[:_CHECKED_FROM] != b"%08x\n" % crc32(memoryview(content)[_CHECKED_FROM:]):
        return None
    body = _Body(content, _CHECKED_FROM)
    try:
        header: dict[str, Any] = json.loads(body.line())
        if header["version"] != PUBLICATION_FORMAT:
            return None
        layers = tuple(_read_layer(layer, body) for layer in header["layers"])
    except (ValueError, KeyError, TypeError):
        return None
    if body.position != len(content):
        return None
    return Publication(
        site=header["site"],
        python=header["python"],
        interpreter=header["interpreter"],
        core=header.get("core"),  # none before envc could carry one
        policy=header.get("policy", "").encode(),  # nor had a target a policy file
        settings=header.get("settings", "{}").encode(),
        on_files=header.get("on_files", True),
        layers=layers,
        specs=tuple((name, a2b_base64(text)) for name, text in header["specs"]),
    )


class _Body:
    """The file's text, read part by part; each part but an empty one ends with a newline."""

    def __init__(self, content: bytes, position: int) -> None:
        self.content = content
        self.position = position

    def line(self) -> bytes:
        start = self.position
        self.position = self.content.index(b"\n", start) + 1
        return self.content[start : self.position]

    def paths(self, count: int, size_bytes: int) -> PathLines:
        start = self.position
        if count:
            self.position += size_bytes + 1
        return PathLines(count, self.content[start : start + size_bytes])


def _text(content: bytes) -> str:
    return b2a_base64(content, newline=False).decode()


def _layer(layer: PublishedLayer) -> dict[str, Any]:
    plan = layer.plan
    return {
        "layer": plan.layer,
        "digest": plan.digest,
        "lock": layer.lock,
        "closure": layer.closure,
        "wheels": [[wheel.project, wheel.version, wheel.store_id] for wheel in layer.wheels],
        "runtime": layer.runtime,
        "directories": _size(PathLines.of(plan.directories)),
        "links": [
            [link.store_id, link.folder.decode(), *_size(link.directories), *_size(link.paths)]
            for link in plan.links
        ],
        "files": [[file.path, file.mode, _text(file.content)] for file in plan.files],
        "symlinks": [[symlink.path, symlink.destination] for symlink in plan.symlinks],
    }


def _size(paths: PathLines) -> tuple[int, int]:
    return paths.length, len(paths.text)


def _read_layer(layer: dict[str, Any], body: _Body) -> PublishedLayer:
    plan = TreePlan(
        layer=layer["layer"],
        digest=Digest(layer["digest"]),
        directories=tuple(body.paths(*layer["directories"]).split()),
        links=tuple(
            LinkTree(
                store_id,
                folder.encode(),
                body.paths(directories, their_size),
                body.paths(paths, size),
            )
            for store_id, folder, directories, their_size, paths, size in layer["links"]
        ),
        files=tuple(WriteFile(path, a2b_base64(text), mode) for path, mode, text in layer["files"]),
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
