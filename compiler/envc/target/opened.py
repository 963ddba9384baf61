"""A target directory, or an overlay's folder, as commands find it; its site is read on demand."""

import os
from contextlib import suppress
from functools import cached_property
from typing import TYPE_CHECKING, NamedTuple

from envc.disk.digests import bytes_of
from envc.disk.durable import disk_error, doing, write_file
from envc.disk.ownership import exposure, refuse_exposed
from envc.errors import EnvcError, Fault, UsageError, shell_word
from envc.formats.location import Location, location_from_text, location_to_text
from envc.formats.values import refuse_nul
from envc.model.generation import Generation
from envc.model.names import POLICY_FILE
from envc.model.value import replace
from envc.sites.overlay_folder import holds_overlay, lost_spec
from envc.sites.place import find_site
from envc.target.directory import Directory, Shape
from envc.target.settle import read_policy

_MOST_OF_A_LOCATION = 1 << 20

if TYPE_CHECKING:
    from envc.model.policy import RetainSpec
    from envc.model.spec import OverlaySpec
    from envc.sites.site import LockFile, Site


class LayerSettings(NamedTuple):
    """The variables that a common layer and its bases set, and the modules that they need."""

    env: dict[str, str]
    modules: tuple[str, ...]


class Target:
    """A target directory, its current generation, and where it is."""

    def __init__(self, directory: Directory, current: Generation, location: Location) -> None:
        self.directory = directory
        self.current = current
        self.location = location

    @cached_property
    def site(self) -> "Site":
        """The site that the current generation was made from, under the policy that holds now.

        Raises:
            SpecError: its spec, or the policy, is damaged.
        """
        from envc.formats.policy import policy_from_json
        from envc.model.spec import under_policy
        from envc.sites.site import load_site

        folder = f"{self.directory.generation(self.current.generation)}/site"
        read = load_site(
            *find_site(folder),
            origin=self.location.checkout,
            interpreter=self.current.interpreter,
        )
        site = replace(read, store=self.directory.store)
        policy = read_policy(self.directory)
        if not policy:
            return site
        path = f"{self.directory.path}/{POLICY_FILE}"
        return replace(site, spec=under_policy(site.spec, policy_from_json(policy, path)))

    def settings(self, layer: str) -> LayerSettings:
        """What a layer and its bases set and need: as it was noted, else by the site's spec.

        Raises:
            SpecError: the spec is damaged.
        """
        from envc.target.inputs import noted_inputs

        noted = noted_inputs(self.directory, self.current).told.get(layer)
        if noted is None:
            noted = self.site.spec.settings().get(layer, {"env": {}, "modules": []})
        return LayerSettings(dict(noted["env"]), tuple(noted["modules"]))


def directory_at(path: str) -> Directory:
    """The target directory or the overlay's folder at `path`; what stands in it tells which."""
    folder = os.path.abspath(path)
    return Directory(folder, Shape.OVERLAY if holds_overlay(folder) else Shape.TARGET)


def materialized_at(path: str) -> Directory:
    """The same, of which at least one generation is there.

    Raises:
        UsageError: nothing is materialized here.
    """
    directory = directory_at(path)
    if not directory.numbers():
        raise UsageError(
            "nothing is materialized here",
            where=directory.path,
            mend="name a target directory, or an overlay's folder",
        )
    return directory


def built_overlay(directory: Directory) -> Generation:
    """The current generation of an overlay's folder.

    Raises:
        UsageError: there is none, or its spec was lost.
    """
    lost = lost_spec(directory.path)
    if lost is not None:
        raise UsageError.of([lost])
    current = directory.current()
    if current is None or len(current.layers) != 1:
        raise UsageError(
            "no overlay is built here",
            where=directory.path,
            mend=f"run `envc overlay sync --dir {shell_word(directory.path)}`",
        )
    return current


def _is_free(path: str) -> bool:
    """Whether a target can be made there."""
    try:
        return not os.listdir(path)
    except FileNotFoundError:
        return True
    except OSError:
        return False


def open_target(path: str) -> Target:
    """What is materialized in a target directory.

    Raises:
        UsageError: nothing is.
    """
    directory = Directory(os.path.abspath(path), Shape.TARGET)
    current = directory.current()
    if current is None:
        command = f"run `envc materialize --target {shell_word(directory.path)}`, or "
        raise UsageError(
            "nothing is materialized here",
            where=directory.path,
            mend=f"{command if _is_free(directory.path) else ''}name another target",
        )
    location = read_location(directory.path)
    fallback = Location(site=current.site, target=directory.path)
    return Target(directory, current, location or fallback)


def read_location(folder: str) -> Location | None:
    """The location file of a target or an overlay's folder; None where there is none."""
    path = f"{folder}/location.toml"
    try:
        text = bytes_of(path, _MOST_OF_A_LOCATION)
        refuse_nul(text, path)
        return location_from_text(text, path)
    except FileNotFoundError:
        return None
    except OSError as error:
        raise disk_error(error, "read where the target is", path) from error


def write_location(folder: str, location: Location) -> None:
    """Write the location file of a target or an overlay's folder, unless it is there as it is."""
    path = f"{folder}/location.toml"
    with suppress(EnvcError):  # a damaged one is replaced
        if read_location(folder) == location:
            return
    with doing("write where the target is", path):
        write_file(path, location_to_text(location))


