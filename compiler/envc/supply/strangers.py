"""Whose code would run if an overlay were locked: its sources', when they are built.

Who locks an overlay runs the backends of what its spec names. So what is here must be nobody else's
(`disk/ownership`), and who asks for another user's overlay to be locked builds nothing for it.
"""

import os
from collections.abc import Iterator
from urllib.parse import urldefrag

from envc.disk.ownership import Exposed, exposed, name_of_user, number_of_user
from envc.errors import EnvcError, Fault, UsageError
from envc.host.storage import expanded
from envc.model.lock import Lock, LockedWheel
from envc.model.spec import OverlaySpec
from envc.model.value import replace, value
from envc.sites.overlay_files import collected_as
from envc.sites.site import Site, locks
from envc.supply.building import Locker
from envc.supply.editables import CONFIGURATION, directory_of
from envc.supply.indexes import indexes_of
from envc.supply.local_files import local_path
from envc.supply.wheelhouse import WHEELHOUSE

_MEND = "copy it into a folder of your own, or have the overlay locked by its owner"


def refuse_strangers_sources(spec: OverlaySpec) -> None:
    """Refuse an overlay that would build what somebody else could change, of what is here.

    Raises:
        UsageError: a project, a folder, a repository or a source distribution is not safe.
    """
    for source in _sources(spec):
        names = CONFIGURATION if os.path.isdir(source) else ()
        for path in (source, *(f"{source}/{name}" for name in names)):
            found = exposed(path)
            if found is not None:
                raise UsageError.of([_said(found, source)])


def _sources(spec: OverlaySpec) -> Iterator[str]:
    """The paths of what is built of what the spec names on this machine."""
    for sourced in spec.editable:
        yield directory_of(spec, sourced.path)
    for each in spec.requires:
        url = each.requirement.url or ""
        bare = urldefrag(url.removeprefix("git+"))[0]
        if url.startswith("git+") and "@" in os.path.basename(bare):
            bare = bare.rpartition("@")[0]
        path = local_path(bare, _folder(spec))
        if path is not None and not path.endswith(".whl"):
            yield path


def _said(found: Exposed, source: str) -> Fault:
    fault = found.fault
    if os.lstat(fault.where).st_uid in {0, os.geteuid()}:
        return fault  # of who can mend it
    what = f"{source} would be built, which runs its code, and is of {found.who}"
    return Fault(what, fault.where, _MEND)


def locker_of(site: Site, spec: OverlaySpec) -> Locker:
    """Who is to lock an overlay: its owner, of a copy in the site that of what was copied.

    What else stands in the site is the site's.
    """
    collected = _collected(site, spec)
    if collected is not None:
        user, name = collected
        if user == name_of_user(os.geteuid()):
            return _own(spec)
        return Locker(f"user {user}", _as_owner(f"user {user}", f"{_storage(site)}/{user}/{name}"))
    if f"{_folder(spec)}/".startswith(f"{os.path.abspath(site.folder)}/"):
        return _own(spec)
    found = exposed(spec.file)
    if found is None:
        return _own(spec)
    owner = os.lstat(found.fault.where).st_uid
    if owner in {0, os.geteuid()}:
        return Locker(found.who, found.fault.mend)
    return Locker(found.who, _as_owner(found.who, _folder(spec)))


@value
class Reach:
    """What may be read for an overlay of somebody else: what is theirs.

    `folder` has the lock and the wheels beside it, whose `owner` may be who collected them; `user`
    is whose overlay it is (numbers; None: nobody has the name). `shared` are the site's own folders
    of wheels.
    """

    folder: str
    owner: int
    user: int | None
    shared: tuple[str, ...]

    def of(self, lock: Lock) -> Lock:
        """The lock without paths that lead elsewhere, and without where its builds came from."""
        pins = tuple(
            replace(pin, wheels=tuple(self._kept(wheel) for wheel in pin.wheels))
            for pin in lock.pins
        )
        return replace(lock, pins=pins, builds=())

    def hides(self, lock: Lock) -> bool:
        """Whether some path of the lock leads elsewhere."""
        return self.of(lock).pins != lock.pins

    def _kept(self, wheel: LockedWheel) -> LockedWheel:
        if wheel.path is None:
            return wheel
        path = os.path.normpath(os.path.join(self.folder, wheel.path))
        within = any(path.startswith(f"{each}/") for each in (self.folder, *self.shared))
        return wheel if within else replace(wheel, path=None)


def reach_of(site: Site, spec: OverlaySpec) -> Reach | None:
    """What may be read for an overlay; None: all that it names, as it is the caller's own."""
    if not locker_of(site, spec).who:
        return None
    folder = _folder(spec)
    owner = os.stat(folder).st_uid
    collected = _collected(site, spec)
    places = [f"{site.folder}/{WHEELHOUSE}", *(i.path for i in indexes_of(site) if i.path)]
    shared = {*map(os.path.abspath, places), *map(os.path.realpath, places)}
    user = owner if collected is None else number_of_user(collected[0])
    return Reach(folder, owner, user, tuple(sorted(shared)))


def _folder(spec: OverlaySpec) -> str:
    return os.path.dirname(os.path.abspath(spec.file))


def _own(spec: OverlaySpec) -> Locker:
    return Locker("", f"lock it: {locks(spec)}")


def _as_owner(user: str, folder: str) -> str:
    from shlex import quote  # for a mend that few need

    return f"have {user} lock it, as its owner: envc overlay sync --dir {quote(folder)}"


def _collected(site: Site, spec: OverlaySpec) -> tuple[str, str] | None:
    """User and name of an overlay that `overlay collect` copied into the site; None: of no such."""
    if site.spec.overlays.storage is None:
        return None
    return collected_as(site, spec.file)


def _storage(site: Site) -> str:
    try:
        return expanded(site.spec.overlays.storage or "", site.spec.file)
    except EnvcError:
        return site.spec.overlays.storage or ""
