"""What `envc doctor` looks at, one function a check: what it found, and how to mend it."""

import os
import resource
import tempfile
import time
from collections.abc import Collection
from typing import NamedTuple

from envc.disk.locks import try_exclusive
from envc.disk.ownership import name_of_user, refuse_exposed
from envc.errors import EnvcError
from envc.host.space import amount, rooms_at
from envc.model.target import Machine
from envc.reports.doctor import Diagnosis, State
from envc.target.trees import can_link

# Files that are open at once: as many processes as unpack and link, and the connections.
_OPEN_FILES = 1024
_CLOCK_SECONDS = 5.0
_ROOM_BYTES = 10**9
_ROOM_FILES = 50_000
# File systems that many nodes share; and those that are neither a disk's nor a network's.
_SHARED = frozenset(
    {
        *("nfs", "nfs4", "lustre", "gpfs", "beegfs", "ceph", "cifs", "smb3", "glusterfs"),
        *("orangefs", "pvfs2", "panfs", "wekafs", "afs", "9p", "virtiofs", "cvmfs"),
    }
)


class Mount(NamedTuple):
    """The mount that a path is on: type and options."""

    kind: str
    options: frozenset[str]

    @property
    def is_shared(self) -> bool:
        """Whether other nodes see the same files. A FUSE file system may be anything."""
        return self.kind in _SHARED or self.kind.partition(".")[2] in _SHARED


def mount_of(path: str, mounts: str) -> Mount:
    """The mount of a real path, by the text of `/proc/self/mountinfo`.

    Source: proc_pid_mountinfo(5)
    """
    best, found = "", Mount("unknown", frozenset())
    for line in mounts.splitlines():
        fields, _, rest = line.partition(" - ")
        point, options = fields.split(" ")[4:6]
        point = point.replace("\\040", " ")
        inside = path == point or path.startswith(f"{point.rstrip('/')}/")
        if inside and len(point) >= len(best):
            best, found = point, Mount(rest.split(" ")[0], frozenset(options.split(",")))
    return found


def mount_here(path: str) -> Mount:
    """The mount that a path is on, on this machine."""
    try:
        with open("/proc/self/mountinfo", encoding="utf-8") as file:
            return mount_of(os.path.realpath(path), file.read())
    except OSError:
        return Mount("unknown", frozenset())


def system() -> Diagnosis:
    """Trees are built on Linux."""
    name = os.uname().sysname
    if name != "Linux":
        mend = "materialize on Linux; locks are made for any system"
        return Diagnosis("system", "error", f"{name} is not Linux", mend)
    return Diagnosis("system", "ok", f"{name} {os.uname().release}")


def open_files() -> Diagnosis:
    """The limit of open files."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft == resource.RLIM_INFINITY:
        return Diagnosis("open files", "ok", "no limit")
    if soft < _OPEN_FILES:
        most = _OPEN_FILES if hard == resource.RLIM_INFINITY else min(hard, _OPEN_FILES)
        return Diagnosis(
            "open files", "warning", f"at most {soft}", f"raise it: `ulimit -n {most:d}`"
        )
    return Diagnosis("open files", "ok", f"at most {soft}")


def file_size() -> Diagnosis:
    """The limit of a file's size: wheels hold libraries of gigabytes."""
    soft, _ = resource.getrlimit(resource.RLIMIT_FSIZE)
    if soft == resource.RLIM_INFINITY:
        return Diagnosis("file size", "ok", "no limit")
    mend = "lift it: `ulimit -f unlimited`"
    return Diagnosis("file size", "warning", f"at most {amount(soft, None)}", mend)


def file_system(subject: str, path: str, *, is_local: bool) -> Diagnosis:
    """Its type and mount options; `is_local`: it should be the node's own."""
    mount = mount_here(path)
    name = f"{subject}: file system"
    if "noexec" in mount.options:
        mend = "mount it without noexec, or use another folder"
        return Diagnosis(name, "error", f"{path} is mounted noexec: nothing can run there", mend)
    if is_local and mount.is_shared:
        mend = "materialize on each node's local disk; overlays belong on shared storage"
        return Diagnosis(name, "warning", f"{path} is on {mount.kind}, which nodes share", mend)
    return Diagnosis(name, "ok", mount.kind)


def room(subject: str, path: str) -> Diagnosis:
    """Bytes and inodes that are left, of the file system and of the quota."""
    name = f"{subject}: room"
    try:
        rooms = rooms_at(path)
    except EnvcError as error:
        return Diagnosis(name, "error", error.faults[0].what, error.faults[0].mend)
    told = "; ".join(f"{each.keeper} has {amount(each.size_bytes, each.files)}" for each in rooms)
    for each in rooms:
        few_bytes = each.size_bytes is not None and each.size_bytes < _ROOM_BYTES
        if few_bytes or (each.files is not None and each.files < _ROOM_FILES):
            mend = "free space or inodes (`envc gc` removes old generations), or ask for more"
            return Diagnosis(name, "warning", f"{told} left at {path}", mend)
    return Diagnosis(name, "ok", f"{told} left")


