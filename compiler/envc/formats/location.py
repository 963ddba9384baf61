"""`location.toml`: where the common layers and the overlays' storage are (format 1).

A target has one, and so has an overlay's folder, which is how each finds the other without a
checkout of the site (Canopy's `location.cfg`).
"""

from typing import Any, NamedTuple

from envc.errors import SpecError


class Location(NamedTuple):
    """Where things are.

    `checkout` is the site's folder when it was last materialized from one: relative paths of its
    spec start there. `wanted` is the folder of the wanted state that the target converges to.
    `keys` are the public keys of whom the target takes wanted states and bundles; none: of anybody.
    `serial` is that of the newest signed wanted state that it has accepted.
    """

    site: str
    target: str
    storage: str | None = None
    checkout: str | None = None
    wanted: str | None = None
    keys: tuple[str, ...] = ()
    serial: int = 0


_KINDS: dict[str, Any] = {"site": str, "target": str, "keys": tuple, "serial": int}


def location_to_text(location: Location) -> bytes:
    """The file's bytes."""
    import tomli_w  # most commands write none

    values = {
        "version": 1,
        "site": location.site,
        "target": location.target,
        "storage": location.storage,
        "checkout": location.checkout,
        "wanted": location.wanted,
        "keys": list(location.keys) or None,
        "serial": location.serial or None,
    }
    return tomli_w.dumps({k: v for k, v in values.items() if v is not None}).encode()


def location_from_text(text: bytes, file: str) -> Location:
    """The location that a file holds.

    Raises:
        SpecError: it is not one, or newer than this envc.
    """
    import tomllib

    try:
        tables: dict[str, Any] = tomllib.loads(text.decode())
    except (ValueError, RecursionError) as error:
        raise _no_location(file, str(error)) from error
    version = tables.pop("version", None)
    if version != 1:
        raise SpecError(
            f"location format {version} is not the 1 that this envc reads",
            where=file,
            mend="use a newer envc",
        )
    for key in tables.keys() - set(Location._fields):
        raise _no_location(f"{file} ({key})", "no such key")
    for key in ("site", "target"):
        if key not in tables:
            raise _no_location(f"{file} ({key})", "it is missing")
    keys = tables.pop("keys", [])
    location = Location(**tables, keys=tuple(keys) if isinstance(keys, list) else keys)
    for key, field in location._asdict().items():
        if not isinstance(field, _KINDS.get(key, str | None)):
            raise _no_location(f"{file} ({key})", "it is of another type")
    return location


def _no_location(where: str, what: str) -> SpecError:
    return SpecError(f"not a location file: {what}", where=where, mend="materialize again")
