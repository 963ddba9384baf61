"""What a folder shows beside its generations: the names that people use, and the site's policy."""

import errno
import os
from contextlib import suppress

from envc.disk.durable import (
    OF_LIMITS,
    disk_error,
    make_folder,
    replace_symlink,
    sync_directory,
    write_file,
)
from envc.errors import EnvcError
from envc.model.generation import Generation
from envc.model.names import POLICY_FILE
from envc.plan.changes import Changes, link_changes
from envc.sites.place import find_site
from envc.target.contents import remove_path
from envc.target.directory import Directory


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
    folders: set[str] = set()
    for name in restored:
        path = f"{directory.path}/{name}"
        for folder in _folders_between(directory.path, path):
            make_folder(folder)
            folders.add(folder)
        replace_symlink(path, owed[name])
    for folder in sorted(folders):
        sync_directory(folder)
    if restored:
        sync_directory(directory.path)
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


def publish_policy(directory: Directory, generation: Generation, policy: bytes) -> bool:
    """Whether the site's policy was another one here; an overlay has none.

    A target that an earlier envc made has no policy file: that of its generation holds.

    Raises:
        OSError: the disk refused.
    """
    if not policy or read_policy(directory) == policy:
        return False
    before = present_policy(directory, generation)
    write_file(f"{directory.path}/{POLICY_FILE}", policy)
    return before != policy


def present_policy(directory: Directory, generation: Generation) -> bytes:
    """The text of the policy that holds in a target whose current generation this is."""
    return read_policy(directory) or policy_of_generation(directory, generation)


def policy_of_generation(directory: Directory, generation: Generation) -> bytes:
    """The policy that the spec of a generation states; empty where that cannot be told."""
    from envc.formats.policy import policy_to_json  # of a target that an earlier envc made
    from envc.model.policy import policy_of
    from envc.sites.site import load_site

    folder = f"{directory.generation(generation.generation)}/site"
    with suppress(EnvcError):
        site = load_site(*find_site(folder), interpreter=generation.interpreter)
        return policy_to_json(policy_of(site.spec))
    return b""


def read_policy(directory: Directory) -> bytes:
    """The text of a target's policy; empty where there is none, or it is closed to us.

    Raises:
        OutsideError: the disk is broken, or a limit is reached.
    """
    path = f"{directory.path}/{POLICY_FILE}"
    try:
        with open(path, "rb") as file:
            return file.read()
    except OSError as error:
        if error.errno == errno.EIO or error.errno in OF_LIMITS:
            raise disk_error(error, "read the policy", path) from error
        return b""


def _folders_between(top: str, path: str) -> list[str]:
    """The folders below `top` that hold a path, the highest first."""
    folders: list[str] = []
    folder = os.path.dirname(path)
    while folder != top:
        folders.insert(0, folder)
        folder = os.path.dirname(folder)
    return folders
