"""What a roll-out brings to nodes: a kit, a parcel, and the command that begins with them."""

import base64
import os
import pkgutil
import shlex
import shutil
import sys
from collections.abc import Collection, Sequence
from contextlib import suppress

from envc.cluster.kit import Kit
from envc.core.boot import core_words
from envc.disk.durable import disk_error, make_folder, temporary_beside, write_file
from envc.errors import UsageError
from envc.fleet.answers import look_words, question_of
from envc.fleet.core_freight import CoreFreight, packed_core_of
from envc.fleet.wanted import (
    bundle_path,
    core_path,
    kept_of,
    kit_path,
    make_parcel,
    parcel_path,
    place_file,
)
from envc.model.core import PackedCore
from envc.model.digest import Digest, digest_of, hex_of
from envc.model.value import value
from envc.sites.site import Site

# For hooks: it works on a node that has nothing but the interpreter.
_CONVERGE = """\
#!/bin/sh
# usage: converge TARGET [--check]
target=$1
shift
exec {boot} "$target" {kit} converge --target "$target" --state {state} "$@"
"""


# In that script, where the target will be known only when it runs.
_TARGET = "@TARGET@"


@value(kw_only=True)
class Freight:
    """The files by what nodes call them, and the interpreter that nodes have or get.

    `source` is where wheels come from: a folder that nodes see, None: the indexes. Where it is a
    `bundle`, that is brought along, and `source` is its file here. `proof` are the words that show
    nodes who wants it, where the site names keys.
    """

    kit: Kit
    parcel: Digest
    parcel_file: str
    python: str
    source: str | None
    bundle: Digest | None
    keep: int
    proof: tuple[str, ...] = ()
    core: CoreFreight | None = None

    @property
    def names(self) -> tuple[str, ...]:
        """What is brought: `kit`, `parcel` and, if there are such, first `core`, last `bundle`."""
        core = ("core",) if self.core is not None else ()
        return (*core, "kit", "parcel", *(("bundle",) if self.bundle is not None else ()))

    def to_bring(self, lacks: Collection[str]) -> tuple[str, ...]:
        """What to bring where something lacks.

        Without the core or the kit, a node cannot tell what else it lacks.
        """
        blind = next((name for name in ("core", "kit") if name in lacks), None)
        if blind is not None:
            return self.names[self.names.index(blind) :]
        return tuple(name for name in self.names if name in lacks)

    def file(self, name: str) -> str:
        """The file here that brings it."""
        if name == "core" and self.core is not None:
            return self.core.packed.path
        files = {"kit": self.kit.path, "parcel": self.parcel_file, "bundle": self.source or ""}
        return files[name]

    def place(self, name: str, state: str) -> str:
        """Where a node has it, below the folder of its wanted state."""
        if name == "bundle" and self.bundle is not None:
            return bundle_path(state, self.bundle)
        if name == "core" and self.core is not None:
            return core_path(state, self.core.packed.digest)
        if name == "kit":
            return kit_path(state, self.kit.digest)
        return parcel_path(state, self.parcel)

    def folders(self, state: str) -> list[str]:
        """The folders of those places."""
        return [os.path.dirname(self.place(name, state)) for name in self.names]

    def wanted_source(self) -> str | None:
        """The source as a wanted state names it: a bundle relative to the state's folder."""
        return self.source if self.bundle is None else bundle_path(".", self.bundle)

    def wanted_core(self) -> Digest | None:
        """The core as a wanted state names it."""
        return self.core.packed.digest if self.core is not None else None

    def prepare_command(self, target: str, state: str) -> list[str]:
        """Has a node prepare; where it has done so, it answers without starting envc."""
        words = ["node", "prepare", *self._order(target, state)]
        return look_words(target, self._question(target, state), self._boot(target, state, words))

    def look_command(self, target: str, state: str) -> list[str]:
        """Has a node say whether it has nothing to prepare, if it can at once."""
        return look_words(target, self._question(target, state))

    def switch_command(self, target: str, state: str, words: Sequence[str]) -> list[str]:
        """Has a node switch to what it has prepared; `words` say to what."""
        words = ["node", "switch", *words, *self._order(target, state)]
        return self._boot(target, state, words)

    def _order(self, target: str, state: str) -> list[str]:
        """What is to be prepared, where, and by what name the answer is left."""
        question = self._question(target, state)
        return [*self._facts(target, state), *self.proof, "--question", question]

    def _question(self, target: str, state: str) -> str:
        return question_of([self.kit.digest, *self._facts(target, state), *self.proof])

    def _facts(self, target: str, state: str) -> list[str]:
        words = ["--parcel", self.parcel]
        if self.bundle is not None:
            words += ["--bundle", self.bundle]
        elif self.source is not None:
            words += ["--from", self.source]
        if self.core is not None:
            words += ["--core", self.core.packed.digest]
        return [*words, "--keep", str(self.keep), "--target", target, "--state", state]

    def _boot(self, target: str, state: str, words: Sequence[str]) -> list[str]:
        """Call envc on a node that may not have it yet."""
        begin = f"exec(__import__('base64').b64decode('{_boot_text()}'))"
        kit = kit_path(state, self.kit.digest)
        facts = [target, kit, hex_of(self.kit.digest), self.kit.python]
        return self.python_words(target, state, ["-I", "-S", "-c", begin, *facts, *words])

    def python_words(self, target: str, state: str, words: Sequence[str]) -> list[str]:
        """Call a node's interpreter with these words; a carried one may have to be unpacked."""
        if self.core is None:
            return [self.python, *words]
        packed = PackedCore(self.place("core", state), self.core.packed.digest)
        return core_words(target, self.core.archive, packed, self.kit.python, words)


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
    bundle = None
    if source is not None and os.path.isfile(source):
        from envc.supply.bundled import bundle_digest

        bundle = bundle_digest(source)
    return Freight(
        kit=kit,
        parcel=digest,
        parcel_file=path,
        python=interpreter,
        source=source,
        bundle=bundle,
        keep=kept_of(site.spec.retain),
        core=packed_core_of(site, cache, python),
    )


