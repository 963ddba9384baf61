"""What a target has noted of whom it trusts: read, asked (`trust` has the rules), and written.

TARGET/location.toml     the keys, and the serial of the newest wanted state
TARGET/wanted/accepted   what else is known of what was accepted: the first release reads no more
"""

import os
from collections.abc import Collection, Sequence
from contextlib import suppress

from envc.errors import UsageError
from envc.fleet.state import StateFolder, own_state, place_file
from envc.formats.parcel import parcel_from_json
from envc.formats.record_file import RecordFile
from envc.formats.wanted import WANTED_OPTION
from envc.model.bundle import BundleFile
from envc.model.digest import Digest
from envc.model.names import OWN_STATE
from envc.model.nodes import Statement, WantedGeneration, WantedState
from envc.model.value import replace, value
from envc.target.directory import Directory, read_bytes
from envc.target.opened import read_location, write_location
from envc.trust.rules import (
    Keys,
    Noted,
    believed_state,
    keys_named_in,
    ordered_state,
    refuse_older_bundle,
    refuse_other_site,
    refuse_other_target,
    refuse_unsigned,
)


@value(kw_only=True)
class Accepted:
    """What a target has noted of what it accepted, beside `location.toml`, which 0.1 reads too."""

    is_named: bool = False
    bundle: int = 0


_ACCEPTED = RecordFile(
    kind=Accepted, name="note of what was accepted", number=1, mend="run `envc rollout` again"
)


def noted_in(directory: Directory) -> Noted:
    """Whom this target trusts."""
    location = read_location(directory.path)
    if location is None or not location.keys:
        return Noted((), location.serial if location is not None else 0)
    noted = Noted(location.keys, location.serial, location.site)
    path = _accepted_path(directory)
    with suppress(FileNotFoundError):
        more = _ACCEPTED.from_json(read_bytes(path, missing_is_fine=True), path)
        return replace(noted, is_named=more.is_named, bundle=more.bundle)
    return noted


def remember_trust(directory: Directory, noted: Noted) -> None:
    """Note whom this target trusts, and what it has accepted."""
    before = read_location(directory.path)
    if before is None:
        return  # nothing stands here yet
    more = Accepted(is_named=noted.is_named, bundle=noted.bundle)
    path = _accepted_path(directory)
    if more != Accepted() or os.path.exists(path):
        place_file(path, _ACCEPTED.to_json(more))
    write_location(directory.path, replace(before, keys=noted.keys, serial=noted.serial))


def _accepted_path(directory: Directory) -> str:
    return f"{directory.path}/{OWN_STATE}/accepted"


def refuse_state_of_other_target(
    directory: Directory, state: StateFolder, targets: Collection[str], node: str, noted: Noted
) -> None:
    """Refuse what is wanted of a node in other targets than this; its own state is this one's.

    Raises:
        UntrustedError: it is of another, and keys are noted here.
    """
    if os.path.realpath(state.path) != os.path.realpath(own_state(directory).path):
        named = [os.path.realpath(each.replace("{node}", node)) for each in sorted(targets)]
        refuse_other_target(named, os.path.realpath(directory.path), noted, state.wanted_path)


def keys_in_parcel(state: StateFolder, parcel: Digest) -> Keys:
    """The keys that the site of a parcel names.

    Raises:
        UntrustedError: it is not what its name says.
        OutsideError: it cannot be read.
    """
    return keys_named_in(state.parcel(parcel), state.place("parcel", parcel))


def signed_order(
    directory: Directory,
    state: StateFolder,
    asked: WantedGeneration,
    statement: Statement | None,
    *,
    replace_keys: bool,
    names: Sequence[str],
) -> WantedState | None:
    """The signed wanted state that is behind what a roll-out asks for; None: nobody has to sign.

    With `replace_keys`, those decide that the parcel names, whatever was noted.

    Raises:
        UntrustedError, SpecError: as for `ordered_state`.
    """
    noted = Noted() if replace_keys else noted_in(directory)
    return ordered_state(
        statement, noted, asked, lambda: keys_in_parcel(state, asked.parcel), names
    )


def refuse_bare_switch(directory: Directory) -> None:
    """Where keys are noted, nothing is switched to that is not signed for.

    Raises:
        UntrustedError: keys are noted.
    """
    keys = noted_in(directory).keys
    if keys:
        believed_state(Statement(b""), keys, Noted(), WANTED_OPTION)


def accepted_bundle(
    directory: Directory, path: str, *, named: Keys | None, given: Keys = ()
) -> tuple[BundleFile, Noted]:
    """A bundle that may be used here, and what is to be noted when it was.

    `named` are those of the site that is materialized, None: that of the bundle itself. The
    `given` keys, else the noted ones, else the site's, are those that must have signed it.

    Raises:
        UntrustedError: it is no bundle, none of them has signed it, or the bundle alone would give
            a target that has noted keys to another site, or take it back to what was before.
    """
    from envc.bundle import SiteBundle

    noted = noted_in(directory)
    trusted = given or noted.keys
    if named is not None and not (trusted or named):
        return BundleFile(path), noted.after(
            named, None
        )  # its index is read once, by who takes trees from it
    with SiteBundle(BundleFile(path)) as bundle:
        made, brings_site = bundle.made(), named is None
        if named is None:
            parcel = bundle.parcel()
            named = keys_named_in(parcel, path)
            site = parcel_from_json(parcel, path).site
            refuse_other_site(site, noted, what="bundle", where=path)
        keys = trusted or named
        if keys:
            text, signatures = bundle.index_text, bundle.signatures
            refuse_unsigned(text, signatures, keys, purpose="envc-bundle", where=path)
        if brings_site and not _is_made_from(directory, bundle.parcel(), path):
            refuse_older_bundle(made, noted, path)
        return BundleFile(path, bundle.digest), noted.after(named, None, bundle=made)


def _is_made_from(directory: Directory, parcel: bytes, where: str) -> bool:
    """Whether the current generation was made from the spec and the locks in a parcel."""
    with suppress(OSError):
        for name, text in parcel_from_json(parcel, where).files.items():
            path = f"{directory.path}/current/site/{name}"
            if read_bytes(path, missing_is_fine=True) != text.encode():
                return False
        return True
    return False


def keys_in_file(path: str) -> Keys:
    """The public keys in a file, one a line.

    Raises:
        UsageError: it is not there, or holds none.
    """
    from envc.formats.openssh import public_keys_from_text

    try:
        with open(path, encoding="utf-8") as file:
            keys = public_keys_from_text(file.read())
    except (OSError, ValueError) as error:
        told = error.strerror if isinstance(error, OSError) else str(error)
        raise UsageError(
            f"no public keys can be read here: {told}",
            where=path,
            mend="name a file with lines as a .pub file has them",
        ) from error
    if not keys:
        raise UsageError("there is no public key in it", where=path, mend="name another file")
    return keys


def keys_of_spec(folder: str, name: str) -> Keys:
    """The keys that the spec in a folder names.

    Raises:
        SpecError: it has faults.
        OutsideError: it cannot be read.
    """
    from envc.formats.envc_toml import read_site

    path = os.path.join(folder, name)
    return tuple(read_site(read_bytes(path), path).tables.site.keys)
