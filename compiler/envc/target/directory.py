"""What stands where in a target directory, or in an overlay's folder (design 4.4, 4.5).

    DIR/current -> generations/000003    DIR/by-lock/<hex> -> ../generations/000003
    DIR/generations/000003/{manifest.json, manifests/, site/, .lease, <trees>}
    DIR/store/    DIR/.lock

A target holds one tree a layer, in a folder of the layer's name; an overlay's generation is its
tree. Both have stable names beside `current` for what people call.
"""

import json
import os
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from enum import Enum
from typing import NamedTuple

from envc.disk.digests import bytes_of
from envc.errors import REPAIR, EnvcError, OutsideError, SpecError
from envc.formats.generation import generation_from_json
from envc.formats.values import refuse_nul
from envc.model.core import CORE_FOLDER
from envc.model.digest import Digest, hex_of
from envc.model.generation import (
    MODULEFILE,
    TCL_MODULEFILE,
    Generation,
    generation_name,
    number_named,
)
from envc.model.manifest import Manifest, manifest_from_text
from envc.model.names import (
    MODULEFILES,
    OVERLAY_NAMES,
    POLICY_FILE,
    SHOWN_OF_OVERLAYS,
    TARGET_NAMES,
    Name,
    site_packages_of,
)

STAGING_PREFIX = ".staging-"
# Of a generation's folder: an unprivileged user can neither move nor empty it.
GENERATION_MODE = 0o555


class Shape(Enum):
    """How trees stand in a generation."""

    TARGET = "target"
    OVERLAY = "overlay"


