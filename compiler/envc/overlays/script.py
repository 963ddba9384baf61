"""`envc run SCRIPT.py`: the overlay that a script's own metadata asks for, made at first use.

It stands below the user's folder in the site's storage, else in the cache, under a name that
follows from the metadata: scripts that ask for the same share it, and an edited one gets another.
Those that no script has run in for as long as `[retain]` says go when another one is made: so a
folder of them never grows for longer than what is in use. The modification time of an overlay's
spec tells when a script last ran in it.
"""

import os
import re
import time
from contextlib import suppress

import tomli_w
from packaging.specifiers import SpecifierSet

from envc.disk.folders import names_in, remove_folder
from envc.errors import SpecError
from envc.expand.script import expand_script
from envc.formats.document import Document
from envc.formats.inline_metadata import ScriptTable, read_inline_metadata
from envc.host.context import Context
from envc.host.machine import machine_of
from envc.locking.report import LockOptions
from envc.model.digest import digest_of_json, hex_of
from envc.model.names import OVERLAY_SPEC
from envc.model.spec import OverlaySpec
from envc.model.value import replace, value
from envc.overlays.build import lock_and_build
from envc.overlays.edit import default_layer
from envc.overlays.places import own_storage
from envc.sites.place import read_spec, shown
from envc.sites.site import check_base
from envc.supply.local_files import names_files
from envc.target.base_state import base_states
from envc.target.directory import Directory, Shape
from envc.target.leases import use_of
from envc.target.opened import Target, find_target, open_target

# Hidden, so that they are no overlays to `envc overlay list`: nobody wrote their specs.
_SCRIPTS = ".scripts"
_CACHED = "scripts-v1"
_KEY_DIGITS = 16
_DAY_SECONDS = 86_400.0
_NAME = re.compile(r"script-[0-9a-f]{16}")
_GOING = ".going-"


@value
class _Script:
    """A script with metadata, and the target that it is to run on."""

    path: str
    metadata: Document[ScriptTable]
    target: Target

    @property
    def base(self) -> str:
        """The layer that it names, else the one that an overlay of the target stands on."""
        mend = 'add `[tool.envc]` and `base = "L"` to the script\'s metadata'
        return self.metadata.tables.tool.envc.base or default_layer(self.target, mend)


def overlay_of_script(path: str, target: str | None, context: Context) -> str | None:
    """The folder of the overlay that a script runs in, built; None where it has no metadata.

    Raises:
        UsageError: the script cannot be read, or nothing is materialized there.
        SpecError: with every fault of its metadata, each with its line.
        UnsatisfiableError: there is no solution.
    """
    metadata = read_inline_metadata(read_spec(path), shown(os.path.abspath(path)))
    if metadata is None:
        return None
    script = _Script(os.path.abspath(path), metadata, open_target(find_target(target, None)))
    _check_python(script)
    spec = _spec(script, context)
    folder = os.path.dirname(spec.file)
    record_use(folder)
    if not _is_built(spec, folder, script.target):
        unused = collect_scripts(os.path.dirname(folder), days=script.target.site.spec.retain.days)
        if unused:
            context.reporter.note(f"removed overlays of scripts that nobody runs: {len(unused)}")
        lock_and_build(spec, _text(spec), script.target, LockOptions(), context)
    return folder


def _check_python(script: _Script) -> None:
    """Refuse a script for another Python than the core's."""
    wanted = script.metadata.tables.requires_python
    machine = machine_of(script.target.current.interpreter)
    if wanted is None or SpecifierSet(wanted).contains(machine.version, prereleases=True):
        return
    raise SpecError(
        f"the script requires Python {wanted}, and the core of {script.target.directory.path} is "
        f"Python {machine.python_full}",
        where=str(script.metadata.origin("requires-python")),
        mend="relax it, or run the script on a target with another core (--target)",
    )


def _spec(script: _Script, context: Context) -> OverlaySpec:
    """The overlay, and in `file` where its own spec stands (or will)."""
    beside = os.path.dirname(script.path)
    spec = expand_script(script.metadata, script.base, folder=beside)
    where = str(script.metadata.origin("tool", "envc", "base"))
    check_base(script.target.site.spec, spec, base_at=where)
    folder = os.path.join(_storage(script.target, context), spec.name)
    return replace(spec, file=f"{folder}/{OVERLAY_SPEC}")


def _storage(target: Target, context: Context) -> str:
    """Where the overlays of scripts stand: with the user's own, else in the cache."""
    path = target.directory.path
    if target.location.storage is not None:
        return os.path.join(own_storage(path), _SCRIPTS)
    return os.path.join(context.cache, _CACHED, hex_of(digest_of_json(path))[:_KEY_DIGITS])


def _is_built(spec: OverlaySpec, folder: str, target: Target) -> bool:
    """Whether the overlay is there, and as it would be built now.

    What files of this machine have become, only locking tells.
    """
    directory = Directory(folder, Shape.OVERLAY)
    current = directory.current()
    if current is None or names_files(spec.requires) or not os.path.exists(spec.file):
        return False
    states = base_states(directory.tree(current.generation, spec.name), target.current.python)
    return all(state.held is not None and not state.moved_on for state in states)


def _text(spec: OverlaySpec) -> bytes:
    """The overlay's spec, as a person would have written it."""
    requires = [str(sourced.requirement) for sourced in spec.requires]
    overlay = {"name": spec.name, "base": spec.base, "requires": requires}
    return tomli_w.dumps({"version": 1, "overlay": overlay}).encode()


def record_use(folder: str) -> None:
    """Record that a script is about to run in an overlay; a day is as exact as it has to be."""
    path = f"{folder}/{OVERLAY_SPEC}"
    with suppress(OSError):  # it is not built yet, or may only be read
        if time.time() - os.stat(path).st_mtime > _DAY_SECONDS:
            os.utime(path)


def collect_scripts(storage: str, *, days: int) -> tuple[str, ...]:
    """Remove the overlays of a folder that no script has run in for so many days; their names.

    What runs stays, and so does what cannot be removed: the next time tries again.
    """
    oldest = time.time() - days * _DAY_SECONDS
    removed: list[str] = []
    for name in names_in(storage):
        path, going = f"{storage}/{name}", f"{storage}/{_GOING}{name}"
        with suppress(OSError):
            if _NAME.fullmatch(name) and not _is_used(path, oldest):
                os.rename(path, going)  # in one step: nobody starts in half of it
                removed.append(name)
                remove_folder(going)
            elif name.startswith(_GOING):
                remove_folder(path)  # a run that was killed
    return tuple(removed)


def _is_used(folder: str, oldest: float) -> bool:
    """Whether a script ran there since, or still runs."""
    if os.stat(f"{folder}/{OVERLAY_SPEC}").st_mtime >= oldest:
        return True
    return bool(use_of(Directory(folder, Shape.OVERLAY)).in_use)
