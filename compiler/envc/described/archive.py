"""An image's archive as a tree: every name, and what the description of an environment reads.

root.tar                     one file system
docker save, an OCI layout   layers, the lowest first; `.wh.NAME` takes a name of a lower one away

Nothing is unpacked. Names that leave the image are left out, and said.
"""

import errno
import gzip
import io
import json
import lzma
import os
import platform
import re
import tarfile
from bz2 import BZ2File
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack
from itertools import islice
from typing import IO, Any, cast

from envc.described.image import File, Folder, Image, Link, Node
from envc.described.survey import is_plain
from envc.errors import UsageError
from envc.model.value import value

_MOST_NAMES = 4_000_000
_MOST_KEPT_BYTES = 1 << 29
_MOST_FILE_BYTES = 1 << 27
_MOST_DEPTH = 200
_MOST_LAYERS = 500
_DEEPEST_INDEX = 4
_MOST_NOTES = 20
# A read of tarfile's own: a header of its extensions.
_MOST_AT_ONCE = 1 << 24
_PIECE_BYTES = 1 << 16
_MOST_RATIO = 100
_SMALL_BYTES = 1 << 28
_HEAD_BYTES = 6
_MACHINES = {"x86_64": "amd64", "aarch64": "arm64"}
_WHITEOUT, _OPAQUE = ".wh.", ".wh..wh..opq"
# What the description reads, by name: metadata, start-up files, lists of packages, interpreters.
_KEPT = re.compile(
    r"METADATA|PKG-INFO|RECORD|direct_url\.json|(entry_points|requires|top_level|installed-files)\.txt"
    r"|.*\.(pth|start|egg-link|egg-info)|__editable__.*_finder\.py|pyvenv\.cfg|site\.py|patchlevel\.h"
    r"|rpmdb\.sqlite|python3(\.\d+)?t?|libpython3.*\.so.*|libc\.so\.6|libc-2\..*\.so|ld-musl-.*\.so\.1"
    r"|manifest\.json|index\.json|oci-layout"
)
_KEPT_IN = re.compile(r"(var/lib/dpkg/info/.*\.list|(conda-meta|etc/conda/\w+\.d)/[^/]+)$")
_BLOB = re.compile(r"oci-layout|blobs/\w+/[0-9a-f]+|[^/]+\.(json|tar)|[^/]+/layer\.tar")


class _Kept(File):
    """A file of an archive, with what was kept of it."""

    def __init__(self, content: bytes | None = None) -> None:
        self._content = content

    def read(self, most: int) -> bytes:
        """What it starts with.

        Raises:
            OSError: nobody has kept it.
        """
        if self._content is None:
            raise OSError(errno.ENODATA, "what it holds was not kept")
        return self._content[:most]


_UNKEPT = _Kept()


class _Tree(Folder):
    """A folder of an archive; `hidden` are names of lower layers that it takes away."""

    __slots__ = ("_seconds", "hidden", "is_opaque", "names")

    def __init__(self, seconds: int = 0) -> None:
        self._seconds = seconds
        self.names: dict[str, Node] = {}
        self.hidden: list[str] = []
        self.is_opaque = False

    @property
    def seconds(self) -> int:
        """When it was changed; 0 where the archive does not tell."""
        return self._seconds

    def touch(self, seconds: int) -> None:
        """Take in when it was changed."""
        self._seconds = seconds

    def child(self, name: str) -> Node | None:
        """What stands in it by that name."""
        return self.names.get(name)

    def children(self) -> Iterator[tuple[str, str]]:
        """All names in it, each with what it is."""
        for name, node in self.names.items():
            is_folder = isinstance(node, Folder)
            yield name, "folder" if is_folder else "link" if isinstance(node, Link) else "file"

    def put_over(self, upper: "_Tree") -> None:
        """Lay a higher layer's folder over it."""
        if upper.is_opaque:
            self.names.clear()
        for name in upper.hidden:
            self.names.pop(name, None)
        if upper.seconds:
            self._seconds = upper.seconds
        for name, node in upper.names.items():
            below = self.names.get(name)
            if isinstance(below, _Tree) and isinstance(node, _Tree) and below is not node:
                below.put_over(node)
            else:
                self.names[name] = node


@value
class Archive:
    """An image, and what it tells of its processes: their variables. `notes` were left out."""

    image: Image
    environ: Mapping[str, str]
    notes: tuple[str, ...]


def is_archive(head: bytes) -> bool:
    """Whether a file that starts so may be an archive of an image: 512 bytes of it."""
    return _opener_of(head) is not None or head[257:262] == b"ustar"


