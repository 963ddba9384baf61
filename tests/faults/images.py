"""File systems in a file: small, of any kind, and copied while they are in use."""

import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import pytest

_MEBIBYTE = 1024 * 1024
# What a file system keeps for itself cannot be asked for: the last bytes are found by writing.
_BY_HAND_BYTES = 4 * _MEBIBYTE
# mkfs refuses to make less.
XFS_MEBIBYTES = 300
# A copy has the identifier of its original, which is mounted too.
_COPY_OPTIONS = {"ext4": "loop", "xfs": "loop,nouuid"}


@dataclass(frozen=True)
class Image:
    """A file system of that kind: the file it is in, and where it is mounted."""

    kind: str
    file: Path
    folder: Path

    @contextmanager
    def filled(self, leave_bytes: int) -> Iterator[None]:
        """Only so many bytes are left on it."""
        status = os.statvfs(self.folder)
        bulk = status.f_bfree * status.f_frsize - _BY_HAND_BYTES
        path = self.folder / "filler"
        with path.open("wb", buffering=0) as file:
            os.posix_fallocate(file.fileno(), 0, bulk)
            file.seek(0, os.SEEK_END)
            with suppress(OSError):
                while True:
                    file.write(bytes(4096))
            os.fsync(file.fileno())
            file.truncate(file.tell() - leave_bytes)
            os.fsync(file.fileno())
        yield
        # xfs frees what is unlinked later, in the background; what is cut off it frees at once.
        os.truncate(path, 0)
        path.unlink()

    @contextmanager
    def crowded(self, leave: int) -> Iterator[None]:
        """Only so many inodes are left on it."""
        folder = self.folder / "crowd"
        folder.mkdir()
        for number in range(os.statvfs(self.folder).f_ffree - leave):
            (folder / str(number)).touch()
        yield
        shutil.rmtree(folder)

    def copy(self, file: Path) -> None:
        """Copy what has reached the disk, as a power cut at this moment would leave it."""
        subprocess.run(["cp", "--sparse=always", self.file, file], check=True)


@contextmanager
def made(folder: Path, kind: str, mebibytes: int, *options: str) -> Iterator[Image]:
    """A new file system, mounted below `folder`."""
    image = Image(kind, folder / "image", folder / "mounted")
    with image.file.open("wb") as file:
        file.truncate(mebibytes * _MEBIBYTE)
    command = [f"mkfs.{kind}", "-q", *options, str(image.file)]
    environment = {**os.environ, "PATH": f"{os.environ['PATH']}:/usr/sbin:/sbin"}
    subprocess.run(command, check=True, env=environment, stdin=subprocess.DEVNULL)
    image.folder.mkdir()
    with mounted(image.file, image.folder, "loop"):
        yield image
    image.file.unlink()


@contextmanager
def copied_image(image: Image, folder: Path) -> Iterator[Path]:
    """A copy of the file system, mounted as after a power cut: where it is."""
    file, place = folder / "copy", folder / "cut"
    image.copy(file)
    place.mkdir(exist_ok=True)
    with mounted(file, place, _COPY_OPTIONS[image.kind]):
        yield place
    file.unlink()


@contextmanager
def bound(folder: Path) -> Iterator[None]:
    """The folder as a mount of its own: the same file system, yet no link leads out of it."""
    subprocess.run(["mount", "--bind", folder, folder], check=True)
    try:
        yield
    finally:
        subprocess.run(["umount", folder], check=True)


@contextmanager
def mounted(file: Path, folder: Path, options: str) -> Iterator[None]:
    """The file system in a file, mounted on a folder."""
    subprocess.run(["mount", "-o", options, file, folder], check=True)
    try:
        yield
    finally:
        subprocess.run(["umount", folder], check=True)


def why_not(kind: str) -> str | None:
    """Why a file system of that kind cannot be made here; None: it can."""
    if os.geteuid() != 0:
        return "only root can mount"
    if not os.path.exists("/dev/loop-control"):
        return "there are no loop devices here"
    if shutil.which(f"mkfs.{kind}", path=f"{os.environ['PATH']}:/usr/sbin:/sbin") is None:
        return f"mkfs.{kind} is not installed"
    try:
        with open("/proc/filesystems", encoding="ascii") as file:
            if f"\t{kind}\n" not in file.read():
                return f"this kernel has no {kind}"
    except OSError as error:
        return str(error)
    return None


def needs(kind: str) -> pytest.MarkDecorator:
    """Skip, with the reason, where there is no file system of that kind."""
    reason = why_not(kind)
    return pytest.mark.skipif(reason is not None, reason=reason or "")
