"""What a folder shows beside its generations: the names that people use, and the site's policy."""

import json
import os
from collections.abc import Iterable
from contextlib import suppress

from envc.disk.digests import known_bytes
from envc.disk.durable import make_folder, replace_symlink, sync_directory, write_file
from envc.errors import EnvcError
from envc.model.digest import hex_of
from envc.model.generation import Generation, generation_name
from envc.model.manifest import parents_of
from envc.model.names import POLICY_FILE
from envc.plan.changes import Changes, link_changes
from envc.sites.place import find_site
from envc.target.contents import remove_path
from envc.target.directory import Directory, read_bytes


def link_changes_in(directory: Directory, current: Generation) -> Changes:
    """Which names have to be restored or removed for a generation to be the current one."""
    owed = directory.owed_links(current)
    return Changes(**link_changes(directory.standing_links(owed), owed))


def restore_names(directory: Directory, generation: Generation) -> tuple[str, ...]:
    """Let every name of a generation lead to it; those that did not.

    Raises:
        OSError: the disk refused.
    """
    owed = directory.owed_links(generation)
    restored = link_changes_in(directory, generation).restore
    for name in restored:
        make_folder(os.path.dirname(f"{directory.path}/{name}"))
        replace_symlink(f"{directory.path}/{name}", owed[name])
    for folder in (*reversed(parents_of(restored)), "") if restored else ():
        sync_directory(f"{directory.path}/{folder}")
    return restored


def remove_names(directory: Directory, generation: Generation) -> tuple[str, ...]:
    """Remove the names of what a generation, the current one, has not; those that there were.

    Raises:
        OSError: the disk refused.
    """
    removed = link_changes_in(directory, generation).remove
    for name in removed:
        remove_path(directory, name)
    return removed


def lost_closures(directory: Directory, records: Iterable[Generation]) -> dict[str, Generation]:
    """The names of closures that lead to no generation, each with the newest that holds it."""
    holders = {
        f"by-lock/{hex_of(layer.closure)}": record
        for record in sorted(records, key=lambda record: record.generation)
        for layer in record.layers.values()
    }
    return {
        name: record
        for name, record in holders.items()
        if not os.path.exists(f"{directory.path}/{name}")
    }


def restore_closures(directory: Directory, records: Iterable[Generation]) -> None:
    """Let every closure that some of these generations holds have its name.

    Raises:
        OSError: the disk refused.
    """
    make_folder(f"{directory.path}/by-lock")
    for name, record in lost_closures(directory, records).items():
        leads = f"../generations/{generation_name(record.generation)}"
        replace_symlink(f"{directory.path}/{name}", leads)
    sync_directory(f"{directory.path}/by-lock")


def publish_policy(directory: Directory, generation: Generation, policy: bytes) -> bool:
    """Whether the site's policy was another one here; an overlay has none.

    A target that an earlier envc made has no policy file: that of its generation holds.

    Raises:
        OSError: the disk refused.
    """
    if not policy or known_bytes(f"{directory.path}/{POLICY_FILE}") == policy:
        return False
    before = None
    with suppress(EnvcError):  # one that cannot be read is replaced
        before = present_policy(directory, generation)
    write_file(f"{directory.path}/{POLICY_FILE}", policy)
    return before != policy


def present_policy(directory: Directory, generation: Generation) -> bytes:
    """The text of the policy that holds in a target whose current generation this is."""
    return read_policy(directory) or policy_of_generation(directory, generation)


def policy_of_generation(directory: Directory, generation: Generation) -> bytes:
    """The policy that the spec of a generation states; empty where that cannot be told."""
    from envc.formats.policy import policy_to_json  # of a target that an earlier envc made
    from envc.model.spec import policy_of
    from envc.sites.site import load_site

    folder = f"{directory.generation(generation.generation)}/site"
    with suppress(EnvcError):
        site = load_site(*find_site(folder), interpreter=generation.interpreter)
        return policy_to_json(policy_of(site.spec))
    return b""


def storage_in(policy: bytes) -> str | None:
    """The storage for overlays that the text of a policy names; None: none, or it is damaged."""
    try:
        storage: str | None = json.loads(policy)["overlays"]["storage"]
    except (ValueError, KeyError, TypeError):
        return None
    return storage


def read_policy(directory: Directory) -> bytes:
    """The text of a target's policy; empty where there is none.

    Raises:
        OutsideError: it cannot be read: what it forbids nobody can tell.
    """
    path = f"{directory.path}/{POLICY_FILE}"
    try:
        return read_bytes(path, missing_is_fine=True)
    except FileNotFoundError:
        return b""
