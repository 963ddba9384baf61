"""`TARGET/bin/envc`: the envc that materialized, for every user of the node; nothing is installed.

    TARGET/envc/<digest of the kit>/      run.py, lib/, bin/envc, as a roll-out brings them
    TARGET/bin/envc -> ../envc/<digest>/bin/envc

A kit is unpacked once in the cache, and linked from there into each target.
"""

import os
import re
import shlex
from collections.abc import Iterator
from contextlib import contextmanager, suppress

import envc
from envc.cluster.kit import Kit, kit_of_this_envc
from envc.disk.digests import known_bytes
from envc.disk.durable import (
    doing,
    make_folder,
    remove_temporaries,
    replace_symlink,
    sync_directory,
    sync_file_system,
    write_file,
)
from envc.disk.folders import walk
from envc.disk.private import private_folder
from envc.errors import OutsideError
from envc.host.context import Context
from envc.host.machine import default_interpreter
from envc.model.digest import hex_of, is_digest
from envc.model.generation import Generation
from envc.model.manifest import EXECUTABLE_MODE
from envc.model.names import COMMAND
from envc.model.python import running_python
from envc.target.directory import Directory
from envc.target.trees import link_or_copy

# How folders begin in which a kit is on its way.
PART = ".part-"


def renew_command(directory: Directory, generation: Generation, context: Context) -> None:
    """Let `TARGET/bin/envc` start the envc that runs now; the caller holds the directory's lock.

    It runs on the generation's interpreter where that is of the kit's Python, as every user has
    that one; else on the one that runs now.
    """
    with _home(context) as home:
        _renew_command(directory, generation, home)


@contextmanager
def _home(context: Context) -> Iterator[str]:
    """This envc as an unpacked kit: the one that runs, in the cache, or for this run alone."""
    own, kit = home_of_this_envc(), None
    if own is None:
        with suppress(OutsideError):
            kit = kit_of_this_envc(context.cache)
            own = _unpacked(kit, os.path.dirname(kit.path))
    if own is not None:
        yield own
        return
    from tempfile import TemporaryDirectory

    with TemporaryDirectory(prefix="envc-kit-") as folder:
        yield _unpacked(kit or kit_of_this_envc(folder), folder)


def _renew_command(directory: Directory, generation: Generation, home: str) -> None:
    own = f"{directory.path}/envc/{os.path.basename(home)}"
    link = f"{directory.path}/{COMMAND}"
    leads = os.path.relpath(f"{own}/bin/envc", os.path.dirname(link))
    with doing("write the target's own envc", link):
        if not os.path.isdir(own):
            _link_home(home, own)
        for folder in (f"{own}/bin", os.path.dirname(link)):
            remove_temporaries(folder)
        _write_command(home, own, _interpreter(generation))
        if not os.path.islink(link) or os.readlink(link) != leads:
            make_folder(os.path.dirname(link))
            replace_symlink(link, leads)
            sync_directory(os.path.dirname(link))


def home_of_this_envc() -> str | None:
    """The unpacked kit that this envc runs from; None: it is installed, or a bundle started it."""
    library = os.path.dirname(os.path.dirname(os.path.abspath(envc.__file__)))
    home = os.path.dirname(library)
    is_named = is_digest(f"sha256:{os.path.basename(home)}")
    is_kit = os.path.basename(library) == "lib" and os.path.isfile(f"{home}/run.py")
    return home if is_named and is_kit else None


def runs_named_envc(directory: Directory) -> bool:
    """Whether `TARGET/bin/envc` leads to this envc; an installed one is in no target."""
    home, named = home_of_this_envc(), os.path.realpath(f"{directory.path}/{COMMAND}")
    return home is None or named == os.path.realpath(f"{home}/bin/envc")


def _unpacked(kit: Kit, folder: str) -> str:
    """The kit unpacked in a folder, made unless it is there."""
    from envc.disk.cache import record_use  # `verify` needs none

    home = os.path.join(folder, hex_of(kit.digest))
    with doing("unpack envc", home):
        if not os.path.isdir(home):
            with private_folder(os.path.dirname(home), PART) as private:
                _unpack(kit, f"{private}/kit")
                sync_file_system(private)
                _take_name(f"{private}/kit", home)
        record_use(os.path.dirname(folder), home)
    return home


def _unpack(kit: Kit, place: str) -> None:

    import zipfile  # most runs find the kit unpacked

    with zipfile.ZipFile(kit.path) as archive:
        archive.extractall(place)
    os.chmod(place, 0o755)
    for folder, folders, names in walk(place):
        for name in (*folders, *names):
            os.chmod(f"{folder}/{name}", 0o755 if name in folders else 0o444)


def _link_home(home: str, own: str) -> None:
    with private_folder(os.path.dirname(own), PART) as private:
        copied = False
        for folder, _, names in walk(home):
            place = os.path.normpath(f"{private}/kit/{os.path.relpath(folder, home)}")
            make_folder(place)
            for name in names:
                if not (name == "envc" and folder == f"{home}/bin"):  # each target has its own
                    copied |= link_or_copy(f"{folder}/{name}", f"{place}/{name}")
        if copied:  # what is linked is on the disk already
            sync_file_system(private)
        _take_name(f"{private}/kit", own)


def _take_name(staging: str, final: str) -> None:
    """Give a folder its name, unless another process was faster."""
    try:
        os.rename(staging, final)
    except OSError:
        if not os.path.isdir(final):
            raise


def _write_command(home: str, own: str, interpreter: str) -> None:
    """Write the command that starts a kit, with the interpreter that it runs on."""
    with open(f"{home}/bin/envc", encoding="utf-8") as file:
        template = file.read()
    called = f"exec {shlex.quote(interpreter)} -I -S "
    text = re.sub("(?m)^exec .* -I -S ", lambda _: called, template).encode()
    if known_bytes(f"{own}/bin/envc") != text:
        write_file(f"{own}/bin/envc", text, mode=EXECUTABLE_MODE)


def _interpreter(generation: Generation) -> str:
    fits = generation.python == running_python() and os.access(generation.interpreter, os.X_OK)
    return generation.interpreter if fits else default_interpreter()
