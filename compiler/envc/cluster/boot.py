"""Runs on a node that has nothing but an interpreter: envc out of a kit, verified before it runs.

    python -I -S boot.py TARGET KIT DIGEST X.Y WORDS…

The kit is unpacked to TARGET/envc/<DIGEST> once, TARGET/bin/envc leads there unless a node only
prepares, and envc is called with WORDS. Standard library only, as nothing of envc is here yet. What
is missing or wrong is told in a line of `formats/node_line`.
"""

import hashlib
import json
import os
import re
import shlex
import shutil
import sys
import zipfile
from typing import Any, NoReturn

_LACKS = 75  # EX_TEMPFAIL: it is sent, and asked again
_USAGE = 2
# What changes nothing that is in use: the roll-out may fail.
_PREPARE = ["node", "prepare"]
_OUTSIDE = 4


def main() -> NoReturn:
    """Unpack the kit if it is not there, and become envc."""
    target, kit, digest, python, *words = sys.argv[1:]
    os.umask(0o022)
    here = "{}.{}".format(*sys.version_info) + "t" * ("t" in sys.abiflags)
    if here != python:
        _refuse(
            _USAGE,
            f"this is Python {here}, and envc's kit is for Python {python}",
            where=sys.executable,
            mend="name the interpreter that the site is compiled for with --python",
        )
    owner = os.stat(target).st_uid if os.path.isdir(target) else os.geteuid()
    if owner != os.geteuid():
        _refuse(
            _USAGE,
            f"the folder belongs to user {owner}, and envc runs as user {os.geteuid()}",
            where=target,
            mend="run envc as its owner, or choose another folder",
        )
    home = f"{target}/envc/{digest}"
    try:
        if not os.path.isdir(home):
            _unpack(kit, digest, home)
        _call_with_this(home)
        if words[:2] != _PREPARE:
            _name(target, digest)
    except OSError as error:
        _refuse(
            _OUTSIDE,
            f"envc cannot be unpacked: {error.strerror}",
            where=target,
            mend="free space or inodes there, and roll out again",
        )
    os.execv(sys.executable, [sys.executable, "-I", "-S", f"{home}/run.py", *words])


def _unpack(kit: str, digest: str, home: str) -> None:
    """Put the kit's files under their name, complete or not at all."""
    if not _is_whole(kit, digest):
        _tell(_LACKS, lacks=["kit"])
    staging = f"{home}.{os.urandom(6).hex()}.part"
    os.makedirs(staging)
    try:
        with zipfile.ZipFile(kit) as archive:
            archive.extractall(staging)
        _call_with_this(staging)
        os.sync()
        os.rename(staging, home)
    except OSError:
        shutil.rmtree(staging, ignore_errors=True)
        if not os.path.isdir(home):  # else another process was faster
            raise


def _call_with_this(home: str) -> None:
    """Have the kit's command call this interpreter; another one may be gone by now."""
    command = f"{home}/bin/envc"
    with open(command, encoding="utf-8") as file:
        text = file.read()
    called = f"exec {shlex.quote(sys.executable)} -I -S "
    wanted = re.sub("(?m)^exec .* -I -S ", lambda _: called, text)
    if text == wanted:
        return
    temporary = f"{command}.{os.urandom(6).hex()}.part"
    with open(temporary, "w", encoding="utf-8") as file:
        file.write(wanted)
    os.chmod(temporary, 0o555)
    os.replace(temporary, command)


def _is_whole(kit: str, digest: str) -> bool:
    try:
        with open(kit, "rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest() == digest
    except FileNotFoundError:
        return False


def _name(target: str, digest: str) -> None:
    """Let TARGET/bin/envc lead to this kit."""
    link = f"{target}/bin/envc"
    wanted = f"../envc/{digest}/bin/envc"
    if os.path.islink(link) and os.readlink(link) == wanted:
        return
    os.makedirs(f"{target}/bin", exist_ok=True)
    temporary = f"{link}.{os.urandom(6).hex()}.part"
    os.symlink(wanted, temporary)
    os.replace(temporary, link)


def _refuse(status: int, what: str, *, where: str, mend: str) -> NoReturn:
    _tell(status, status=status, faults=[[what, where, mend]])


def _tell(exit_status: int, /, **values: Any) -> NoReturn:
    sys.stdout.write(f"envc-node: {json.dumps(values)}\n")
    sys.exit(exit_status)


if __name__ == "__main__":
    main()
