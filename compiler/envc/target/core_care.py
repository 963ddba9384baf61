"""A core that a target carries is compared and mended as every other tree of it is."""

import os
from contextlib import suppress
from typing import TYPE_CHECKING

from envc.core.folder import core_manifest, core_root, published_manifest
from envc.errors import EnvcError, UntrustedError
from envc.model.core import CORE_MANIFEST, PART_PREFIX
from envc.model.digest import Digest, digest_from_hex
from envc.model.generation import Generation
from envc.model.manifest import FILE_MODE, Difference, path_of
from envc.ports import Reporter
from envc.sites.place import SPEC_NAME
from envc.target.compare import verify_tree
from envc.target.directory import Directory
from envc.target.opened import read_location

if TYPE_CHECKING:
    from envc.model.bundle import Sources
    from envc.model.spec import CoreSpec

_IGNORED = frozenset({CORE_MANIFEST})


def core_differences(record: Generation, *, fast: bool = False) -> list[Difference]:
    """Every difference between the core that a generation carries and what it was published as.

    None where the interpreter is the node's own. Of one whose listing is damaged, that alone.

    Raises:
        OSError: something cannot be looked at for want of files, memory or a working disk.
    """
    if record.core is None:
        return []
    root = core_root(record.interpreter)
    manifest = published_manifest(root, record.core)
    if manifest is None:
        there = os.path.lexists(f"{root}/{CORE_MANIFEST}")
        return [Difference(CORE_MANIFEST, "changed" if there else "missing")]
    return verify_tree(manifest, root, fast=fast, ignore=_IGNORED)


def mend_core(
    directory: Directory, record: Generation, sources: "Sources", reporter: Reporter
) -> tuple[list[Difference], list[Difference]]:
    """What was mended of a generation's core, and what could not be; files come from a new copy.

    Raises:
        OSError: the disk refused.
    """
    from envc.core.place import place_core  # whoever only looks needs none of these
    from envc.disk.private import private_folder
    from envc.plan.repair import plan_mode_repair
    from envc.target.mend import carry_out

    differences = core_differences(record)
    if not differences or record.core is None:
        return [], []
    root = core_root(record.interpreter)
    manifest = published_manifest(root, record.core)
    if manifest is not None and all(each.kind == "mode" for each in differences):
        carry_out(root, plan_mode_repair(manifest))
        return differences, []
    try:
        core, origin = _core_of(directory, record)
        with private_folder(directory.cores, PART_PREFIX) as fresh:
            copy = place_core(fresh, core, origin, sources, reporter)
            mended = _mend_from(core_root(copy), root, record.core)
    except EnvcError as error:
        reporter.warn(str(error))
        return [], differences
    left = core_differences(record)
    paths = {each.path for each in left}
    found = {each.path: each for each in (*differences, *mended)}
    return [each for path, each in sorted(found.items()) if path not in paths], left


def _mend_from(fresh: str, root: str, wanted: Digest) -> list[Difference]:
    """Mend a core from another copy of it, which another envc may have made; what differed."""
    from envc.disk.durable import write_file
    from envc.plan.repair import plan_tree_repair
    from envc.target.mend import mend_tree

    copy = published_manifest(fresh, wanted)
    manifest = published_manifest(root, wanted) or copy
    if manifest is None:
        raise UntrustedError(
            "what can be had of this interpreter is not what was published here",
            where=root,
            mend="materialize the site again into another target",
        )
    same = {*manifest.lines} & {*(copy or core_manifest(fresh)).lines}
    sources = {path: f"{fresh}/{path}" for path in (path_of(line).decode() for line in same)}
    differences = verify_tree(manifest, root, ignore=_IGNORED)
    mend_tree(manifest, root, plan_tree_repair(manifest, differences, sources.get).steps)
    if published_manifest(root, wanted) is None:
        write_file(f"{root}/{CORE_MANIFEST}", manifest.text(), mode=FILE_MODE)
    return differences


def _core_of(directory: Directory, record: Generation) -> "tuple[CoreSpec, str]":
    """The core as the generation's spec names it, and the folder that its path starts from."""
    path = ""
    for name in (SPEC_NAME, "pyproject.toml"):
        text = directory.recorded(record.generation, name)
        if text is not None:
            with suppress(EnvcError):  # told as a damaged spec already
                from envc.formats.envc_toml import read_site

                named = read_site(text, name).tables.core.archive
                path = named.path if named is not None else path
    location = read_location(directory.path)
    digest = digest_from_hex(os.path.basename(core_root(record.interpreter)))
    from envc.model.spec import CoreArchive, CoreSpec  # `verify` needs none

    core = CoreSpec(python=record.python, archive=CoreArchive(path=path, digest=digest))
    return core, (location.checkout if location is not None else None) or directory.path
