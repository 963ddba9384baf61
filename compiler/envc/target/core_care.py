"""Cores that a target carries: what differs from what was published, and which may go."""

import os
from collections.abc import Iterable

from envc.disk.locks import is_held
from envc.model.core import CORE_MANIFEST, PART_PREFIX
from envc.model.difference import Difference
from envc.model.digest import Digest, digest_of
from envc.model.generation import Generation
from envc.model.manifest import Manifest, manifest_from_text
from envc.target.compare import verify_tree
from envc.target.core import cores_of
from envc.target.directory import Directory

_IGNORED = frozenset({CORE_MANIFEST})


def core_root(record: Generation) -> str:
    """The folder of the core that a generation's interpreter is in."""
    return os.path.dirname(os.path.dirname(record.interpreter))


def core_problems(record: Generation, *, fast: bool = False) -> list[Difference]:
    """Every difference between a generation's core and what it was published as.

    None where the interpreter is the node's own. Of one whose listing is damaged, that alone.

    Raises:
        OSError: something cannot be looked at for want of files, memory or a working disk.
    """
    if record.core is None:
        return []
    root = core_root(record)
    manifest = own_manifest(root, record.core)
    if manifest is None:
        there = os.path.lexists(f"{root}/{CORE_MANIFEST}")
        return [Difference(CORE_MANIFEST, "changed" if there else "missing")]
    return verify_tree(manifest, root, fast=fast, ignore=_IGNORED)


def unneeded_cores(directory: Directory, records: Iterable[Generation]) -> list[str]:
    """The cores that no interpreter of these generations is in, nor one of envc itself; in order.

    Raises:
        OSError: the disk refused.
    """
    folder = cores_of(directory)
    try:
        names = sorted(os.listdir(folder))
    except FileNotFoundError:
        return []
    used = {record.interpreter for record in records}
    commands = [_command(f"{directory.path}/bin/envc"), *_commands(f"{directory.path}/envc")]
    return [
        f"{folder}/{name}"
        for name in names
        if not name.startswith(PART_PREFIX)
        and not any(path.startswith(f"{folder}/{name}/") for path in used)
        and not any(f"{folder}/{name}/" in text for text in commands)
        and not is_held(f"{folder}/{name}/{CORE_MANIFEST}")
    ]


def own_manifest(root: str, wanted: Digest) -> Manifest | None:
    """The listing of the core in a folder, if it has that digest."""
    try:
        with open(f"{root}/{CORE_MANIFEST}", "rb") as file:
            text = file.read()
    except OSError:
        return None
    return manifest_from_text(text) if digest_of(text) == wanted else None


def _commands(folder: str) -> list[str]:
    """The texts of envc's commands in unpacked kits: each names the interpreter that it runs on."""
    try:
        names = os.listdir(folder)
    except FileNotFoundError:
        return []
    return [_command(f"{folder}/{name}/bin/envc") for name in names]


def _command(path: str) -> str:
    try:
        with open(path, encoding="utf-8", errors="replace") as file:
            return file.read()
    except OSError:
        return ""
