"""What a roll-out brings to nodes: a kit, a parcel, and the command that begins with them."""

import base64
import os
import pkgutil
import shlex
import shutil
import sys
from collections.abc import Sequence
from dataclasses import dataclass

from envc.cluster.kit import Kit
from envc.disk.durable import disk_error, make_folder, temporary_beside, write_file
from envc.errors import UsageError
from envc.materialize.directory import read_bytes
from envc.model.digest import Digest, digest_of, hex_of
from envc.pipeline.sites.site import Site
from envc.pipeline.targets.bundled import bundle_digest
from envc.pipeline.targets.wanted import bundle_path, kit_path, make_parcel, parcel_path, place_file

# For hooks: it works on a node that has nothing but the interpreter.
_CONVERGE = """\
#!/bin/sh
# usage: converge TARGET [--check]
target=$1
shift
exec {boot} "$target" {kit} converge --target "$target" --state {state} "$@"
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Freight:
    """The files by what nodes call them, and the interpreter that nodes have.

    `source` is where wheels come from: a folder that nodes see, None: the indexes. Where it is a
    `bundle`, that is brought along, and `source` is its file here.
    """

    kit: Kit
    parcel: Digest
    parcel_file: str
    python: str
    source: str | None
    bundle: Digest | None

    @property
    def names(self) -> tuple[str, ...]:
        """What is brought: `kit`, `parcel` and, if there is one, `bundle`."""
        return ("kit", "parcel") if self.bundle is None else ("kit", "parcel", "bundle")

    def file(self, name: str) -> str:
        """The file here that brings it."""
        files = {"kit": self.kit.path, "parcel": self.parcel_file, "bundle": self.source or ""}
        return files[name]

    def place(self, name: str, state: str) -> str:
        """Where a node has it, below the folder of its wanted state."""
        if name == "bundle" and self.bundle is not None:
            return bundle_path(state, self.bundle)
        if name == "kit":
            return kit_path(state, self.kit.digest)
        return parcel_path(state, self.parcel)

    def folders(self, state: str) -> list[str]:
        """The folders of those places."""
        return [os.path.dirname(self.place(name, state)) for name in self.names]

    def wanted_source(self) -> str | None:
        """The source as a wanted state names it: a bundle relative to the state's folder."""
        return self.source if self.bundle is None else bundle_path(".", self.bundle)

    def prepare_words(self) -> list[str]:
        """What has a node prepare."""
        words = ["node", "prepare", "--parcel", self.parcel]
        if self.bundle is not None:
            words += ["--bundle", self.bundle]
        elif self.source is not None:
            words += ["--from", self.source]
        return words

    def command(self, target: str, state: str, words: Sequence[str]) -> list[str]:
        """Call envc on a node that may not have it yet."""
        begin = f"exec(__import__('base64').b64decode('{_boot_text()}'))"
        kit = kit_path(state, self.kit.digest)
        facts = [target, kit, hex_of(self.kit.digest), self.kit.python]
        return [self.python, "-I", "-S", "-c", begin, *facts, *words]


def pack(site: Site, kit: Kit, cache: str, *, python: str | None, source: str | None) -> Freight:
    """The freight for a site.

    `python` is the nodes' interpreter, None: the site's core. `source` is a folder of wheels that
    nodes see, or a bundle.

    Raises:
        UsageError: a lock is missing, the kit does not fit the site's core, or no such `source`.
        UntrustedError: the bundle is cut off.
        OutsideError: the disk refused.
    """
    if kit.python != site.spec.core.python:
        raise UsageError(
            f"envc runs on Python {kit.python}, and the site's core is Python "
            f"{site.spec.core.python}: nodes could not run this envc",
            where=sys.executable,
            mend=f"install envc with Python {site.spec.core.python} and roll out with that one",
        )
    content = make_parcel(site)
    digest = digest_of(content)
    path = parcel_path(f"{cache}/rollouts-v1", digest)
    place_file(path, content)
    interpreter = python or site.spec.core.interpreter or _own_interpreter()
    if source is not None and not os.path.exists(source):
        raise UsageError(
            "there is no such bundle or folder of wheels",
            where=source,
            mend="correct what --from names",
        )
    is_bundle = source is not None and os.path.isfile(source)
    return Freight(
        kit=kit,
        parcel=digest,
        parcel_file=path,
        python=interpreter,
        source=source,
        bundle=bundle_digest(source) if source is not None and is_bundle else None,
    )


def share(freight: Freight, state: str) -> None:
    """Put the freight into a folder that every node sees, and `converge` for nodes without envc.

    Raises:
        OutsideError: the disk refused.
    """
    for name in ("kit", "parcel"):
        place_file(freight.place(name, state), read_bytes(freight.file(name)))
    try:
        if freight.bundle is not None:
            _share_bundle(freight.file("bundle"), freight.place("bundle", state))
        write_file(f"{state}/boot.py", boot_source())
        kit = freight.place("kit", state)
        words = [freight.python, "-I", "-S", f"{state}/boot.py"]
        script = _CONVERGE.format(
            boot=shlex.join(words),
            kit=shlex.join([kit, hex_of(freight.kit.digest), freight.kit.python]),
            state=shlex.quote(state),
        )
        write_file(f"{state}/converge", script.encode(), mode=0o755)
    except OSError as error:
        raise disk_error(error, "write what nodes need", state) from error


def _share_bundle(path: str, place: str) -> None:
    """Copy a bundle beside its place, then give it its name; it may be large."""
    if os.path.exists(place) and os.stat(place).st_size == os.stat(path).st_size:
        return
    make_folder(os.path.dirname(place))
    temporary = temporary_beside(place)
    shutil.copyfile(path, temporary)
    os.replace(temporary, place)


def boot_source() -> bytes:
    """The program that starts envc from a kit."""
    return pkgutil.get_data("envc.cluster", "boot.py") or b""


def _boot_text() -> str:
    return base64.b64encode(boot_source()).decode()


def _own_interpreter() -> str:
    from envc.pipeline.sites.machine import default_interpreter

    return default_interpreter()
