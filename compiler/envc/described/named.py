"""The environment that a spec names: found here, looked at, described."""

import os

from envc.described.ask import described_by, interpreter_of
from envc.described.identity import is_as_described
from envc.disk.ownership import refuse_exposed
from envc.errors import UsageError
from envc.host.machine import machine_of
from envc.host.surroundings import missing_modules, said_of_modules
from envc.model.inventory import Inventory
from envc.model.spec import OnSpec


def found_here(on: OnSpec, where: str) -> OnSpec:
    """The same with the paths that it means here; `where` is the key that names it.

    Raises:
        UsageError: it is not here, somebody else could change it, or a variable is not set.
    """
    paths = tuple(_place(path, where) for path in on.paths)
    python = interpreter_of(_place(on.python, where))
    refuse_exposed(python, (os.stat(python).st_uid,))
    return OnSpec(python=python, paths=paths, modules=on.modules)


def is_here(known: Inventory, here: OnSpec) -> bool:
    """Whether what was found here is what an inventory tells of, and as it tells."""
    folders = {each.path for each in known.folders}
    return (
        known.python == here.python
        and is_as_described(known)
        and {os.path.realpath(path) for path in here.paths if os.path.isdir(path)} <= folders
        and machine_of(known.interpreter).python_full == known.python_full
    )


def described_anew(here: OnSpec, where: str) -> Inventory:
    """The inventory of what was found here; its interpreter is run.

    `where` is the key that names its modules.

    Raises:
        UsageError: the modules that it needs are not loaded; or as for `described_by`.
    """
    missing = missing_modules(os.environ, here.modules)
    if missing:
        raise UsageError(
            said_of_modules(missing),
            where=where,
            mend="load them, and run the same command again; or correct the key",
        )
    return described_by(here.python, here.paths, is_named=True)


def _place(path: str, where: str) -> str:
    """A path of the spec with its variables."""
    found = os.path.expanduser(os.path.expandvars(path))
    if not os.path.isabs(found):
        raise UsageError(
            f"{path} names a variable that is not set",
            where=where,
            mend="set it, or write the path",
        )
    return found
