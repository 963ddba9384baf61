"""Wheels built from recipes: no binaries in the repository, the same bytes every time.

A recipe is a table of `fixtures/index/*.toml`, or a `Recipe` in a test:

    Recipe("six", "1.16.0", files={"six.py": "x = 1"}).build(folder)  # the path of the wheel
"""

import base64
import hashlib
import tomllib
import zipfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

EPOCH = (1980, 1, 1, 0, 0, 0)


@dataclass(frozen=True, kw_only=True)
class Recipe:
    """One wheel. `files` maps paths in the wheel to their text; none given: one module."""

    name: str
    version: str
    files: Mapping[str, str | bytes] | None = None
    requires: Sequence[str] = ()
    requires_python: str | None = None
    extras: Sequence[str] = ()
    console_scripts: Mapping[str, str] = field(default_factory=dict)
    entry_points: str = ""
    tag: str = "py3-none-any"
    executables: Sequence[str] = ()

    @property
    def stem(self) -> str:
        return f"{self.name.replace('-', '_').lower()}-{self.version}"

    @property
    def filename(self) -> str:
        return f"{self.stem}-{self.tag}.whl"

    def metadata(self) -> str:
        lines = ["Metadata-Version: 2.4", f"Name: {self.name}", f"Version: {self.version}"]
        if self.requires_python:
            lines.append(f"Requires-Python: {self.requires_python}")
        lines += [f"Provides-Extra: {extra}" for extra in self.extras]
        lines += [f"Requires-Dist: {requirement}" for requirement in self.requires]
        return "\n".join(lines) + "\n"

    def members(self) -> dict[str, bytes]:
        """Every member of the wheel but RECORD."""
        files = self.files
        if files is None:
            module = self.name.replace("-", "_").replace(".", "_").lower()
            files = {f"{module}/__init__.py": f"__version__ = {self.version!r}\n"}
        info = f"{self.stem}.dist-info"
        members: dict[str, str | bytes] = dict(files)
        pure = "true" if self.tag.endswith("-none-any") else "false"
        tags = "".join(f"Tag: {tag}\n" for tag in expand_tag(self.tag))
        members[f"{info}/WHEEL"] = (
            f"Wheel-Version: 1.0\nGenerator: recipe\nRoot-Is-Purelib: {pure}\n{tags}"
        )
        members[f"{info}/METADATA"] = self.metadata()
        points = self.entry_points
        if self.console_scripts:
            lines = [f"{name} = {target}" for name, target in self.console_scripts.items()]
            points = "\n".join(["[console_scripts]", *lines, "", points])
        if points:
            members[f"{info}/entry_points.txt"] = points
        return {k: v.encode() if isinstance(v, str) else v for k, v in members.items()}

    def recorded_members(self) -> dict[str, bytes]:
        """Every member of the wheel, RECORD last."""
        members = self.members()
        record = f"{self.stem}.dist-info/RECORD"
        rows = [
            f"{path},sha256={record_hash(content)},{len(content)}"
            for path, content in members.items()
        ]
        members[record] = ("\n".join([*rows, f"{record},,"]) + "\n").encode()
        return members

    def build(self, folder: Path) -> Path:
        """Write the wheel into `folder` and return its path."""
        members = self.recorded_members()
        path = folder / self.filename
        folder.mkdir(parents=True, exist_ok=True)
        with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
            for member, content in members.items():
                info = zipfile.ZipInfo(member, EPOCH)
                mode = 0o755 if member in self.executables else 0o644
                info.external_attr = (0o100000 | mode) << 16
                info.compress_type = zipfile.ZIP_DEFLATED
                archive.writestr(info, content)
        return path


def expand_tag(tag: str) -> list[str]:
    """`py2.py3-none-any` as the single tags that WHEEL lists."""
    pythons, abis, platforms = (part.split(".") for part in tag.split("-"))
    return [f"{p}-{a}-{q}" for p in pythons for a in abis for q in platforms]


def record_hash(content: bytes) -> str:
    """The hash of a RECORD row: urlsafe base64 without padding."""
    digest = hashlib.sha256(content).digest()
    return base64.urlsafe_b64encode(digest).rstrip(b"=").decode()


def sha256_of(path: Path) -> str:
    """The hexadecimal digest of a file."""
    return hashlib.sha256(path.read_bytes()).hexdigest()


def recipes_of(path: Path) -> list[Recipe]:
    """The recipes of a TOML file: an array of tables `wheel`."""
    tables = tomllib.loads(path.read_text())["wheel"]
    return [Recipe(**{key.replace("-", "_"): value for key, value in t.items()}) for t in tables]


def build_all(recipes: Sequence[Recipe], folder: Path) -> list[Path]:
    """Build every recipe into one folder: a wheelhouse."""
    return [recipe.build(folder) for recipe in recipes]
