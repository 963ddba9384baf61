"""Resources of namespace packages of which a portion is masked: loaded when they are asked for.

What is visible of such a portion is what the RECORDs of the visible distributions list.
"""

import csv
from importlib.resources.abc import Traversable, TraversableResources
from pathlib import Path

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from typing import IO, Any, NoReturn, TypeAlias

    from envc.runtime._envc_stack import Layer

    # What is below a folder: by name, None for a file.
    Listing: TypeAlias = "dict[str, Listing | None]"


class Portion:
    """What is visible of a folder in a masked base; `inside` is its path below site-packages."""

    def __init__(self, layer: "Layer", inside: str, listing: "Listing") -> None:
        self.layer = layer
        self.inside = inside
        self.listing = listing

    def children(self) -> "Iterator[tuple[str, Path | Portion]]":
        """Name and content, in order of name; a package that is visible whole is its directory."""
        for name, below in sorted(self.listing.items()):
            inside = f"{self.inside}/{name}"
            if below is None or inside.replace("/", ".") in self.layer.names:
                yield name, Path(self.layer.folder, inside)
            else:
                yield name, Portion(self.layer, inside, below)


class Folder(Traversable):
    """A folder that several portions make up, the nearest layer's first; none: it is not there."""

    def __init__(self, name: str, portions: "list[Path | Portion]") -> None:
        self._name = name
        self._portions = portions

    def __repr__(self) -> str:
        return f"Folder({self._name!r})"

    @property
    def name(self) -> str:
        """The last part of its path."""
        return self._name

    def iterdir(self) -> "Iterator[Traversable]":
        """What is in it, in order of name, folders of one name joined.

        Raises:
            FileNotFoundError: it is not there.
        """
        if not self._portions:
            self._refuse()
        found: dict[str, list[Path | Portion]] = {}
        for portion in self._portions:
            for name, child in children_of(portion):
                found.setdefault(name, []).append(child)
        for name, children in sorted(found.items()):
            yield joined(name, children)

    def is_dir(self) -> bool:
        """Whether it is there."""
        return bool(self._portions)

    def is_file(self) -> bool:
        """False."""
        return False

    def joinpath(self, *descendants: "Any") -> "Traversable":
        """What is at that path below; where nothing is, a folder that is not there."""
        parts = [part for path in descendants for part in str(path).split("/") if part != "."]
        if not parts:
            return self
        first, *rest = parts
        child: Traversable = Folder(first, [])
        for item in self.iterdir() if self._portions else ():
            if item.name == first:
                child = item
        return child.joinpath(*rest) if rest else child

    __truediv__ = joinpath

    def open(self, *_: "Any", **__: "Any") -> "IO[Any]":
        """Not possible.

        Raises:
            FileNotFoundError: it is no file.
        """
        self._refuse()

    def read_bytes(self) -> bytes:
        """As `open`."""
        self._refuse()

    def read_text(self, *_: "Any", **__: "Any") -> str:
        """As `open`."""
        self._refuse()

    def _refuse(self) -> "NoReturn":
        kind = "is not a file" if self._portions else "is not there"
        raise FileNotFoundError(f"{self._name} {kind}")


class NamespaceReader(TraversableResources):
    """What `importlib.resources` asks for the resources of one namespace package."""

    def __init__(self, folder: Folder) -> None:
        self._folder = folder

    def files(self) -> Traversable:
        """The package's folder."""
        return self._folder


def reader_of(path: list[str], masked: "Mapping[str, Layer]") -> NamespaceReader:
    """The reader of a namespace package with these portions.

    `masked` maps what the paths of masked portions start with to their bases.
    """
    portions: list[Path | Portion] = []
    for entry in path:
        start = next((start for start in masked if entry.startswith(start)), None)
        if start is None:
            portions.append(Path(entry))
        else:
            inside = entry[len(start) :]
            portions.append(Portion(masked[start], inside, visible(masked[start], inside)))
    return NamespaceReader(Folder(path[0].rpartition("/")[2], portions))


def visible(layer: "Layer", inside: str) -> "Listing":
    """What the visible distributions of a base have below that path of its site-packages."""
    listing: Listing = {}
    for _, dist_info in layer.distributions:
        with open(f"{layer.folder}/{dist_info}/RECORD", encoding="utf-8", newline="") as record:
            rows = csv.reader(line for line in record if line.lstrip('"').startswith(f"{inside}/"))
            for path, *_ in rows:
                plant(listing, path[len(inside) + 1 :])
    return listing


def plant(listing: "Listing", path: str) -> None:
    """Note a file in a listing."""
    *folders, name = path.split("/")
    for folder in folders:
        below = listing.setdefault(folder, {})
        if below is None:
            return
        listing = below
    listing.setdefault(name, None)


def children_of(portion: "Path | Portion") -> "Iterator[tuple[str, Path | Portion]]":
    """Name and content of what a portion holds."""
    if isinstance(portion, Portion):
        yield from portion.children()
    else:
        for path in portion.iterdir():
            yield path.name, path


def joined(name: str, children: "list[Path | Portion]") -> Traversable:
    """What the children of one name are together: the nearest decides whether it is a folder."""
    nearest = children[0]
    if isinstance(nearest, Path) and not nearest.is_dir():
        return nearest
    folders = [child for child in children if isinstance(child, Portion) or child.is_dir()]
    return nearest if folders == [nearest] and isinstance(nearest, Path) else Folder(name, folders)
