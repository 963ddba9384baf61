"""The RECORD of an installed wheel: the files of its tree → text.

Source: https://packaging.python.org/specifications/recording-installed-packages/
"""

from base64 import urlsafe_b64encode
from collections.abc import Iterable

from envc.model.manifest import Entry


def installed_record(entries: Iterable[Entry], record: str) -> bytes:
    """The text with a row for each of these files, bytecode too, in order of the rows' paths.

    `record` is the path of the file itself; paths are written relative to its site-packages.
    """
    site_packages = record.rsplit("/", 2)[0] + "/"
    upwards = "../" * site_packages.count("/")
    rows = {record.removeprefix(site_packages): ",,\n"}
    for entry in entries:
        if entry.path.startswith(site_packages):
            path = entry.path.removeprefix(site_packages)
        else:
            path = upwards + entry.path
        value = urlsafe_b64encode(bytes.fromhex(entry.content)).rstrip(b"=").decode()
        rows[path] = f",sha256={value},{entry.size_bytes}\n"
    return "".join(_quoted(path) + rows[path] for path in sorted(rows)).encode()


def _quoted(path: str) -> str:
    """A path as a field of CSV; it holds no control character."""
    if "," not in path and '"' not in path:
        return path
    doubled = path.replace('"', '""')
    return f'"{doubled}"'