def archive_of(path: str) -> Archive:
    """The image in a file, or in the folder of an OCI layout.

    Raises:
        UsageError: it holds none, several, or more than anybody needs.
        OSError: it cannot be read.
    """
    reading = _Reading(path)
    try:
        with ExitStack() as stack:
            if os.path.isdir(path):
                return reading.layered(_blobs_of_folder(path, stack))
            whole = stack.enter_context(open(path, "rb"))
            tar = reading.tar(whole, stack)
            blobs: dict[str, tarfile.TarInfo] = {}
            root = reading.tree(tar, blobs)
            if not {"manifest.json", "oci-layout"} & blobs.keys() or root.child("usr") is not None:
                return Archive(Image(root), {}, tuple(reading.notes))
            places = {name: member.offset for name, member in blobs.items()}
            return reading.layered(_Blobs(Image(root), _opened_in(tar, blobs), places))
    except (tarfile.TarError, EOFError, gzip.BadGzipFile, lzma.LZMAError, ValueError) as error:
        raise UsageError(
            f"this archive cannot be read: {error}", where=path, mend="make it anew"
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
        return json.loads(_content(self.open(name), _MOST_AT_ONCE))

    def _named(self, name: str) -> str:
        return name if name in self._known else self._image.real(name).lstrip("/")


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
        return stack.enter_context(open(f"{path}/{name}", "rb"))

    return _Blobs(Image(_Tree()), opened, known)


class _Reading:
    """One look at an archive: its bounds, and what was left out."""

    def __init__(self, path: str) -> None:
        self._path = path
        self._names = 0
        self._kept_bytes = 0
        self.notes: list[str] = []

    def note(self, text: str) -> None:
        """Say once what is left out."""
        if text not in self.notes and len(self.notes) < _MOST_NOTES:
            self.notes.append(text)

    def refused(self, what: str, mend: str) -> UsageError:
        """An error of this archive."""
        return UsageError(what, where=self._path, mend=mend)

    def tar(self, file: IO[bytes], stack: ExitStack) -> tarfile.TarFile:
        """An archive, whatever it is compressed with."""
        head = file.read(_HEAD_BYTES)
        size = file.seek(0, os.SEEK_END)
        file.seek(0)
        opener = _opener_of(head)
        plain = file if opener is None else stack.enter_context(opener(file))
        most = size if opener is None else _MOST_RATIO * size + _SMALL_BYTES
        bounded = cast("IO[bytes]", _Bounded(plain, most))
        return stack.enter_context(tarfile.open(fileobj=bounded, mode="r:"))

    def layered(self, blobs: _Blobs) -> Archive:
        """The image of a layout: its layers, the lowest first."""
        names, config = self._layers(blobs)
        if len(names) > _MOST_LAYERS:
            raise self.refused(f"it has more than {_MOST_LAYERS} layers", "describe it by --script")
        layers: dict[str, _Tree] = {}
        for name in sorted(set(names), key=blobs.place):  # going back in a compressed file is slow
            with ExitStack() as stack:
                layers[name] = self.tree(self.tar(blobs.open(name), stack), {})
        root = _Tree()
        for name in names:
            root.put_over(layers[name])
        told = blobs.json(config) if config else {}
        inner = told.get("config") if isinstance(told, dict) else None
        lines = (inner or {}).get("Env") if isinstance(inner, dict) else None
        pairs = (line.partition("=") for line in lines or () if isinstance(line, str))
        return Archive(Image(root), {name: text for name, _, text in pairs}, tuple(self.notes))

    def _layers(self, blobs: _Blobs) -> tuple[list[str], str]:
        """The names of an image's layers, and of its configuration."""
        try:
            if blobs.has("manifest.json"):
                (image,) = self._one(blobs.json("manifest.json"))
                return list(map(str, image["Layers"])), str(image["Config"])
            manifest = blobs.json("index.json")
            for _ in range(_DEEPEST_INDEX):
                if "manifests" in manifest:
                    (entry,) = self._one(manifest["manifests"])
                    manifest = blobs.json(_blob(entry))
            return [_blob(each) for each in manifest["layers"]], _blob(manifest["config"])
        except (KeyError, TypeError, AttributeError, RecursionError) as error:
            raise ValueError("its manifest is none") from error

    def _one(self, images: list[dict[str, Any]]) -> list[dict[str, Any]]:
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
            raise self.refused(
                f"it holds {len(images)} images, {len(found)} of them for this machine",
                "save the one that is meant, alone",
            )
        return found

    def tree(self, tar: tarfile.TarFile, blobs: dict[str, tarfile.TarInfo]) -> _Tree:
        """What one archive holds; `blobs` takes in what may be a file of a layout."""
        root = _Tree()
        for member in _members(tar):
            self._names += 1
            if self._names > _MOST_NAMES:
                raise self.refused(
                    f"it has more than {_MOST_NAMES} names", "describe it by --script"
                )
            parts = [part for part in member.name.split("/") if part not in ("", ".")]
            if ".." in parts or len(parts) > _MOST_DEPTH or not is_plain(member.name):
                self.note(
                    f"{member.name[:100]!a}: a name that is no place in the image is left out"
                )
                continue
            if member.isfile() and _BLOB.fullmatch("/".join(parts)):
                blobs["/".join(parts)] = member
            self._put(root, parts, member, tar)
        return root

    def _put(
        self, root: _Tree, parts: list[str], member: tarfile.TarInfo, tar: tarfile.TarFile
    ) -> None:
        seconds = int(member.mtime)
        if not parts:
            root.touch(seconds)
            return
        here = root
        for part in parts[:-1]:
            here = _folder_in(here, part)
        name = parts[-1]
        if name == _OPAQUE:
            here.is_opaque = True
        elif name.startswith(_WHITEOUT):
            here.hidden.append(name.removeprefix(_WHITEOUT))
        elif member.isdir():
            _folder_in(here, name).touch(seconds)
        elif member.issym():
            here.names[name] = Link(member.linkname)
        elif member.islnk():
            here.names[name] = self._linked(root, member)
        else:
            here.names[name] = self._file(parts, member, tar)

    def _file(self, parts: list[str], member: tarfile.TarInfo, tar: tarfile.TarFile) -> File:
        place = "/".join(parts[-5:])
        if not member.isreg() or not (_KEPT.fullmatch(parts[-1]) or _KEPT_IN.search(place)):
            return _UNKEPT
        self._kept_bytes += min(member.size, _MOST_FILE_BYTES)
        if self._kept_bytes > _MOST_KEPT_BYTES:
            self.note(f"{'/'.join(parts)}: not read: there is too much to be read in this image")
            return _UNKEPT
        file = tar.extractfile(member)
        return _Kept(_content(file, _MOST_FILE_BYTES) if file is not None else b"")

    def _linked(self, root: _Tree, member: tarfile.TarInfo) -> File:
        """What a hard link is: the file that it names, of the same archive."""
        node: Node | None = root
        for part in member.linkname.split("/"):
            if part not in ("", "."):
                node = node.child(part) if isinstance(node, _Tree) else None
        if not isinstance(node, File):
            self.note(
                f"{member.name[:100]!a}: what it is a link to is not in the archive before it"
            )
            return _UNKEPT
        return node


def _folder_in(folder: _Tree, name: str) -> _Tree:
    found = folder.names.get(name)
    if not isinstance(found, _Tree):
        found = folder.names[name] = _Tree()
    return found


def _members(tar: tarfile.TarFile) -> Iterator[tarfile.TarInfo]:
    """The members of an archive, each forgotten as soon as it was given.

    Raises:
        ValueError: it was cut off.
    """
    while (member := tar.next()) is not None:
        yield member
        tar.members = []  # type: ignore[attr-defined] # a million of them would fill the memory
    if not cast("_Bounded", tar.fileobj).has_ended():
        raise ValueError("it ends in the middle")


def _content(file: IO[bytes], most: int) -> bytes:
    """What a file starts with, read piece by piece."""
    pieces = iter(lambda: file.read(_PIECE_BYTES), b"")
    return b"".join(islice(pieces, most // _PIECE_BYTES))


def _blob(entry: dict[str, Any]) -> str:
    """The name of a blob that a manifest names by its digest."""
    return "blobs/" + str(entry["digest"]).replace(":", "/")


def _opener_of(head: bytes) -> Callable[[IO[bytes]], IO[bytes]] | None:
    """What reads a compressed file that starts so; None: it is not compressed."""
    if head.startswith(b"\x1f\x8b"):
        return lambda file: cast("IO[bytes]", gzip.GzipFile(fileobj=file))
    if head.startswith(b"\x28\xb5\x2f\xfd"):
        from envc.disk.zstandard import ZstdFile

        return lambda file: cast("IO[bytes]", ZstdFile(file))
    if head.startswith(b"\xfd7zXZ\0"):
        return lambda file: cast("IO[bytes]", lzma.LZMAFile(file))
    return (lambda file: cast("IO[bytes]", BZ2File(file))) if head.startswith(b"BZh") else None


class _Bounded(io.RawIOBase):
    """A file that is read so far and no further, and never much of it at once."""

    def __init__(self, file: IO[bytes], most: int) -> None:
        super().__init__()
        self._file = file
        self._most = most
        self._last = b""

    def readable(self) -> bool:
        """It is."""
        return True

    def seekable(self) -> bool:
        """It is."""
        return True

    def has_ended(self) -> bool:
        """Whether what was read last is the mark of an archive's end."""
        return self._last == bytes(tarfile.BLOCKSIZE)

    def read(self, size: int = -1, /) -> bytes:
        """The next bytes.

        Raises:
            ValueError: there are more than may be.
        """
        if not 0 <= size <= _MOST_AT_ONCE:
            raise ValueError(f"it asks for {size} bytes at once")
        content = self._last = self._file.read(size)
        if self._file.tell() > self._most:
            raise ValueError(f"it unpacks to more than {_MOST_RATIO} times its size")
        return content

    def seek(self, offset: int, whence: int = os.SEEK_SET, /) -> int:
        """Go there."""
        if whence == os.SEEK_SET and offset > self._most:
            raise ValueError(f"it unpacks to more than {_MOST_RATIO} times its size")
        return self._file.seek(offset, whence)

    def tell(self) -> int:
        """Where it is."""
        return self._file.tell()
