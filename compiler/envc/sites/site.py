"""A site on disk: found, read, and its locks with it."""

import os
from collections.abc import Callable

from envc.core.place import cached_core
from envc.disk.digests import bytes_of
from envc.errors import SpecError, UsageError, shell_word
from envc.host.machine import machine_of
from envc.lock import CORE_BASE, Base, on_layer, on_overlay, with_absolute_paths
from envc.model.digest import Digest, digest_of
from envc.model.lock import Lock
from envc.model.names import CORE, OVERLAY_SPEC, lock_file_name
from envc.model.spec import CoreSpec, LayerSpec, OverlaySpec, SiteSpec
from envc.model.target import Machine
from envc.model.value import replace, value
from envc.sites.overlay_folder import lost_spec
from envc.sites.parsed import AskMachine, parsed_lock, parsed_site
from envc.sites.place import (
    MOST_OF_A_LOCK,
    MOST_OF_AN_OVERLAYS_LOCK,
    read_spec,
    shown,
    unreadable,
)

# Where the interpreter is that a spec carries, made if need be: its core, the folder it stands in.
CarriedCore = Callable[[CoreSpec, str], str]


@value
class Site:
    """A site's folder (absolute), its spec as a file, and its spec as a value.

    `origin` is the folder that relative paths of the spec start from: the folder itself, but for
    the copy that a target keeps. That has an `interpreter` and a `store`, too: the target's.
    """

    folder: str
    spec_name: str
    text: bytes
    spec: SiteSpec
    origin: str
    interpreter: str | None = None
    store: str | None = None

    def lock_path(self, layer: str) -> str:
        """Where a common layer's lock stands."""
        return f"{self.folder}/{lock_file_name(layer)}"

    @property
    def writes_locks(self) -> str:
        """The command that writes them: a target keeps copies, which it mends."""
        if self.store is None:
            return "envc lock"
        return f"envc repair --target {shell_word(os.path.dirname(self.store))}"

    def names_beside(self) -> tuple[str, ...]:
        """The names of the files beside the spec that layers are made from: locks, inventories."""
        described = {each.described.file for each in self.spec.layers if each.described is not None}
        return (*(lock_file_name(each.name) for each in self.spec.layers), *sorted(described))


@value
class LockFile:
    """A lock and the file it was read from; `digest` is that of the file's bytes."""

    path: str
    text: bytes
    lock: Lock

    @property
    def digest(self) -> Digest:
        """The digest that names the lock in closures."""
        return digest_of(self.text)


def load_site(
    folder: str,
    name: str,
    *,
    origin: str | None = None,
    interpreter: str | None = None,
    carried: CarriedCore = cached_core,
) -> Site:
    """The site in a folder; `interpreter` is the core's where the spec names none.

    Where the spec carries one, and no other is given, `carried` tells where it is.

    Raises:
        SpecError: with every fault of its spec.
        UntrustedError, UsageError, OutsideError: as for `carried`.
    """
    path = f"{folder}/{name}"
    text = read_spec(path)
    file = shown(path)

    def parse(ask: AskMachine) -> SiteSpec:
        from envc.expand.site import expand_site  # dear, and needed only for a spec that is new
        from envc.formats.envc_toml import read_site

        def machine_with(core: CoreSpec) -> Machine:
            given = core.interpreter or interpreter
            if given is None and core.archive is not None:
                given = carried(core, origin or folder)
            return ask(given)

        return expand_site(read_site(text, file), machine_with)

    spec = parsed_site(text, file, interpreter or "", parse=parse)
    return Site(folder, name, text, spec, origin or folder, interpreter)


def machine_of_site(site: Site) -> Machine:
    """This machine with the site's core; one that is carried is unpacked in the cache.

    Raises:
        UntrustedError, UsageError, OutsideError: as for `cached_core` and `machine_of`.
    """
    core = site.spec.core
    if core.archive is None:
        return machine_of(core.interpreter)
    return machine_of(site.interpreter or cached_core(core, site.origin))


def load_overlay(path: str) -> OverlaySpec:
    """The overlay whose spec is at `path`.

    Raises:
        SpecError: with every fault of the spec.
        UsageError: it cannot be read.
    """
    return overlay_from(overlay_text(path), path)


def overlay_text(path: str) -> bytes:
    """The bytes of an overlay's spec.

    Raises:
        UsageError: it cannot be read; of one that was lost, a copy is named.
    """
    folder, name = os.path.split(os.path.abspath(path))
    lost = lost_spec(folder) if name == OVERLAY_SPEC else None
    if lost is not None:
        raise UsageError.of([lost])
    return read_spec(path)


def overlay_from(text: bytes, path: str) -> OverlaySpec:
    """The overlay whose spec is `text`, and stands (or will stand) at `path`.

    Raises:
        SpecError: with every fault of the spec.
    """
    from envc.expand.overlay import expand_overlay
    from envc.formats.overlay_toml import read_overlay

    return expand_overlay(read_overlay(text, shown(path)))


