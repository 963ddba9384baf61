"""What a roll-out brings to nodes: a kit, a parcel, and the command that begins with them."""

import base64
import pkgutil
import shlex
import sys
from collections.abc import Sequence
from dataclasses import dataclass

from envc.cluster.kit import Kit
from envc.disk.durable import disk_error, make_folder, write_file
from envc.errors import UsageError
from envc.materialize.directory import read_bytes
from envc.model.digest import Digest, digest_of, hex_of
from envc.pipeline.site import Site
from envc.pipeline.wanted import kit_path, make_parcel, parcel_path, place_file

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
    """The files by what nodes call them, and the interpreter that nodes have."""

    kit: Kit
    parcel: Digest
    parcel_file: str
    python: str

    def file(self, name: str) -> str:
        """The file here that brings the `kit` or the `parcel`."""
        return self.kit.path if name == "kit" else self.parcel_file

    def place(self, name: str, state: str) -> str:
        """Where a node has it, below the folder of its wanted state."""
        return (
            kit_path(state, self.kit.digest) if name == "kit" else parcel_path(state, self.parcel)
        )

    def command(self, target: str, state: str, words: Sequence[str]) -> list[str]:
        """Call envc on a node that may not have it yet."""
        begin = f"exec(__import__('base64').b64decode('{_boot_text()}'))"
        kit = kit_path(state, self.kit.digest)
        facts = [target, kit, hex_of(self.kit.digest), self.kit.python]
        return [self.python, "-I", "-S", "-c", begin, *facts, *words]


def pack(site: Site, kit: Kit, cache: str, python: str | None) -> Freight:
    """The freight for a site. `python` is the nodes' interpreter, None: the site's core.

    Raises:
        UsageError: a lock is missing, or the kit does not fit the site's core.
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
    return Freight(kit=kit, parcel=digest, parcel_file=path, python=interpreter)


def share(freight: Freight, state: str) -> None:
    """Put the freight into a folder that every node sees, and `converge` for nodes without envc.

    Raises:
        OutsideError: the disk refused.
    """
    for name in ("kit", "parcel"):
        place_file(freight.place(name, state), read_bytes(freight.file(name)))
    try:
        make_folder(state)
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


def boot_source() -> bytes:
    """The program that starts envc from a kit."""
    return pkgutil.get_data("envc.cluster", "boot.py") or b""


def _boot_text() -> str:
    return base64.b64encode(boot_source()).decode()


def _own_interpreter() -> str:
    from envc.pipeline.machine import default_interpreter

    return default_interpreter()
