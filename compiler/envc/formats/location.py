"""`location.toml`: where the common layers and the overlays' storage are (format 1).

A target has one, and so has an overlay's folder, which is how each finds the other without a
checkout of the site (Canopy's `location.cfg`).
"""

import tomli_w
from pydantic import ValidationError

from envc.errors import SpecError
from envc.formats.document import PublicKeyText, Table, parse_toml
from envc.model.value import value


@value(kw_only=True)
class Location:
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


class LocationDocument(Table):
    """The whole file."""

    version: int
    site: str
    target: str
    storage: str | None = None
    checkout: str | None = None
    wanted: str | None = None
    keys: list[PublicKeyText] = []
    serial: int = 0


def location_to_text(location: Location) -> bytes:
    """The file's bytes."""
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
    try:
        tables = LocationDocument.model_validate(parse_toml(text, file))
    except ValidationError as error:
        first = error.errors()[0]
        key = ".".join(map(str, first["loc"]))
        raise SpecError(
            f"not a location file: {first['msg']}",
            where=f"{file} ({key})",
            mend="materialize again",
        ) from error
    if tables.version != 1:
        raise SpecError(
            f"location format {tables.version} is not the 1 that this envc reads",
            where=file,
            mend="use a newer envc",
        )
    return Location(
        site=tables.site,
        target=tables.target,
        storage=tables.storage,
        checkout=tables.checkout,
        wanted=tables.wanted,
        keys=tuple(tables.keys),
        serial=tables.serial,
    )