def read_lock(
    path: str, layer: str, command: str = "envc lock", *, most_bytes: int = MOST_OF_A_LOCK
) -> LockFile | None:
    """The lock at `path`, or None where there is none; `command` writes it.

    Raises:
        SpecError: it is no lock.
    """
    try:
        text = bytes_of(path, most_bytes)
    except FileNotFoundError:
        return None
    except OSError as error:
        raise unreadable(error, path) from error
    place = shown(path)

    def parse() -> Lock:
        from envc.formats.pylock_read import lock_from_text

        return lock_from_text(text, place, layer, command)

    return LockFile(path, text, parsed_lock(text, place, layer, parse=parse))


def require_lock(path: str, layer: str, command: str = "envc lock") -> LockFile:
    """The lock at `path`; `command` writes it.

    Raises:
        UsageError: there is none.
        SpecError: it is no lock.
    """
    found = read_lock(path, layer, command)
    if found is None:
        mend = f"write it with `{command}`"
        raise UsageError(f"layer {layer} has no lock", where=shown(path), mend=mend)
    return found


def no_layer(layer: str, spec: SiteSpec) -> UsageError:
    """That a site has no such layer."""
    from envc.formats.nearest import use_one_of  # few layers are mistyped

    mend = use_one_of(layer, (each.name for each in spec.layers))
    return UsageError(f"no layer {layer!r} in site {spec.name}", mend=mend)


def base_of(site: Site, layer: str) -> Base:
    """What stands on a common layer of a site, by the site's present locks.

    Raises:
        UsageError: the site has no such layer, or a lock is missing.
    """
    if site.spec.layer(layer) is None:
        raise no_layer(layer, site.spec)
    chain = site.spec.chain(layer)
    base = bottom_of(site, chain[-1], site.folder)
    for spec in reversed(chain):
        found = require_lock(site.lock_path(spec.name), spec.name, site.writes_locks)
        lock = with_absolute_paths(found.lock, site.origin)
        base = on_layer(site.spec, spec.name, base=base, lock=lock, lock_digest=found.digest)
    return base


def base_of_layer(site: Site, layer: LayerSpec) -> Base:
    """What a common layer of a site stands on, by the site's present locks.

    Raises:
        UsageError, SpecError: a lock or an inventory is missing, or is none.
    """
    if site.spec.layer(layer.base) is None:
        return bottom_of(site, layer, site.folder)
    return base_of(site, layer.base)


def bottom_of(site: Site, layer: LayerSpec, folder: str) -> Base:
    """What the lowest layer of a stack stands on: the core, or the environment that it describes.

    That is so as the inventory in `folder` says, where the site's files are, or copies of them.

    Raises:
        UsageError, SpecError: there is no inventory, or it is not for this site.
    """
    if layer.described is None:
        return CORE_BASE
    from envc.sites.inventory import base_of_environment  # few layers stand on such a thing

    return base_of_environment(site.spec, layer, layer.described, folder)


def base_under(site: Site, overlay: OverlaySpec, above: tuple[OverlaySpec, ...] = ()) -> Base:
    """What an overlay stands on, by the present locks; `above` are those that stand on it.

    Raises:
        SpecError: its base is unknown or managed, or overlays stand on each other in a circle.
        UsageError: a lock is missing.
    """
    stack = refuse_circle(overlay, above)
    if overlay.on is not None:
        from envc.sites.inventory import base_beside  # few overlays stand on such a thing

        refuse_in_site(site.spec, overlay, above)
        return base_beside(overlay)
    below = overlay_below(overlay)
    if below is not None:
        return base_on(site, below, stack)
    check_base(site.spec, overlay)
    return base_of(site, overlay.base)


def refuse_in_site(
    site: SiteSpec, overlay: OverlaySpec, above: tuple[OverlaySpec, ...] = ()
) -> None:
    """Refuse an overlay on an environment where a site's layers are, or another overlay on it.

    Raises:
        SpecError: this is one.
    """
    if overlay.on is not None and (site.layers or above):
        told = above[-1].name if above else f"site {site.name}"
        raise SpecError(
            f"overlay {overlay.name} stands on an environment that envc did not build, and {told} "
            "has no part in that",
            where=f"{overlay.file} (overlay.on)",
            mend="build what is asked for into that overlay itself"
            if above
            else f"name it alone, outside of a site: `--overlay {shell_word(overlay.file)}`",
        )


def overlay_below(overlay: OverlaySpec) -> OverlaySpec | None:
    """The overlay that another one stands on; None: it stands on a common layer.

    Raises:
        SpecError: it is called otherwise, or its spec has faults.
        UsageError: it cannot be read.
    """
    if overlay.base_dir is None:
        return None
    folder = os.path.join(os.path.dirname(os.path.abspath(overlay.file)), overlay.base_dir)
    spec = load_overlay(os.path.normpath(f"{folder}/{OVERLAY_SPEC}"))
    if spec.name != overlay.base:
        raise SpecError(
            f"the overlay in {overlay.base_dir} is called {spec.name!r}, not {overlay.base!r}",
            where=f"{overlay.file} (overlay.base-dir)",
            mend="correct base, or base-dir",
        )
    return spec


