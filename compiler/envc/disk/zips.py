"""ZIP archives whose bytes follow from what is in them, and from nothing else."""

import io
import zipfile
from collections.abc import Mapping

# A file's time: the earliest that a ZIP archive can express.
_TIME = (1980, 1, 1, 0, 0, 0)


def archive_of(
    files: Mapping[str, bytes], compression: int = zipfile.ZIP_DEFLATED, *, ahead: bytes = b""
) -> bytes:
    """A ZIP archive of these files; equal for equal ones. `ahead` are bytes in front of it."""
    buffer = io.BytesIO()
    buffer.write(ahead)
    with zipfile.ZipFile(buffer, "w", compression) as archive:
        for name in sorted(files):
            add_member(archive, name, files[name])
    return buffer.getvalue()


def add_member(archive: zipfile.ZipFile, name: str, content: bytes) -> None:
    """Add a file, compressed as the archive says."""
    member = plain_member(name)
    member.compress_type = archive.compression
    archive.writestr(member, content)


def plain_member(name: str) -> zipfile.ZipInfo:
    """A file that is not compressed, of no time and with the mode of any file."""
    member = zipfile.ZipInfo(name, _TIME)
    member.external_attr = 0o100644 << 16
    return member