def locate(directory: Directory, *, site: str, storage: str | None, checkout: str | None) -> None:
    """Let a target say where it, its site and its users' overlays are; what else it says stays."""
    before = None
    with suppress(EnvcError):  # a damaged one is written anew
        before = read_location(directory.path)
    told = before or Location(site=site, target=directory.path)
    place = directory.path
    told = replace(told, site=site, target=place, storage=storage, checkout=checkout)
    write_location(place, told)


def retain_of(directory: Directory) -> "RetainSpec":
    """`[retain]` of a target's site; of an overlay, the days of the site that it stands on.

    Where no site can be told, it is the default.
    """
    from envc.model.policy import RetainSpec  # most runs ask for none

    target: str | None = directory.path
    if directory.is_overlay:
        with suppress(EnvcError):
            location = read_location(directory.path)
            target = location.target if location is not None else None
    if target is None or Directory(target, Shape.TARGET).current_number() is None:
        return RetainSpec()
    if not directory.is_overlay:
        return open_target(target).site.spec.retain
    with suppress(EnvcError):
        return RetainSpec(days=open_target(target).site.spec.retain.days)
    return RetainSpec()


def find_target(given: str | None, overlay_folder: str | None) -> str:
    """The target directory: the one given, the one the overlay recorded, or `ENVC_TARGET`.

    Raises:
        UsageError: none of them tells, or as for `recorded_target`.
    """
    if given is not None:
        return os.path.abspath(given)
    recorded = recorded_target(overlay_folder) if overlay_folder is not None else None
    found = recorded or os.environ.get("ENVC_TARGET")
    if not found:
        raise UsageError(
            "where the common layers are materialized is not known",
            where=overlay_folder or "",
            mend="name the target with --target DIR, or set ENVC_TARGET",
        )
    return os.path.abspath(found)


def lending_target(named: str | None) -> Directory | None:
    """The target from whose store trees may be copied: the one `named`, else that of `ENVC_TARGET`.

    None: there is none, or ENVC_TARGET leads to one that others could change.

    Raises:
        UsageError: nothing is materialized in the one that was named, or others could change it.
    """
    path = named or os.environ.get("ENVC_TARGET")
    if not path:
        return None
    directory = Directory(os.path.abspath(path), Shape.TARGET)
    if named is not None:
        directory = open_target(named).directory
        refuse_exposed(directory.path, (os.stat(directory.path).st_uid,))
    elif not directory.numbers() or exposure(directory.path) is not None:
        return None
    return directory


def recorded_target(overlay_folder: str, named: str | None = None) -> str | None:
    """Where an overlay's base is: as its location says; that lost, as its tree was built.

    It may come from somebody else's overlay, with the file that says it. The target of another user
    has to be `named`, by ENVC_TARGET, or by who had the overlay built in this very folder.

    Raises:
        UsageError: it is another user's, and nobody has named it.
    """
    location = _told_location(overlay_folder)
    if location is None:
        return None
    found = exposure_of_target(overlay_folder, location)
    named = named or os.environ.get("ENVC_TARGET")
    if found is not None and not (named and os.path.realpath(named) == _real(location)):
        raise UsageError(
            "the target that this overlay stands on may be changed by others, and nobody has named "
            f"it for this folder: {found.where}: {found.what}",
            where=f"{overlay_folder}/location.toml (target)",
            mend=f"run `envc overlay sync --dir {shell_word(overlay_folder)} --target DIR` with "
            "the target that you trust, or set ENVC_TARGET",
        )
    return location.target


def _real(location: Location) -> str:
    return os.path.realpath(location.target)


def _told_location(overlay_folder: str) -> Location | None:
    location = read_location(overlay_folder)
    if location is not None:
        return location
    from envc.target.base_state import compiled_for  # few lose it

    directory = Directory(overlay_folder, Shape.OVERLAY)
    current = directory.sound_current()
    with suppress(EnvcError):
        target = compiled_for(directory, current) if current is not None else ""
        return Location(site="", target=target) if target else None
    return None


def exposure_of_target(overlay_folder: str, location: Location) -> Fault | None:
    """Who else could change the target of an overlay that nobody has named for this folder."""
    status = os.stat(overlay_folder)
    if location.folder == status.st_ino:
        return None
    return exposure(location.target, {status.st_uid})


def named_for(overlay_folder: str, location: Location) -> Location:
    """The location of an overlay whose owner names this target now."""
    if exposure_of_target(overlay_folder, location) is None:
        return location
    return replace(location, folder=os.stat(overlay_folder).st_ino)


def drift_of(spec: "OverlaySpec", present: "LockFile | None") -> str:
    """What is wrong with the tree that stands beside a spec; empty when nothing, or no tree."""
    folder = os.path.dirname(os.path.abspath(spec.file))
    if present is None or not os.path.isdir(f"{folder}/generations"):
        return ""
    try:
        current = Directory(folder, Shape.OVERLAY).current()
    except EnvcError as error:
        return f"the overlay's tree cannot be used: {error.faults[0].what}"
    layer = current.layers.get(spec.name) if current is not None else None
    if layer is None:
        return "the overlay is locked but not built"
    if layer.lock != present.digest:
        return "the overlay's tree was built from another lock than the present one"
    return ""
