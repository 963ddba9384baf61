"""A site's spec and locks on their way to nodes: packed as one file, and unpacked in a target."""

from typing import TYPE_CHECKING

from envc.disk.durable import doing, make_folder
from envc.disk.locks import exclusive
from envc.fleet.state import StateFolder, own_state, place_file, stands_as
from envc.formats.location import Location, location_to_text
from envc.formats.parcel import parcel_from_json, parcel_to_json
from envc.model.digest import digest_of
from envc.model.nodes import Parcel, WantedGeneration
from envc.sites.place import MOST_OF_A_LOCK, read_spec
from envc.target.directory import Directory

if TYPE_CHECKING:
    from envc.sites.site import Site  # a bundle with nothing to do needs none


def make_parcel(site: "Site") -> bytes:
    """The site's spec, its present locks and its inventories as one file.

    Raises:
        UsageError: a lock or an inventory is missing.
    """
    files = {site.spec_name: site.text.decode()}
    for name in site.names_beside():
        files[name] = read_spec(f"{site.folder}/{name}", MOST_OF_A_LOCK).decode()
    return parcel_to_json(Parcel(site=site.spec.name, origin=site.origin, files=files))


def unpack_wanted(
    directory: Directory, state: StateFolder, wanted: WantedGeneration
) -> tuple[str, str]:
    """The folder of a wanted generation's spec and locks in a target, and the spec's name.

    Raises:
        UntrustedError: its parcel is not what its name says.
        OutsideError: it cannot be read, or the disk refused.
    """
    content = state.parcel(wanted.parcel)
    return unpack_parcel(directory, content, state.place("parcel", wanted.parcel))


def unpack_parcel(directory: Directory, content: bytes, where: str) -> tuple[str, str]:
    """The folder of a parcel's spec and locks in a target, and the spec's name.

    Raises:
        SpecError: it is no parcel.
        OutsideError: the disk refused, or somebody else works there for long.
    """
    parcel = parcel_from_json(content, where)
    with doing("make the folder", directory.path):
        make_folder(directory.path)
    folder = own_state(directory).place("site", digest_of(content))
    location = Location(site=parcel.site, target=directory.path, checkout=parcel.origin)
    files = {f"{folder}/{name}": text.encode() for name, text in parcel.files.items()}
    files[f"{folder}/location.toml"] = location_to_text(location)
    if not all(stands_as(path, text) for path, text in files.items()):
        with exclusive(directory.lock):  # `gc` removes what is half-written
            for path, text in files.items():
                place_file(path, text)
    return folder, parcel.spec_name