def share(freight: Freight, state: str, *, anew: bool = False) -> None:
    """Put the freight into a folder that every node sees, and `converge` for nodes without envc.

    What is there with the right size stays, unless all is to be written `anew`: nodes verify it.

    Raises:
        OutsideError: the disk refused.
    """
    kit = freight.place("kit", state)
    boot = shlex.join(freight.python_words(_TARGET, state, ["-I", "-S", f"{state}/boot.py"]))
    script = _CONVERGE.format(
        boot=boot.replace(f" {_TARGET} ", ' "$target" ').replace(_TARGET, ""),
        kit=shlex.join([kit, hex_of(freight.kit.digest), freight.kit.python]),
        state=shlex.quote(state),
    )
    try:
        for name in freight.names:
            _share_file(freight.file(name), freight.place(name, state), anew=anew)
        _share_text(f"{state}/boot.py", boot_source())
        _share_text(f"{state}/converge", script.encode(), mode=0o755)
    except OSError as error:
        raise disk_error(error, "write what nodes need", state) from error


def _share_file(path: str, place: str, *, anew: bool) -> None:
    """Copy a file beside its place, then give it its name; it may be large."""
    if not anew and os.path.exists(place) and os.stat(place).st_size == os.stat(path).st_size:
        return
    make_folder(os.path.dirname(place))
    temporary = temporary_beside(place)
    shutil.copyfile(path, temporary)
    os.replace(temporary, place)


def _share_text(path: str, content: bytes, *, mode: int = 0o644) -> None:
    with suppress(FileNotFoundError), open(path, "rb") as file:
        if file.read() == content:
            return
    write_file(path, content, mode=mode)


def boot_source() -> bytes:
    """The program that starts envc from a kit."""
    return pkgutil.get_data("envc.cluster", "boot.py") or b""


def _boot_text() -> str:
    return base64.b64encode(boot_source()).decode()


def _own_interpreter() -> str:
    from envc.host.machine import default_interpreter

    return default_interpreter()