def exposure(subject: str, path: str, owners: Collection[int]) -> Diagnosis:
    """Whether somebody else than the caller, root and these could replace the folder."""
    try:
        refuse_exposed(path, owners)
    except EnvcError as error:
        fault = error.faults[0]
        what = f"{fault.what} ({fault.where})"
        return Diagnosis(f"{subject}: permissions", "error", what, fault.mend)
    other = next((owner for owner in owners if owner not in {0, os.geteuid()}), None)
    what = "nobody else can replace it"
    if other is not None:
        what += f", but its owner, user {name_of_user(other)}, whom you trust by naming it"
    return Diagnosis(f"{subject}: permissions", "ok", what)


def links(subject: str, folder: str) -> Diagnosis:
    """Whether hard links work, by trying one, from the store where there is one: as a run does."""
    name = f"{subject}: links"
    places = (f"{folder}/store", f"{folder}/generations")
    store, generations = places if all(map(os.path.isdir, places)) else (folder, folder)
    try:
        with tempfile.NamedTemporaryFile(dir=store, prefix=".envc-doctor-") as file:
            refusal = can_link(file.name, generations)
    except OSError as error:
        return Diagnosis(name, "error", f"{folder}: {error.strerror}", "use another folder")
    if refusal is not None:
        mend = (
            "use a file system with hard links, and one mount for store/ and generations/; "
            "without, each generation is a copy"
        )
        return Diagnosis(name, "warning", f"no hard links in {folder}: {refusal.strerror}", mend)
    return Diagnosis(name, "ok", "hard links work")


def locks(subject: str, folder: str, *, is_local: bool) -> Diagnosis:
    """Whether a lock excludes, which on a local disk it must."""
    name = f"{subject}: locks"
    mend = "mount the file system with locks, or use another folder"
    state: State = "error" if is_local else "warning"
    try:
        with tempfile.TemporaryDirectory(dir=folder, prefix=".envc-doctor-") as private:
            first = try_exclusive(f"{private}/lock")
            second = try_exclusive(f"{private}/lock")
    except OSError as error:
        return Diagnosis(name, state, f"no locks in {folder}: {error.strerror}", mend)
    for descriptor in (first, second):
        if descriptor is not None:
            os.close(descriptor)
    if first is None or second is not None:
        return Diagnosis(name, state, f"a lock in {folder} does not exclude", mend)
    return Diagnosis(name, "ok", "locks exclude")


def clock(subject: str, folder: str) -> Diagnosis:
    """Whether the file system's clock is this node's."""
    name = f"{subject}: clock"
    try:
        with tempfile.NamedTemporaryFile(dir=folder, prefix=".envc-doctor-") as file:
            file.write(b"x")
            file.flush()
            apart = os.fstat(file.fileno()).st_mtime - time.time()
    except OSError as error:
        return Diagnosis(name, "error", f"{folder}: {error.strerror}", "use another folder")
    return told_of_clock(name, apart)


def told_of_clock(name: str, apart_seconds: float) -> Diagnosis:
    """What to say of a clock that is so far ahead of this node's."""
    if abs(apart_seconds) > _CLOCK_SECONDS:
        word = "ahead of" if apart_seconds > 0 else "behind"
        what = f"the file server is {abs(apart_seconds):.0f} s {word} this node"
        return Diagnosis(name, "warning", what, "let both follow one clock (NTP)")
    return Diagnosis(name, "ok", "as this node's")


def interpreter(subject: str, machine: Machine, python: str) -> Diagnosis:
    """Whether the core's interpreter is of the X.Y that the trees are compiled for."""
    name = f"{subject}: interpreter"
    what = f"{machine.interpreter} is Python {machine.python_full}"
    if machine.python != python:
        mend = f"install Python {python} there, or materialize again for the one that is there"
        return Diagnosis(name, "error", f"{what}, the trees are for {python}", mend)
    return Diagnosis(name, "ok", what)


def scratch(root: str) -> Diagnosis:
    """Where overlays are staged."""
    place = root
    while not os.path.isdir(place):
        place = os.path.dirname(place)
    mount = mount_here(place)
    if mount.is_shared or not os.access(place, os.W_OK):
        why = f"on {mount.kind}, which nodes share" if mount.is_shared else "not yours to write"
        mend = "let ENVC_STAGE, or TMPDIR, name a folder on a local disk"
        return Diagnosis("stage", "warning", f"{place} is {why}", mend)
    return Diagnosis("stage", "ok", f"{root}, on {mount.kind}")
