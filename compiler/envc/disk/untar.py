"""Tar archives of sources, unpacked so that nothing is written and no link leads out of a folder.

The filters of `tarfile` came with Python 3.11.4, and were led out by chains of links for years
after. Here the links are made last: while files are written, there is none to be led by.

Source: PEP 706 (what its `data` filter refuses)
"""

import os
import posixpath
import shutil
import tarfile
from collections.abc import Mapping
from contextlib import suppress

_LINKS_AT_MOST = 40
_EXECUTABLE = 0o100


def untar(archive: tarfile.TarFile, folder: str, limit_bytes: int) -> None:
    """Write the members into a folder that exists and is empty; of two of a path, the later stays.

    Their modes are 0755 or 0644, their times are kept.

    Raises:
        tarfile.TarError: it is damaged, or a member would stand or lead outside of the folder.
        ValueError: it is larger than the limit, or has a name that can be no path.
        OSError: the disk refused.
    """
    links: dict[str, str] = {}
    size_bytes = 0
    for member in archive:
        size_bytes += member.size
        if size_bytes > limit_bytes:
            raise ValueError(f"it unpacks to more than {limit_bytes} bytes")
        try:
            _add(archive, member, folder, links)
        except (FileExistsError, IsADirectoryError, NotADirectoryError) as error:
            raise tarfile.ExtractError(f"{member.name!r} is both a file and a folder") from error
    _make_links(links, folder)


def leads_out(path: str, links: Mapping[str, str]) -> bool:
    """Whether the path leads out of the tree that has these links, path → what it holds.

    So does one that follows an absolute link, or more links than a kernel would.
    """
    waiting = path.split("/")[::-1]
    place: list[str] = []
    followed = 0
    while waiting:
        part = waiting.pop()
        if part == "..":
            if not place:
                return True
            place.pop()
            continue
        if part in {"", "."}:
            continue
        place.append(part)
        destination = links.get("/".join(place))
        if destination is not None:
            followed += 1
            if followed > _LINKS_AT_MOST or posixpath.isabs(destination):
                return True
            place.pop()
            waiting += destination.split("/")[::-1]
    return False


def _inside(name: str, folder: str) -> str:
    path = posixpath.normpath(name.lstrip("/"))
    if path.split("/")[0] == "..":
        place = posixpath.normpath(f"{folder}/{path}")
        raise tarfile.ExtractError(
            f"{name!r} would be extracted to {place!r}, which is outside the destination"
        )
    return path


def _add(
    archive: tarfile.TarFile, member: tarfile.TarInfo, folder: str, links: dict[str, str]
) -> None:
    path = _inside(member.name, folder)
    place = f"{folder}/{path}"
    if member.isdir():
        os.makedirs(place, exist_ok=True)
        return
    os.makedirs(posixpath.dirname(place), exist_ok=True)
    with suppress(FileNotFoundError):
        os.unlink(place)
    links.pop(path, None)
    if member.issym():
        links[path] = member.linkname
    elif member.islnk():
        earlier = f"{folder}/{_inside(member.linkname, folder)}"
        if not os.path.isfile(earlier):
            raise tarfile.ExtractError(f"{member.name!r} is a hard link to no file before it")
        os.link(earlier, place)
    elif member.isreg():
        _write(archive, member, place)
    else:
        raise tarfile.ExtractError(f"{member.name!r} is a special file")


def _write(archive: tarfile.TarFile, member: tarfile.TarInfo, place: str) -> None:
    content = archive.extractfile(member)
    with open(place, "xb") as file:
        if content is not None:
            shutil.copyfileobj(content, file)
    os.chmod(place, 0o755 if member.mode & _EXECUTABLE else 0o644)
    with suppress(OSError, OverflowError, ValueError):  # the time may be none that a disk can hold
        os.utime(place, (member.mtime, member.mtime))


def _make_links(links: Mapping[str, str], folder: str) -> None:
    for path, destination in links.items():
        if not destination or leads_out(path, links):
            raise tarfile.ExtractError(
                f"{path!r} would link to {destination!r}, which is outside the destination"
            )
        if os.path.isdir(f"{folder}/{path}"):
            raise tarfile.ExtractError(f"{path!r} is both a link and a folder")
    for path, destination in links.items():
        os.symlink(destination, f"{folder}/{path}")