def base_on(site: Site, overlay: OverlaySpec, above: tuple[OverlaySpec, ...] = ()) -> Base:
    """What would stand on an overlay: its lock, and those below it.

    Raises:
        SpecError, UsageError: as `base_under`; it has no lock itself.
    """
    under = base_under(site, overlay, above)
    found = require_overlay_lock(overlay)
    return on_overlay(site.spec, overlay, base=under, lock=found.lock, lock_digest=found.digest)


def refuse_circle(overlay: OverlaySpec, above: tuple[OverlaySpec, ...]) -> tuple[OverlaySpec, ...]:
    """The overlays above, and this one; unless it is among them already.

    Raises:
        SpecError: it is.
    """
    stack = (*above, overlay)
    if any(os.path.realpath(spec.file) == os.path.realpath(overlay.file) for spec in above):
        raise SpecError(
            "the overlays stand on each other in a circle: "
            + " → ".join(spec.name for spec in stack),
            where=stack[0].file,
            mend="let one of them stand on a common layer",
        )
    return stack


def require_overlay_lock(overlay: OverlaySpec) -> LockFile:
    """The lock beside an overlay's spec, its paths absolute.

    Raises:
        UsageError: it has none.
    """
    found = require_lock(overlay_lock_path(overlay), overlay.name, locks(overlay))
    return replace(found, lock=with_absolute_paths(found.lock, os.path.dirname(found.path)))


def overlay_lock(overlay: OverlaySpec) -> LockFile | None:
    """The lock beside an overlay's spec; where it was lost, what the overlay was built from.

    Its `path` tells which. None: there is neither.

    Raises:
        SpecError: it is no lock.
    """
    folder, name = os.path.split(overlay_lock_path(overlay))
    found = present_overlay_lock(overlay)
    copy = f"{folder}/current/site/{name}"
    command = f"envc repair --overlay {shell_word(folder)}"
    return found or read_lock(copy, overlay.name, command, most_bytes=MOST_OF_AN_OVERLAYS_LOCK)


def present_overlay_lock(overlay: OverlaySpec) -> LockFile | None:
    """The lock beside an overlay's spec.

    Raises:
        SpecError: it is no lock.
    """
    path, command = overlay_lock_path(overlay), locks(overlay)
    return read_lock(path, overlay.name, command, most_bytes=MOST_OF_AN_OVERLAYS_LOCK)


def locks(overlay: OverlaySpec) -> str:
    """The command that locks an overlay."""
    return f"envc lock --overlay {shell_word(overlay.file)}"


def overlay_lock_path(overlay: OverlaySpec) -> str:
    """Where an overlay's lock stands: beside its spec."""
    return f"{os.path.dirname(os.path.abspath(overlay.file))}/{lock_file_name(overlay.name)}"


def check_base(
    site: SiteSpec, overlay: OverlaySpec, *, base_at: str = "", name_at: str = ""
) -> None:
    """Refuse a base that is no open common layer, or not what the overlay takes it for.

    `base_at` and `name_at` tell where base and name were said, if not in the overlay's spec.

    Raises:
        SpecError: it is unknown or managed, or no environment where the overlay asks for one.
    """
    layer = site.layer(overlay.base)
    where = base_at or f"{overlay.file} (overlay.base)"
    if layer is None:
        from envc.formats.nearest import use_one_of  # few bases are mistyped

        known = (layer.name for layer in site.layers if layer.mode == "open")
        raise SpecError(
            f"base {overlay.base!r} is no layer of site {site.name}",
            where=where,
            mend=use_one_of(overlay.base, known),
        )
    if layer.mode == "managed":
        raise SpecError(
            f"layer {layer.name!r} is managed: no overlay may stand on it",
            where=where,
            mend="use another base, or ask the site's administrator to open it",
        )
    if any(overlay.name == layer.name for layer in site.layers) or overlay.name == CORE:
        raise SpecError(
            f"{overlay.name!r} is the name of a layer of site {site.name}",
            where=name_at or f"{overlay.file} (overlay.name)",
            mend="choose another name",
        )
    told = {"replace": bool(overlay.replace), "changed-base": overlay.warns_of_changes}
    if any(told.values()) and site.chain(overlay.base)[-1].described is None:
        key = next(key for key in told if told[key])
        raise SpecError(
            f"`{key}` is for overlays on an environment that envc did not build, and layer "
            f"{overlay.base!r} stands on none",
            where=f"{overlay.file} (overlay.{key})",
            mend="remove it, or name another base",
        )
