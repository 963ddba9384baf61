"""An environment that envc did not build, as what an overlay stands on: found, described anew.

DIR/overlay.toml    on = { python = …, paths = […], modules = […] }
DIR/base.json       the inventory of it that the overlay's lock was made on
"""

import os
from collections.abc import Mapping, Sequence
from contextlib import suppress

from envc.described.ask import asked_of, described_by, interpreter_of
from envc.described.identity import is_as_described
from envc.disk.ownership import refuse_exposed
from envc.errors import EnvcError, UsageError
from envc.formats.inventory import inventory_to_json
from envc.host.machine import machine_of
from envc.host.surroundings import missing_modules, said_of_modules
from envc.model.inventory import Inventory
from envc.model.spec import OnSpec, OverlaySpec
from envc.model.value import value
from envc.sites.described import site_of_described
from envc.sites.inventory import base_of_described, inventory_beside
from envc.sites.site import Site
from envc.target.below import Below
from envc.target.described import below_described

# The 3.X that start-up hooks run on at least.
OLDEST_MINOR = 11


@value
class DescribedBase:
    """An environment as it was described: the inventory, its file's bytes, and the site for it.

    That has no layer: the overlay is compiled for the environment's interpreter on this machine,
    from the index that is meant here.
    """

    inventory: Inventory
    text: bytes
    site: Site
    on: OnSpec

    @property
    def python(self) -> str:
        """The X.Y of its interpreter."""
        return self.site.spec.core.python

    def below(self, spec: OverlaySpec) -> Below:
        """What stands below an overlay on it."""
        base = base_of_described(spec, self.inventory)
        return below_described(self.inventory, base, warns=spec.warns_of_changes)


def base_found(what: str | None, folder: str, environ: Mapping[str, str]) -> DescribedBase:
    """What a word means now, described for an overlay in `folder`.

    PYTHONPATH and the modules that are loaded belong to it.

    Raises:
        UsageError: there is no such interpreter, somebody else could change it, or it does not run.
    """
    asked = asked_of(what, environ)
    inventory = described_by(asked.python, asked.paths, is_named=asked.is_named)
    on = OnSpec(python=asked.python, paths=asked.paths, modules=inventory.modules)
    return _based(inventory, on, folder)


def base_of_overlay(spec: OverlaySpec, on: OnSpec) -> DescribedBase:
    """What an overlay stands on: as it was described, where it still is so; else described anew.

    Raises:
        UsageError: it is not there, or the modules that it needs are not loaded.
    """
    folder = os.path.dirname(os.path.abspath(spec.file))
    paths = tuple(_place(path, spec) for path in on.paths)
    python = interpreter_of(_place(on.python, spec))
    refuse_exposed(python, (os.stat(python).st_uid,))
    known = None
    with suppress(EnvcError):  # else it is described anew
        known = inventory_beside(folder)
    if known is not None and known.python == python and _is_current(known, paths):
        return _based(known, on, folder)
    missing = missing_modules(os.environ, on.modules)
    if missing:
        raise UsageError(
            said_of_modules(missing),
            where=f"{spec.file} (overlay.on.modules)",
            mend="load them, and run the same command again; or correct the key",
        )
    return _based(described_by(python, paths, is_named=True), on, folder)


def on_to_toml(on: OnSpec) -> str:
    """The inline table of a spec that names an environment."""
    import tomlkit

    table = tomlkit.inline_table()
    table["python"] = on.python
    for key, texts in (("paths", on.paths), ("modules", on.modules)):
        if texts:
            table[key] = list(texts)
    return table.as_string()


def _is_current(known: Inventory, paths: Sequence[str]) -> bool:
    folders = {each.path for each in known.folders}
    return (
        is_as_described(known)
        and {os.path.realpath(path) for path in paths if os.path.isdir(path)} <= folders
        and machine_of(known.interpreter).python_full == known.python_full
    )


def _place(path: str, spec: OverlaySpec) -> str:
    """A path of the spec with its variables."""
    found = os.path.expanduser(os.path.expandvars(path))
    if not os.path.isabs(found):
        raise UsageError(
            f"{path} names a variable that is not set",
            where=f"{spec.file} (overlay.on)",
            mend="set it, or write the path",
        )
    return found


def _based(inventory: Inventory, on: OnSpec, folder: str) -> DescribedBase:
    if int(inventory.core.partition(".")[2]) < OLDEST_MINOR or inventory.core[0] != "3":
        raise UsageError(
            f"the environment's Python is {inventory.python_full}, and overlays run on 3.11 and "
            "newer",
            where=inventory.python,
            mend="name an environment with a newer Python",
        )
    site = site_of_described(inventory, folder)
    return DescribedBase(inventory, inventory_to_json(inventory), site, on)
