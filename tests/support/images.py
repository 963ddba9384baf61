"""Images of toys: a root with a Python that nobody can run, and the archives of it."""

import gzip
import hashlib
import io
import json
import tarfile
from collections.abc import Mapping, Sequence
from pathlib import Path

from envc.disk.zstandard import ZstdFile
from support.prefixes import write

# What a program and a C library hold that tells what they are, and nothing else of them.
PROGRAM = b"\x7fELF\2\1\1" + bytes(11) + b"\x3e\0" + bytes(40) + b"\0003.11.9\0"
LIBRARY = b"\x7fELF\0GNU C Library (Debian GLIBC 2.36-9) stable release version 2.36.\n\0"


def root(folder: Path, prefix: str = "usr") -> Path:
    """An unpacked root with Python 3.11.9 below a prefix; the folder of its projects."""
    home = folder / prefix
    write(home / "bin/python3.11", PROGRAM)
    (home / "bin/python3").symlink_to("python3.11")
    write(home / "lib/python3.11/os.py", "")
    write(home / "lib/python3.11/site.py", "")
    write(folder / "usr/lib/x86_64-linux-gnu/libc.so.6", LIBRARY)
    (folder / "lib").symlink_to("usr/lib")
    (folder / "etc").mkdir()
    site = home / "lib/python3.11/site-packages"
    site.mkdir()
    return site


def tar_of(folder: Path, *, form: int = tarfile.PAX_FORMAT) -> bytes:
    """A folder's archive, as `docker export` makes one."""
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w", format=form) as tar:
        tar.add(folder, arcname=".")
    return out.getvalue()


def tar_with(*members: tuple[str, str | bytes | None], kind: bytes = tarfile.REGTYPE) -> bytes:
    """An archive of these: a file's content, or where a link leads; None: a folder."""
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w") as tar:
        for name, content in members:
            member = tarfile.TarInfo(name)
            if content is None:
                member.type = tarfile.DIRTYPE
                tar.addfile(member)
            elif isinstance(content, str):
                member.type = kind if kind != tarfile.REGTYPE else tarfile.SYMTYPE
                member.linkname = content
                tar.addfile(member)
            else:
                member.size = len(content)
                tar.addfile(member, io.BytesIO(content))
    return out.getvalue()


def saved(layers: Sequence[bytes], variables: Sequence[str] = ()) -> bytes:
    """The layers as `docker save` has them."""
    names = [f"{number:064x}/layer.tar" for number in range(len(layers), 0, -1)]
    config = json.dumps({"config": {"Env": list(variables)}}).encode()
    manifest = [{"Config": "config.json", "RepoTags": ["toy:1"], "Layers": names}]
    files = {**dict(zip(names, layers, strict=True)), "config.json": config}
    return tar_with(*files.items(), ("manifest.json", json.dumps(manifest).encode()))


def layout(layers: Sequence[bytes], variables: Sequence[str] = ()) -> dict[str, bytes]:
    """The layers as the files of an OCI layout: one by gzip, one by zstd, and so on."""
    files: dict[str, bytes] = {"oci-layout": b'{"imageLayoutVersion": "1.0.0"}'}

    def put(content: bytes) -> Mapping[str, object]:
        digest = hashlib.sha256(content).hexdigest()
        files[f"blobs/sha256/{digest}"] = content
        return {"digest": f"sha256:{digest}", "size": len(content)}

    packed = [put(zstd(each) if n % 2 else gzip.compress(each)) for n, each in enumerate(layers)]
    config = put(json.dumps({"config": {"Env": list(variables)}}).encode())
    manifest = put(json.dumps({"config": config, "layers": packed}).encode())
    other = {**put(b"{}"), "platform": {"os": "unknown", "architecture": "unknown"}}
    index = put(json.dumps({"manifests": [manifest, other]}).encode())
    files["index.json"] = json.dumps({"manifests": [index]}).encode()
    return files


def zstd(content: bytes) -> bytes:
    """The same, compressed."""
    out = io.BytesIO()
    with ZstdFile(out, "w") as file:
        file.write(content)
    return out.getvalue()
