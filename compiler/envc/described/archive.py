"""An archive as a tree: every name in it, and what the description of an environment reads.

Nothing is unpacked. Names that leave the image are left out, and said.
"""

import errno
import re
import tarfile
from collections.abc import Callable, Iterator

from envc.described.image import File, Folder, Link, Node
from envc.described.packed import content_of, members_of
from envc.described.survey import JOINING, MOST_TEXT_BYTES, is_plain

_MOST_NAMES = 4_000_000
_MOST_KEPT_BYTES = 1 << 29
_MOST_FILE_BYTES = 1 << 27
_MOST_DEPTH = 200
_MOST_NOTES = 20
_WHITEOUT, _OPAQUE = ".wh.", ".wh..wh..opq"
# What the description reads, by name: metadata, start-up files, lists of packages, interpreters.
_KEPT = re.compile(
    r"METADATA|PKG-INFO|RECORD|direct_url\.json|(entry_points|requires|top_level|installed-files)\.txt"
    r"|.*\.(pth|start|egg-link|egg-info)|__editable__.*_finder\.py|pyvenv\.cfg|site\.py|patchlevel\.h"
    r"|rpmdb\.sqlite|python3(\.\d+)?t?|libpython3.*\.so.*|libc\.so\.6|libc-2\..*\.so|ld-musl-.*\.so\.1"
    r"|manifest\.json|index\.json|oci-layout"
)
_KEPT_IN = re.compile(r"(var/lib/dpkg/info/.*\.list|(conda-meta|etc/conda/\w+\.d)/[^/]+)$")


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
_EMPTY = _Kept(b"")


class Tree(Folder):
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

    def put_over(self, upper: "Tree") -> None:
        """Lay a higher layer's folder over it."""
        if upper.is_opaque:
            self.names.clear()
        for name in upper.hidden:
            self.names.pop(name, None)
        if upper.seconds:
            self._seconds = upper.seconds
        for name, node in upper.names.items():
            below = self.names.get(name)
            if isinstance(below, Tree) and isinstance(node, Tree) and below is not node:
                below.put_over(node)
            else:
                self.names[name] = node


class Reading:
    """One look at an image's archives: its bounds, and what was left out."""

    def __init__(self) -> None:
        self._names = 0
        self._kept_bytes = 0
        self.notes: list[str] = []

    def tree(
        self,
        tar: tarfile.TarFile,
        notice: Callable[[str, tarfile.TarInfo], None] = lambda *_: None,
    ) -> Tree:
        """What one archive holds; `notice` is told of each file.

        Raises:
            ValueError: it has more names than anybody needs, or was cut off.
        """
        root = Tree()
        for member in members_of(tar):
            self._names += 1
            if self._names > _MOST_NAMES:
                raise ValueError(f"it has more than {_MOST_NAMES} names")
            parts = [part for part in member.name.split("/") if part not in ("", ".")]
            if ".." in parts or len(parts) > _MOST_DEPTH or not is_plain(member.name):
                self._note(
                    f"{member.name[:100]!a}: a name that is no place in the image is left out"
                )
            else:
                self._put(root, parts, member, tar)
                if member.isfile():
                    notice("/".join(parts), member)
        return root

    def _note(self, text: str) -> None:
        if text not in self.notes and len(self.notes) < _MOST_NOTES:
            self.notes.append(text)

    def _put(
        self, root: Tree, parts: list[str], member: tarfile.TarInfo, tar: tarfile.TarFile
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
        if member.isreg() and parts[-1] == "__init__.py":
            return _package_in(tar, member)
        if not member.isreg() or not (_KEPT.fullmatch(parts[-1]) or _KEPT_IN.search(place)):
            return _UNKEPT
        self._kept_bytes += min(member.size, _MOST_FILE_BYTES)
        if self._kept_bytes > _MOST_KEPT_BYTES:
            self._note(f"{'/'.join(parts)}: not read: there is too much to be read in this image")
            return _UNKEPT
        file = tar.extractfile(member)
        return _Kept(content_of(file, _MOST_FILE_BYTES) if file is not None else b"")

    def _linked(self, root: Tree, member: tarfile.TarInfo) -> File:
        """What a hard link is: the file that it names, of the same archive."""
        node: Node | None = root
        for part in member.linkname.split("/"):
            if part not in ("", "."):
                node = node.child(part) if isinstance(node, Tree) else None
        if not isinstance(node, File):
            self._note(
                f"{member.name[:100]!a}: what it is a link to is not in the archive before it"
            )
            return _UNKEPT
        return node


def _package_in(tar: tarfile.TarFile, member: tarfile.TarInfo) -> File:
    """What makes a folder a package: nothing is kept of one that stands alone."""
    file = tar.extractfile(member)
    content = b"" if file is None else content_of(file, MOST_TEXT_BYTES)
    return _Kept(content) if JOINING.search(content.decode(errors="replace")) else _EMPTY


def _folder_in(folder: Tree, name: str) -> Tree:
    found = folder.names.get(name)
    if not isinstance(found, Tree):
        found = folder.names[name] = Tree()
    return found
