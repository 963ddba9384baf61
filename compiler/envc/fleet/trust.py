"""Whose word a target takes: nobody's, or that of whom its first signed wanted state named.

A site that names keys has its wanted states and bundles signed. A target notes the keys with the
first that it accepts (`location.toml`), and from then on takes nothing that they have not signed:
the next site's keys are noted only when one of the present ones has signed for them.
"""

from __future__ import annotations

import os
from collections.abc import Sequence

from envc.disk.durable import disk_error, make_folder, write_file
from envc.errors import UntrustedError, UsageError
from envc.fleet.wanted import parcel_path, read_parcel, spec_name_in, wanted_path
from envc.formats.openssh import public_keys_from_text
from envc.model.digest import Digest, digest_of, hex_of
from envc.model.nodes import Statement, WantedGeneration, WantedState
from envc.signing import refuse_unsigned
from envc.target.directory import Directory, read_bytes
from envc.target.opened import read_location, write_location

Keys = tuple[str, ...]

# Where a statement comes from that a roll-out brings in its own words.
BROUGHT = "--wanted"


def signatures_path(state: str, text: bytes) -> str:
    """Where the signatures of a wanted state stand: by its digest, so that none is mixed up."""
    return f"{state}/signatures/{hex_of(digest_of(text))}.sig"


def read_statement(state: str) -> Statement:
    """The wanted state in a folder that is to have one, with its signatures.

    Raises:
        UsageError: it has none.
        OutsideError: it cannot be read.
    """
    path = wanted_path(state)
    try:
        text = read_bytes(path, missing_is_fine=True)
    except FileNotFoundError:
        raise UsageError(
            "no wanted state here",
            where=path,
            mend="correct --state, or write it with `envc rollout --state DIR`",
        ) from None
    try:
        return Statement(text, read_bytes(signatures_path(state, text), missing_is_fine=True))
    except FileNotFoundError:
        return Statement(text)


def write_statement(state: str, statement: Statement) -> None:
    """Write a wanted state; its signatures are there before it is.

    Raises:
        OutsideError: the disk refused.
    """
    try:
        if statement.signatures:
            path = signatures_path(state, statement.text)
            make_folder(os.path.dirname(path))
            write_file(path, statement.signatures)
        make_folder(state)
        write_file(wanted_path(state), statement.text)
    except OSError as error:
        raise disk_error(error, "write the wanted state", state) from error


def keys_in_file(path: str) -> Keys:
    """The public keys in a file, one a line.

    Raises:
        UsageError: it is not there, or holds none.
    """
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


def keys_of_parcel(text: bytes, where: str) -> Keys:
    """The keys that the spec in a parcel names.

    Raises:
        SpecError: it is no parcel, or its spec has faults.
    """
    from envc.formats.envc_toml import read_site
    from envc.formats.parcel import parcel_from_json

    files = parcel_from_json(text, where).files
    name = spec_name_in(files)
    return tuple(read_site(files.get(name, "").encode(), name).tables.site.keys)


def keys_of_spec(folder: str, name: str) -> Keys:
    """The keys that the spec in a folder names.

    Raises:
        SpecError: it has faults.
        OutsideError: it cannot be read.
    """
    from envc.formats.envc_toml import read_site

    path = f"{folder}/{name}"
    return tuple(read_site(read_bytes(path), path).tables.site.keys)


def noted_keys(directory: Directory) -> Keys:
    """The keys that this target has noted; none: it takes anybody's word."""
    location = read_location(directory.path)
    return location.keys if location is not None else ()


def wanted_by(
    directory: Directory,
    statement: Statement,
    keys: Sequence[str],
    where: str,
    *,
    replace_keys: bool = False,
) -> WantedState:
    """The wanted state that a statement is; where there are `keys`, one of them has signed it.

    With `replace_keys`, it may be older than the last one.

    Raises:
        UntrustedError: none of them has, it was altered, or a newer one was accepted before.
        SpecError: it is no wanted state.
    """
    if keys:
        refuse_unsigned(
            statement.text, statement.signatures, keys, purpose="envc-wanted", where=where
        )
    from envc.formats.wanted import wanted_from_json  # a bundle has none

    wanted = wanted_from_json(statement.text, where)
    location = read_location(directory.path)
    newest = location.serial if location is not None and keys and not replace_keys else 0
    if wanted.serial < newest:
        raise UntrustedError(
            f"this wanted state is older (serial {wanted.serial}) than one that this node has "
            f"accepted (serial {newest})",
            where=where,
            mend="run `envc rollout --sign KEY` again; find out who put the old one back",
        )
    return wanted


def keys_for(
    directory: Directory, state: str, parcel: Digest, *, replace_keys: bool = False
) -> Keys:
    """The noted keys; at first use, and to replace them, those that the site of a parcel names."""
    return (() if replace_keys else noted_keys(directory)) or _keys_in(state, parcel)


def note(directory: Directory, state: str, wanted: WantedState, *, serial: int | None) -> None:
    """Note that a wanted state was accepted: the keys that its site names now, and its `serial`.

    None: the serial that was noted before stays.

    Raises:
        OutsideError: the disk refused.
    """
    keys = _keys_in(state, wanted.generations[0].parcel)
    _note(directory, keys, serial if keys else 0)


def _keys_in(state: str, parcel: Digest) -> Keys:
    path = parcel_path(state, parcel)
    return keys_of_parcel(read_parcel(path, parcel), path)


def _note(directory: Directory, keys: Keys, serial: int | None) -> None:
    before = read_location(directory.path)
    if before is None:
        return  # nothing stands here yet
    after = before._replace(keys=keys, serial=before.serial if serial is None else serial)
    if after != before:
        write_location(directory.path, after)


def source_of(state: str, generation: WantedGeneration) -> str | None:
    """Where a generation's wheels come from on this node; a bundle is the one that is wanted.

    Raises:
        UntrustedError: another bundle stands in its place.
    """
    if generation.source is None:
        return None
    from envc.supply.bundled import AcceptedBundle, bundle_digest

    path = os.path.normpath(os.path.join(state, generation.source))
    if not os.path.isfile(path):
        return path
    digest = bundle_digest(path)
    if os.path.basename(path) != f"{hex_of(digest)}.envc":
        raise UntrustedError(
            "this bundle is not the one that the wanted state names",
            where=path,
            mend="run `envc rollout` again",
        )
    return AcceptedBundle(path, digest)


def accepted_bundle(
    directory: Directory, path: str, site_keys: Keys | None, given: Keys
) -> tuple[str, Keys]:
    """A bundle that may be used here, and the keys of its site.

    `site_keys` are those of the site that is materialized, None: that of the bundle itself. The
    `given` keys, else the noted ones, else the site's, are those that must have signed it.

    Raises:
        UntrustedError: it is no bundle, or none of them has signed it.
    """
    from envc.bundle import Bundle
    from envc.supply.bundled import PARCEL, AcceptedBundle

    if site_keys is not None and not (given or noted_keys(directory) or site_keys):
        return path, site_keys  # its index is read once, by who takes trees from it
    with Bundle(path) as bundle:
        named = site_keys
        if named is None:
            named = keys_of_parcel(bundle.read(PARCEL), path)
        keys = given or noted_keys(directory) or named
        if keys:
            refuse_unsigned(
                bundle.index_text, bundle.signatures, keys, purpose="envc-bundle", where=path
            )
        return AcceptedBundle(path, bundle.digest), named


def note_bundle(directory: Directory, keys: Keys) -> None:
    """Note the keys of the site whose bundle was accepted.

    Raises:
        OutsideError: the disk refused.
    """
    _note(directory, keys, None)
