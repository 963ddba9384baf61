"""A wheel's claims about itself: its file name, `.dist-info` folder, WHEEL, METADATA, scripts.

Source: https://packaging.python.org/specifications/binary-distribution-format/
"""

from collections.abc import Collection

from packaging.utils import (
    InvalidWheelFilename,
    NormalizedName,
    canonicalize_name,
    parse_wheel_filename,
)
from packaging.version import InvalidVersion, Version

from envc.formats.scripts import parse_entry_points
from envc.model.value import value
from envc.model.wheel import ConsoleScript
from envc.store.refusal import Problem, RefusedError

# What only an installer may write. A wheel that brings them lies about where it came from.
INSTALLER_FILES = frozenset({"INSTALLER", "REQUESTED", "direct_url.json"})

# Signatures of the old wheel format (PEP 815 deprecates them): never hashed, never installed.
SIGNATURE_FILES = frozenset({"RECORD.jws", "RECORD.p7s"})


@value
class Identity:
    """What a wheel's file name says it is, and its `.dist-info` and `.data` folders."""

    project: NormalizedName
    version: Version
    dist_info: str
    data: str

    def file(self, name: str) -> str:
        """The path of a file of the `.dist-info` folder."""
        return f"{self.dist_info}/{name}"


@value
class Claims:
    """The part of METADATA that facts keep, requirements as written, and the scripts."""

    requires: tuple[str, ...]
    requires_python: str | None
    extras: tuple[NormalizedName, ...]
    console_scripts: tuple[ConsoleScript, ...]


def identify(filename: str, paths: Collection[str]) -> Identity:
    """Who the wheel is. `paths` are those of all its members.

    Raises:
        RefusedError: the file name is none of a wheel; there is not exactly one `.dist-info`
            folder, or it is another release's; a `.data` folder is another release's.
    """
    try:
        project, version, _, _ = parse_wheel_filename(filename)
    except (InvalidWheelFilename, InvalidVersion) as error:
        raise RefusedError(Problem("", "its file name is not that of a wheel")) from error
    folders = sorted({path.partition("/")[0] for path in paths if "/" in path})
    found = [folder for folder in folders if folder.endswith(".dist-info")]
    if len(found) != 1:
        listing = " and ".join(found) or "none"
        raise RefusedError(Problem("", f"it must have one .dist-info folder; it has {listing}"))
    for folder in folders:
        stem, dot, kind = folder.rpartition(".")
        if dot and kind in ("dist-info", "data") and _release(stem) != (project, version):
            what = f"it belongs to another release than the file name: {project} {version}"
            raise RefusedError(Problem(folder, what))
    return Identity(project, version, found[0], found[0].removesuffix("dist-info") + "data")


def read_claims(
    identity: Identity, metadata: bytes, wheel: bytes, entry_points: bytes | None
) -> Claims:
    """What METADATA, WHEEL and entry_points.txt say.

    Raises:
        RefusedError: one of them does not parse, or contradicts the file name.
    """
    from email.parser import BytesHeaderParser

    from packaging.metadata import parse_email

    _check_wheel(identity.file("WHEEL"), wheel)
    raw, _ = parse_email(metadata)
    # parse_email drops what stands there twice; pip, uv and the resolver take the first.
    headers = BytesHeaderParser().parsebytes(metadata)
    name, version = (str(headers.get(key, "")).strip() for key in ("Name", "Version"))
    if not name or not version:
        raise RefusedError(Problem(identity.file("METADATA"), "it names no project or no version"))
    if _release(f"{name}-{version}") != (identity.project, identity.version):
        expected = f"{identity.project} {identity.version}"
        what = f"it is about {name} {version}, the file name about {expected}"
        raise RefusedError(Problem(identity.file("METADATA"), what))
    scripts: tuple[ConsoleScript, ...] = ()
    if entry_points is not None:
        try:
            scripts = parse_entry_points(entry_points.decode())
        except UnicodeDecodeError as error:
            path = identity.file("entry_points.txt")
            raise RefusedError(Problem(path, "it is not UTF-8")) from error
        except ValueError as error:
            raise RefusedError(Problem(identity.file("entry_points.txt"), str(error))) from error
    return Claims(
        requires=tuple(raw.get("requires_dist", ())),
        requires_python=raw.get("requires_python"),
        extras=tuple(sorted({canonicalize_name(e) for e in raw.get("provides_extra", ())})),
        console_scripts=scripts,
    )


def _check_wheel(path: str, content: bytes) -> None:
    """Refuse a wheel of a format whose rules are not those followed here."""
    from email.parser import BytesHeaderParser

    versions = BytesHeaderParser().parsebytes(content).get_all("Wheel-Version", [])
    found = " and ".join(str(version).strip() for version in versions)
    if not found:
        raise RefusedError(Problem(path, "it gives no Wheel-Version"))
    if len(versions) > 1 or found.partition(".")[0] != "1":
        raise RefusedError(Problem(path, f"it has Wheel-Version {found}; only 1.x is known"))


def _release(stem: str) -> tuple[NormalizedName, Version] | None:
    """`name-version` as project and version, None when it is not of that form."""
    name, _, version = stem.rpartition("-")
    try:
        return canonicalize_name(name), Version(version.replace("_", "+"))
    except InvalidVersion:
        return None
