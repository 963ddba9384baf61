"""A core that a target carries, mended from a new copy of it."""

import os
import shutil
import tempfile
from contextlib import suppress

from envc.disk.durable import write_file
from envc.errors import EnvcError, UntrustedError
from envc.fleet.prune import state_here
from envc.fleet.wanted import number_of, packed_core
from envc.host.context import Context
from envc.model.core import CORE_MANIFEST, PART_PREFIX
from envc.model.difference import Difference
from envc.model.digest import Digest, digest_from_hex, hex_of
from envc.model.generation import Generation
from envc.model.manifest import FILE_MODE, Manifest, manifest_from_text, path_of
from envc.model.plan import WriteFile
from envc.model.spec import CoreArchive, CoreSpec
from envc.plan.repair import plan_mode_repair, plan_tree_repair
from envc.sites.place import SPEC_NAME
from envc.target.compare import verify_tree
from envc.target.core import Brought, bring_core, cores_of
from envc.target.core_care import core_problems, core_root, own_manifest
from envc.target.directory import Directory
from envc.target.mend import carry_out, mend_tree
from envc.target.opened import read_location


def mend_core(
    directory: Directory, record: Generation, wheelhouse: str | None, context: Context
) -> tuple[list[Difference], list[Difference]]:
    """What was mended of a generation's core, and what could not be; files come from a new copy.

    The new one is had from a bundle, from what a roll-out brought, or from the site's archive.

    Raises:
        OSError: the disk refused.
    """
    problems = core_problems(record)
    if not problems or record.core is None:
        return [], []
    root = core_root(record)
    manifest = own_manifest(root, record.core)
    if manifest is not None and all(problem.kind == "mode" for problem in problems):
        carry_out(root, plan_mode_repair(manifest))
        return problems, []
    os.makedirs(cores_of(directory), exist_ok=True)
    fresh = tempfile.mkdtemp(prefix=PART_PREFIX, dir=cores_of(directory))
    try:
        archive = digest_from_hex(os.path.basename(root))
        core, origin = _origin(directory, record, archive)
        bring_core(fresh, core, origin, _brought(directory, record, wheelhouse), context)
        mended = _mend_from(f"{fresh}/{hex_of(archive)}", root, record.core)
    except EnvcError as error:
        context.reporter.warn(str(error))
        return [], problems
    finally:
        shutil.rmtree(fresh, ignore_errors=True)
    left = core_problems(record)
    paths = {problem.path for problem in left}
    found = {problem.path: problem for problem in (*problems, *mended)}
    return [each for path, each in sorted(found.items()) if path not in paths], left


def _mend_from(fresh: str, root: str, wanted: Digest) -> list[Difference]:
    """Mend a core from another copy of it; what differed.

    Raises:
        UntrustedError: the copy is of another core.
    """
    copy = own_manifest(fresh, wanted)
    manifest = own_manifest(root, wanted) or copy
    if manifest is None:
        raise UntrustedError(
            "what can be had of this interpreter is not what was published here",
            where=root,
            mend="materialize the site again into another target",
        )
    good = set(manifest.lines) if copy is not None else _same_lines(fresh, manifest)
    sound = {path_of(line).decode() for line in good}

    def source(path: str) -> "str | WriteFile | None":
        return f"{fresh}/{path}" if path in sound else None

    problems = verify_tree(manifest, root, ignore=frozenset({CORE_MANIFEST}))
    mend_tree(manifest, root, plan_tree_repair(manifest, problems, source).steps)
    if own_manifest(root, wanted) is None:
        write_file(f"{root}/{CORE_MANIFEST}", manifest.text(), mode=FILE_MODE)
    return problems


def _same_lines(fresh: str, manifest: Manifest) -> set[bytes]:
    """What another envc made of the same archive just so."""
    with open(f"{fresh}/{CORE_MANIFEST}", "rb") as file:
        return set(manifest.lines) & set(manifest_from_text(file.read()).lines)


def _origin(directory: Directory, record: Generation, archive: Digest) -> tuple[CoreSpec, str]:
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
    origin = location.checkout if location is not None else None
    core = CoreSpec(python=record.python, archive=CoreArchive(path=path, digest=archive))
    return core, origin or directory.path


def _brought(directory: Directory, record: Generation, wheelhouse: str | None) -> Brought:
    """What a roll-out brought for the generation, where the wanted state still names it."""
    packed = None
    with suppress(EnvcError):
        here = state_here(directory)
        for wanted in here[2].generations if here is not None else ():
            if wanted.core is not None and number_of(directory, wanted) == record.generation:
                packed = packed_core(here[0] if here else "", wanted.core)
    return Brought(wheelhouse, packed)
