"""Interpreters' archives: a small one of the running Python's base, and any other as bytes."""

import hashlib
import io
import shutil
import sys
import sysconfig
import tarfile
from collections.abc import Iterable
from pathlib import Path

from support.sites import PYTHON, SiteFolder, over_wheels

_LEFT_OUT = {
    "__pycache__", "config-", "ensurepip", "idlelib", "lib2to3", "pydoc_data", "site-packages",
    "test", "tests", "tkinter", "turtledemo",
}  # fmt: skip


def core_archive(path: Path, *, leading: str = "python") -> Path:
    """An archive of the running interpreter's base, that runs wherever it is unpacked.

    It has the program, the library that the program needs, and the standard library without its
    tests.
    """
    base = Path(sys.base_prefix)
    head = f"{leading}/" if leading else ""
    with tarfile.open(path, "w:gz", compresslevel=1) as tar:
        _add(tar, f"{head}bin/python{PYTHON}", moved((base / f"bin/python{PYTHON}").read_bytes()))
        _link(tar, f"{head}bin/python3", f"python{PYTHON}")
        library = str(sysconfig.get_config_var("INSTSONAME") or "")
        if (base / "lib" / library).is_file():
            _add(tar, f"{head}lib/{library}", (base / "lib" / library).read_bytes())
        for source in sorted(_standard_library(base / f"lib/python{PYTHON}")):
            _add(tar, f"{head}{source.relative_to(base)}", source.read_bytes())
    return path


def moved(program: bytes) -> bytes:
    """A program that looks for its library beside itself, not where it was built."""
    before = f"{sys.base_prefix}/lib\0".encode()
    after = b"$ORIGIN/../lib\0"
    return program.replace(before, after.ljust(len(before), b"\0"))


def tar_of(*members: tuple[tarfile.TarInfo, bytes]) -> bytes:
    """A tar archive of these members."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as tar:
        for info, content in members:
            tar.addfile(info, io.BytesIO(content))
    return buffer.getvalue()


def file(name: str, content: bytes = b"", *, mode: int = 0o644) -> tuple[tarfile.TarInfo, bytes]:
    """A regular file."""
    info = tarfile.TarInfo(name)
    info.size, info.mode = len(content), mode
    return info, content


def special(name: str, kind: bytes, leads_to: str = "") -> tuple[tarfile.TarInfo, bytes]:
    """A member that is no regular file."""
    info = tarfile.TarInfo(name)
    info.type, info.linkname = kind, leads_to
    return info, b""


def _standard_library(folder: Path) -> Iterable[Path]:
    for path in folder.iterdir():
        if any(path.name == name or path.name.startswith("config-") for name in _LEFT_OUT):
            continue
        if path.is_dir():
            yield from _standard_library(path)
        else:
            yield path


def _add(tar: tarfile.TarFile, name: str, content: bytes) -> None:
    executable = "/bin/" in f"/{name}" or ".so" in name
    info, _ = file(name, content, mode=0o755 if executable else 0o644)
    tar.addfile(info, io.BytesIO(content))


def _link(tar: tarfile.TarFile, name: str, leads_to: str) -> None:
    info, _ = special(name, tarfile.SYMTYPE, leads_to)
    tar.addfile(info)


def carrying(site: SiteFolder, archive: Path) -> SiteFolder:
    """Write a site with one layer, that carries the interpreter of an archive."""
    site.write(over_wheels('[layer.system]\nrequires = ["six"]\n'))
    shutil.copy(archive, site.folder / "cpython.tar.gz")
    digest = hashlib.sha256(archive.read_bytes()).hexdigest()
    carried = f'archive = {{ path = "cpython.tar.gz", sha256 = "{digest}" }}'
    site.edit(f'python = "{PYTHON}"', f'python = "{PYTHON}"\n{carried}')
    return site
