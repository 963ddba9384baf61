"""An environment that envc did not build, as what an overlay stands on: found, described anew.

DIR/overlay.toml    on = { python = …, paths = […], modules = […] }
DIR/base.json       the inventory of it that the overlay's lock was made on
"""

import os
from collections.abc import Mapping
from contextlib import suppress

from envc.described.ask import asked_of, described_by
from envc.described.named import described_anew, found_here, is_here
from envc.errors import EnvcError, UsageError
from envc.formats.inventory import inventory_to_json
from envc.model.inventory import Inventory
from envc.model.spec import OnSpec, OverlaySpec
from envc.model.value import value
from envc.sites.described import site_of_described
from envc.sites.inventory import base_of_described, inventory_beside
from envc.sites.site import Site
from envc.target.below import Below
from envc.target.described import folders_below

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
        return Below(base, folders_below(base, warns=spec.warns_of_changes))


def base_found(what: str | None, folder: str, environ: Mapping[str, str]) -> DescribedBase:
    """What a word means now, described for an overlay in `folder`.

    PYTHONPATH and the modules that are loaded belong to it.

    Raises:
        UsageError: there is no such interpreter, somebody else could change it, or it does not run.
    """
    asked = asked_of(what, environ)
    inventory = described_by(asked.python, asked.paths, is_named=asked.is_named)
    python = _as_named(what or "", asked.python)
    on = OnSpec(python=python, paths=asked.paths, modules=inventory.modules)
    return _based(inventory, on, folder)


def _as_named(what: str, python: str) -> str:
    """The interpreter with the variable that named it, which may mean another place elsewhere."""
    place = os.path.expandvars(what).rstrip("/")
    is_below = python == place or python.startswith(f"{place}/")
    return what.rstrip("/") + python.removeprefix(place) if place != what and is_below else python


def base_of_overlay(spec: OverlaySpec, on: OnSpec) -> DescribedBase:
    """What an overlay stands on: as it was described, where it still is so; else described anew.

    Raises:
        UsageError: it is not there, or the modules that it needs are not loaded.
    """
    folder = os.path.dirname(os.path.abspath(spec.file))
    key = f"{spec.file} (overlay.on"
    here = found_here(on, f"{key})")
    known = None
    with suppress(EnvcError):  # else it is described anew
        known = inventory_beside(folder)
    if known is None or not is_here(known, here):
        known = described_anew(here, f"{key}.modules)")
    return _based(known, on, folder)


def on_to_toml(on: OnSpec) -> str:
    """The inline table of a spec that names an environment."""
    import tomlkit

    table = tomlkit.inline_table()
    table["python"] = on.python
    for key, texts in (("paths", on.paths), ("modules", on.modules)):
        if texts:
            table[key] = list(texts)
    return table.as_string()


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
