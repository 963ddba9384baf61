"""The folder of the wanted state: what nodes are to hold, and what they make it from.

A roll-out writes it; nodes read it from shared storage, or each has its own copy at
`TARGET/wanted`, which the engine brought. Nodes trust digests, not the folder: a parcel or a kit
that is not what the wanted state names is not used.

A roll-out that finds nothing to do parses nothing here: readers are imported where they read.
"""

import json
import os
from collections.abc import Collection
from dataclasses import asdict, replace

from envc.disk.durable import disk_error, make_folder, write_file
from envc.errors import OutsideError, UntrustedError, UsageError
from envc.model.core import PackedCore
from envc.model.digest import Digest, digest_of, hex_of
from envc.model.nodes import Parcel, WantedGeneration, WantedState
from envc.model.spec import RetainSpec
from envc.sites.place import SPEC_NAME, read_spec
from envc.sites.site import Site
from envc.target.directory import Directory, read_bytes

OWN_STATE = "wanted"


def wanted_path(state: str) -> str:
    """The file in the folder of a wanted state."""
    return f"{state}/wanted.json"


def parcel_path(state: str, parcel: Digest) -> str:
    """Where a parcel stands in the folder of a wanted state."""
    return f"{state}/parcels/{hex_of(parcel)}.json"


def kit_path(state: str, kit: Digest) -> str:
    """Where a kit stands in the folder of a wanted state."""
    return f"{state}/kits/{hex_of(kit)}.zip"


def bundle_path(state: str, bundle: Digest) -> str:
    """Where a bundle stands in the folder of a wanted state; named by its index's digest."""
    return f"{state}/bundles/{hex_of(bundle)}.envc"


def core_path(state: str, packed: Digest) -> str:
    """Where a core stands in the folder of a wanted state, packed for any tar."""
    return f"{state}/cores/{hex_of(packed)}.tar.gz"


def packed_core(state: str, packed: Digest | None) -> PackedCore | None:
    """The file that brings a core, in the folder of a wanted state; None: none is brought."""
    return PackedCore(core_path(state, packed), packed) if packed is not None else None


def read_wanted(state: str) -> WantedState | None:
    """The wanted state in a folder; None where there is none.

    Raises:
        OutsideError: it cannot be read.
        SpecError: it is no wanted state.
    """
    from envc.formats.wanted import wanted_from_json

    path = wanted_path(state)
    try:
        text = read_bytes(path, missing_is_fine=True)
    except FileNotFoundError:
        return None
    return wanted_from_json(text, path)


def required_state(state: str) -> WantedState:
    """The wanted state in a folder that is to have one.

    Raises:
        UsageError: it has none.
        OutsideError, SpecError: as `read_wanted`.
    """
    wanted = read_wanted(state)
    if wanted is None:
        raise UsageError(
            "no wanted state here",
            where=wanted_path(state),
            mend="correct --state, or write it with `envc rollout --state DIR`",
        )
    return wanted


def write_wanted(state: str, wanted: WantedState) -> None:
    """Write the wanted state.

    Raises:
        OutsideError: the disk refused.
    """
    from envc.formats.wanted import wanted_to_json

    try:
        make_folder(state)
        write_file(wanted_path(state), wanted_to_json(wanted))
    except OSError as error:
        raise disk_error(error, "write the wanted state", state) from error


def place_file(path: str, content: bytes) -> None:
    """Write a file that is named by its digest, unless it is there already.

    Raises:
        OutsideError: the disk refused.
    """
    try:
        if not os.path.exists(path) or digest_of(read_bytes(path)) != digest_of(content):
            make_folder(os.path.dirname(path))
            write_file(path, content)
    except OSError as error:
        raise disk_error(error, "write what nodes need", path) from error


def is_wanted(state: str, wanted: WantedGeneration, *, kit: Digest, keep: int) -> bool:
    """Whether the state in a folder has this generation to be current, and no more than `keep`.

    It compares texts only: what it denies may still be so.
    """
    try:
        values = json.loads(read_bytes(wanted_path(state)))
        generations = values["generations"]
        # `core` is missing in what an older envc wrote.
        same = {"core": None} | generations[0] | {"since": wanted.since} == asdict(wanted)
        return bool(same and values["kit"] == kit and len(generations) <= max(1, keep))
    except (OutsideError, ValueError, KeyError, IndexError, TypeError):
        return False


