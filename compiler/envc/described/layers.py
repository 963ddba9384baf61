"""The image in a file: one archive, or layers of some, the lowest first.

root.tar                     one file system
docker save, an OCI layout   layers; `.wh.NAME` takes a name of a lower one away
"""

import json
import os
import platform
import re
import stat
import tarfile
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from typing import IO, Any, cast

from envc.described.archive import Reading, Tree
from envc.described.image import Image
from envc.described.packed import BROKEN, MOST_AT_ONCE, content_of, tar_in
from envc.errors import UsageError
from envc.model.value import value

_MOST_LAYERS = 500
_DEEPEST_INDEX = 4
_MACHINES = {"x86_64": "amd64", "aarch64": "arm64"}
_LAYOUTS = ("manifest.json", "oci-layout")
_BLOB = re.compile(r"oci-layout|blobs/\w+/[0-9a-f]+|[^/]+\.(json|tar)|[^/]+/layer\.tar")


@value
class Archive:
    """An image, and what it tells of its processes: their variables. `notes` were left out."""

    image: Image
    environ: Mapping[str, str]
    notes: tuple[str, ...]


def archive_of(path: str) -> Archive:
    """The image in a file, or in the folder of an OCI layout.

    Raises:
        UsageError: it holds none, several, or more than anybody needs.
        OSError: it cannot be read.
    """
    try:
        with ExitStack() as stack:
            if os.path.isdir(path):
                return _layered(_blobs_of_folder(path, stack))
            whole = stack.enter_context(open(path, "rb"))
            tar = tar_in(whole, stack)
            reading = Reading()
            blobs: dict[str, tarfile.TarInfo] = {}
            root = reading.tree(tar, lambda name, member: _take_in(blobs, name, member))
            if blobs.keys().isdisjoint(_LAYOUTS) or root.child("usr") is not None:
                return Archive(Image(root), {}, tuple(reading.notes))
            places = {name: member.offset for name, member in blobs.items()}
            return _layered(_Blobs(Image(root), _opened_in(tar, blobs), places))
    except BROKEN as error:
        raise UsageError(
            f"this archive cannot be read: {error}",
            where=path,
            mend="make it anew, of the one image that is meant",
        ) from error


class _Blobs:
    """The files of an image's layout, by name."""

    def __init__(
        self, image: Image, opened: Callable[[str], IO[bytes]], known: Mapping[str, int]
    ) -> None:
        self._image = image
        self._opened = opened
        self._known = known

    def open(self, name: str) -> IO[bytes]:
        """A file; links to another one are followed.

        Raises:
            ValueError: it is not there.
        """
        found = self._named(name)
        if found not in self._known:
            raise ValueError(f"it names {name[:100]!a}, and has it not")
        return self._opened(found)

    def has(self, name: str) -> bool:
        """Whether there is one of that name."""
        return name in self._known

    def place(self, name: str) -> int:
        """Where a file stands among the others."""
        return self._known.get(self._named(name), 0)

    def json(self, name: str) -> Any:
        """What a file says."""
        return json.loads(content_of(self.open(name), MOST_AT_ONCE))

    def _named(self, name: str) -> str:
        return name if name in self._known else self._image.real(name).lstrip("/")


def _take_in(blobs: dict[str, tarfile.TarInfo], name: str, member: tarfile.TarInfo) -> None:
    if _BLOB.fullmatch(name):
        blobs[name] = member


def _opened_in(
    tar: tarfile.TarFile, blobs: Mapping[str, tarfile.TarInfo]
) -> Callable[[str], IO[bytes]]:
    def opened(name: str) -> IO[bytes]:
        return cast("IO[bytes]", tar.extractfile(blobs[name]))

    return opened


def _blobs_of_folder(path: str, stack: ExitStack) -> _Blobs:
    """The files of a layout that is a folder."""
    known = {"index.json": 0, "oci-layout": 0}
    for kind in os.listdir(f"{path}/blobs"):
        known |= {f"blobs/{kind}/{name}": 0 for name in os.listdir(f"{path}/blobs/{kind}")}

    def opened(name: str) -> IO[bytes]:
        file = stack.enter_context(open(f"{path}/{name}", "rb", opener=_open_at_once))  # noqa: SIM115 - the stack closes it
        if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
            raise ValueError(f"{name[:100]!a} is no file")
        return file

    return _Blobs(Image(Tree()), opened, known)


def _layered(blobs: _Blobs) -> Archive:
    """The image of a layout: its layers, the lowest first."""
    names, config = _layers(blobs)
    if len(names) > _MOST_LAYERS:
        raise ValueError(f"it has more than {_MOST_LAYERS} layers")
    reading = Reading()
    layers: dict[str, Tree] = {}
    for name in sorted(set(names), key=blobs.place):  # going back in a compressed file is slow
        with ExitStack() as stack:
            layers[name] = reading.tree(tar_in(blobs.open(name), stack))
    root = Tree()
    for name in names:
        root.put_over(layers[name])
    told = blobs.json(config) if config else {}
    inner = told.get("config") if isinstance(told, dict) else None
    lines = (inner or {}).get("Env") if isinstance(inner, dict) else None
    pairs = (line.partition("=") for line in lines or () if isinstance(line, str))
    return Archive(Image(root), {name: text for name, _, text in pairs}, tuple(reading.notes))


def _layers(blobs: _Blobs) -> tuple[list[str], str]:
    """The names of an image's layers, and of its configuration."""
    try:
        if blobs.has("manifest.json"):
            (image,) = _one(blobs.json("manifest.json"))
            return list(map(str, image["Layers"])), str(image["Config"])
        manifest = blobs.json("index.json")
        for _ in range(_DEEPEST_INDEX):
            if "manifests" in manifest:
                (entry,) = _one(manifest["manifests"])
                manifest = blobs.json(_blob(entry))
        return [_blob(each) for each in manifest["layers"]], _blob(manifest["config"])
    except (KeyError, TypeError, AttributeError, RecursionError) as error:
        raise ValueError("its manifest is none") from error


def _one(images: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The one image that is meant: of several, that for this machine."""
    machine = _MACHINES.get(platform.machine(), platform.machine())
    kinds = [each.get("platform") or {} for each in images]
    own = [
        image
        for image, kind in zip(images, kinds, strict=True)
        if (kind.get("os", "linux"), kind.get("architecture", machine)) == ("linux", machine)
    ]
    found = images if len(images) == 1 else own
    if len(found) != 1:
        raise ValueError(f"it holds {len(images)} images, {len(found)} of them for this machine")
    return found


def _blob(entry: dict[str, Any]) -> str:
    """The name of a blob that a manifest names by its digest."""
    return "blobs/" + str(entry["digest"]).replace(":", "/")


def _open_at_once(path: str, flags: int) -> int:
    return os.open(path, flags | os.O_NONBLOCK)