class Directory(NamedTuple):
    """A target directory or an overlay's folder; `path` is absolute."""

    path: str
    shape: Shape

    @property
    def store(self) -> str:
        """The store's folder."""
        return f"{self.path}/store"

    @property
    def lock(self) -> str:
        """The file whose lock a writer holds."""
        return f"{self.path}/.lock"

    @property
    def store_lock(self) -> str:
        """The file whose lock says that the store is being filled (shared) or swept (exclusive).

        Who needs both locks takes this one first.
        """
        return f"{self.path}/.store-lock"

    @property
    def cores(self) -> str:
        """The folder of the interpreters that a site carries."""
        return f"{self.path}/{CORE_FOLDER}"

    @property
    def generations(self) -> str:
        """The folder of generations."""
        return f"{self.path}/generations"

    @property
    def trash(self) -> str:
        """Where what is taken away goes in one step, before it is removed.

        It is made ahead and stays: on a full disk gc could not make it.
        """
        return f"{self.path}/trash"

    @property
    def is_overlay(self) -> bool:
        """Whether this is an overlay's folder."""
        return self.shape is Shape.OVERLAY

    def generation(self, number: int) -> str:
        """A generation's folder."""
        return f"{self.generations}/{generation_name(number)}"

    def subdirectory(self, layer: str) -> str:
        """Where a layer's tree stands in a generation: its name, or nothing for an overlay."""
        return layer if self.shape is Shape.TARGET else ""

    def tree(self, number: int, layer: str) -> str:
        """The folder of a layer's tree."""
        return os.path.join(self.generation(number), self.subdirectory(layer)).rstrip("/")

    def by_lock(self, closure: Digest) -> str:
        """The symlink that names the generation which holds a closure."""
        return f"{self.path}/by-lock/{hex_of(closure)}"

    @property
    def names(self) -> tuple[Name, ...]:
        """The names that can stand here."""
        return OVERLAY_NAMES if self.is_overlay else TARGET_NAMES

    def owed_links(self, generation: Generation) -> dict[str, str]:
        """Every link that belongs here while a generation is current, and where it leads."""
        leads = f"../generations/{generation_name(generation.generation)}"
        closures = (hex_of(layer.closure) for layer in generation.layers.values())
        return self.stable_names(generation) | {f"by-lock/{name}": leads for name in closures}

    def standing_links(self, owed: Iterable[str]) -> dict[str, str]:
        """The links that stand here: those that lead through `current`, and those that are `owed`.

        Names of closures that older generations hold are theirs.
        """
        owed = set(owed)
        found = {path: _leads(f"{self.path}/{path}") for path in owed}
        for folder in ("", MODULEFILES):
            for path in _below(self.path, folder, depth=2 if folder else 1):
                leads = _leads(f"{self.path}/{path}")
                if "current/" in leads and any(n.fits(path, "link", leads) for n in self.names):
                    found[path] = leads
        for path in found.keys() - owed:
            # An envc that knew no such file went back to a tree without one.
            led = f"{self.path}/{os.path.dirname(path)}/{found[path]}"
            is_of_tcl = found[path].endswith(TCL_MODULEFILE)
            if is_of_tcl and os.path.isdir(os.path.dirname(led)) and not os.path.exists(led):
                del found[path]
        return {path: leads for path, leads in found.items() if leads}

    def stable_names(self, generation: Generation) -> dict[str, str]:
        """Name beside `current` → where it leads, for what this generation has."""
        if self.shape is Shape.TARGET:
            names = {layer: f"current/{layer}" for layer in generation.layers}
        else:
            tree = self.generation(generation.generation)
            shown = (name for name in SHOWN_OF_OVERLAYS if os.path.lexists(f"{tree}/{name}"))
            names = {name: f"current/{name}" for name in shown}
        return names | dict(self._module_names(generation))

    def _module_names(self, generation: Generation) -> Iterator[tuple[str, str]]:
        """What `module use` shows: `SITE/LAYER` of a target, an overlay's own name."""
        for layer in generation.layers:
            tree = self.tree(generation.generation, layer)
            for file, suffix in ((MODULEFILE, ".lua"), (TCL_MODULEFILE, "")):
                if os.path.lexists(tree) and not os.path.lexists(f"{tree}/{file}"):
                    continue  # an older envc made it
                if self.shape is Shape.TARGET:
                    name = f"{MODULEFILES}/{self._site(generation)}/{layer}{suffix}"
                    yield name, f"../../current/{layer}/{file}"
                else:
                    yield f"{MODULEFILES}/{layer}{suffix}", f"../current/{file}"

    def _site(self, generation: Generation) -> str:
        """The site's name as its policy has it: a roll-back brings no old one back."""
        try:
            return str(json.loads(read_bytes(f"{self.path}/{POLICY_FILE}"))["site"])
        except (EnvcError, ValueError, TypeError, KeyError):
            return generation.site

    def current_number(self) -> int | None:
        """The number of the generation that `current` names; None where there is none.

        Raises:
            SpecError: `current` is no symlink to a generation.
        """
        try:
            destination = os.readlink(f"{self.path}/current")
        except FileNotFoundError:
            return None
        except PermissionError as error:
            raise OutsideError(
                f"what stands here cannot be looked at: {error.strerror}",
                where=self.path,
                mend="ask its owner to let others in (chmod a+rx)",
            ) from error
        except OSError as error:
            raise SpecError(
                f"`current` is not a symlink: {error.strerror}",
                where=f"{self.path}/current",
                mend="move it away and materialize again",
            ) from error
        number = number_named(os.path.basename(destination))
        if number is None:
            raise SpecError(
                f"`current` leads to {destination!r}, which is no generation",
                where=f"{self.path}/current",
                mend="remove it and materialize again",
            )
        return number

    def current(self) -> Generation | None:
        """The record of the current generation, or None."""
        number = self.current_number()
        return None if number is None else self.record(number)

    def sound_current(self) -> Generation | None:
        """The record of the current generation; None where there is none that can be read."""
        try:
            return self.current()
        except EnvcError:
            return None

    def numbers(self) -> list[int]:
        """The numbers of all generations, ascending."""
        return sorted(number for number, is_there in self._numbered().items() if is_there)

    def newest_number(self) -> int:
        """The greatest number that any generation has had; 0: there was none."""
        return max(self._numbered(), default=0)

    def _numbered(self) -> dict[int, bool]:
        """All numbers, and whether the generation is there still."""
        try:
            with os.scandir(self.generations) as entries:
                return {
                    number: not entry.is_symlink()
                    for entry in entries
                    if (number := number_named(entry.name)) is not None
                }
        except (FileNotFoundError, NotADirectoryError):
            return {}

    def record(self, number: int) -> Generation:
        """A generation's record.

        Raises:
            OutsideError: it cannot be read.
            SpecError: it is not what envc writes.
        """
        path = f"{self.generation(number)}/manifest.json"
        text = read_bytes(path)
        refuse_nul(text, path)
        return generation_from_json(text, path)

    def is_whole(self, record: Generation) -> bool:
        """Whether every tree of a generation is there, with its interpreter and its packages.

        What is in them `verify` compares.
        """
        needed = ("pyvenv.cfg", "bin/python", site_packages_of(record.python))
        trees = (self.tree(record.generation, layer) for layer in record.layers)
        return all(os.path.lexists(f"{tree}/{name}") for tree in trees for name in needed)

    def site_packages(self, record: Generation, layer: str) -> str:
        """The folder of a layer's packages."""
        return f"{self.tree(record.generation, layer)}/{site_packages_of(record.python)}"

    def holder(self, closure: Digest) -> int | None:
        """The number of the generation that a closure's name leads to; None: to none."""
        return number_named(os.path.basename(_leads(self.by_lock(closure))))

    def number_of(self, closures: Mapping[str, Digest]) -> int | None:
        """The number of the newest generation with exactly these closures; None: it is not here."""
        for number in reversed(self.numbers()):
            layers = self.record(number).layers
            if {name: layer.closure for name, layer in layers.items()} == closures:
                return number
        return None

    def manifest(self, number: int, layer: str) -> Manifest:
        """The listing of a layer's tree as it was published."""
        return manifest_from_text(read_bytes(f"{self.generation(number)}/manifests/{layer}"))

    def recorded(self, number: int, name: str) -> bytes | None:
        """A spec or lock as the generation was made from it; None where it had none."""
        try:
            return read_bytes(f"{self.generation(number)}/site/{name}", missing_is_fine=True)
        except FileNotFoundError:
            return None


def _leads(path: str) -> str:
    """Where a symlink leads; "": it is none."""
    try:
        return os.readlink(path)
    except OSError:
        return ""


def _below(root: str, folder: str, *, depth: int) -> Iterator[str]:
    """The paths in a folder, relative to `root`, and those in its folders down to a depth."""
    with suppress(OSError):
        for name in os.listdir(f"{root}/{folder}"):
            path = f"{folder}/{name}".lstrip("/")
            yield path
            if depth > 1 and not os.path.islink(f"{root}/{path}"):
                yield from _below(root, path, depth=depth - 1)


def read_bytes(path: str, *, missing_is_fine: bool = False) -> bytes:
    """A file's bytes.

    Raises:
        OutsideError: it cannot be read.
        FileNotFoundError: it is not there, and `missing_is_fine`.
    """
    try:
        return bytes_of(path)
    except FileNotFoundError as error:
        if missing_is_fine:
            raise
        raise OutsideError("the file is missing", where=path, mend=REPAIR) from error
    except OSError as error:
        raise OutsideError(f"cannot be read: {error.strerror}", where=path, mend=REPAIR) from error