def next_wanted(
    before: WantedState | None, site: str, wanted: WantedGeneration, *, kit: Digest, keep: int
) -> WantedState:
    """The state in which `wanted` is to be current, and the newest `keep` are held."""
    older = before.generations if before is not None else ()
    kept = [generation for generation in older if generation.closures != wanted.closures]
    known = next((each for each in older if each.closures == wanted.closures), None)
    newest = replace(wanted, since=known.since) if known is not None else wanted
    return WantedState(
        site=site,
        serial=before.serial + 1 if before is not None else 1,
        kit=kit,
        generations=(newest, *kept)[: max(1, keep)],
    )


def kept_of(retain: RetainSpec) -> int:
    """How many generations nodes hold by the site's `[retain]`."""
    return max(1, retain.generations)


def make_parcel(site: Site) -> bytes:
    """The site's spec and present locks as one file.

    Raises:
        UsageError: a lock is missing.
    """
    from envc.formats.parcel import parcel_to_json
    from envc.model.names import lock_file_name

    locks = {lock_file_name(layer.name): site.lock_path(layer.name) for layer in site.spec.layers}
    files = {site.spec_name: site.text.decode()}
    files |= {name: read_spec(path).decode() for name, path in locks.items()}
    return parcel_to_json(Parcel(site=site.spec.name, origin=site.origin, files=files))


def is_whole(path: str, digest: Digest) -> bool:
    """Whether a file is there and has that digest."""
    try:
        return digest_of(read_bytes(path)) == digest
    except OutsideError:
        return False


def unpack_parcel(directory: Directory, state: str, parcel: Digest) -> tuple[str, str]:
    """The folder of the parcel's spec and locks on this node, and the spec's name.

    Raises:
        UntrustedError: the parcel is not what its name says.
        OutsideError: it cannot be read, or the disk refused.
    """
    path = parcel_path(state, parcel)
    return place_parcel(directory, read_parcel(path, parcel), path)


def read_parcel(path: str, parcel: Digest) -> bytes:
    """The bytes of a parcel.

    Raises:
        UntrustedError: it is not what its name says.
        OutsideError: it cannot be read.
    """
    text = read_bytes(path)
    if digest_of(text) != parcel:
        raise UntrustedError(
            "the parcel is not what the wanted state names: it was cut off or altered",
            where=path,
            mend="run `envc rollout` again",
        )
    return text


def place_parcel(directory: Directory, text: bytes, where: str) -> tuple[str, str]:
    """The folder of a parcel's spec and locks on this node, and the spec's name.

    Raises:
        SpecError: it is no parcel.
        OutsideError: the disk refused.
    """
    from envc.formats.location import Location
    from envc.formats.parcel import parcel_from_json
    from envc.target.opened import read_location, write_location

    parcel = parcel_from_json(text, where)
    folder = parcel_folder(directory, digest_of(text))
    try:
        make_folder(folder)
    except OSError as error:
        raise disk_error(error, "unpack the parcel", folder) from error
    for name, content in parcel.files.items():
        place_file(f"{folder}/{name}", content.encode())
    location = Location(site=parcel.site, target=directory.path, checkout=parcel.origin)
    if read_location(folder) != location:
        write_location(folder, location)
    return folder, spec_name_in(parcel.files)


def parcel_folder(directory: Directory, parcel: Digest) -> str:
    """Where a target has the spec and the locks of a parcel."""
    return f"{directory.path}/{OWN_STATE}/sites/{hex_of(parcel)}"


def spec_name_in(files: Collection[str]) -> str:
    """Which of a parcel's files is the spec."""
    return SPEC_NAME if SPEC_NAME in files else "pyproject.toml"


def state_of(directory: Directory, given: str | None) -> str:
    """The folder of the wanted state: the one given, else the one that the target knows.

    Raises:
        UsageError: nobody knows one.
    """
    if given is not None:
        return os.path.abspath(given)
    from envc.target.opened import read_location

    location = read_location(directory.path)
    if location is None or location.wanted is None:
        raise UsageError(
            "what this node is to hold is not known: no roll-out has been here",
            where=directory.path,
            mend="name the folder of the wanted state with --state DIR",
        )
    return location.wanted


def number_of(directory: Directory, wanted: WantedGeneration) -> int | None:
    """The number of the generation that has exactly these closures; None: it is not here."""
    for number in reversed(directory.numbers()):
        record = directory.record(number)
        if {name: layer.closure for name, layer in record.layers.items()} == wanted.closures:
            return number
    return None
