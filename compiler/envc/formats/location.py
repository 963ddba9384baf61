"""`location.toml`: where the common layers and the overlays' storage are (format 1).

A target has one, and so has an overlay's folder, which is how each finds the other without a
checkout of the site (Canopy's `location.cfg`).
"""

from typing import Annotated

import tomli_w

from envc.formats.record_file import RecordFile
from envc.formats.toml import parse_toml, toml_of
from envc.model.value import value


def _public_key(text: str) -> str:
    from envc.formats.openssh import public_key_from_text  # few targets have keys

    public_key_from_text(text)
    return text


PublicKeyText = Annotated[str, _public_key]


@value(kw_only=True)
class Location:
    """Where things are.

    `checkout` is the site's folder when it was last materialized from one: relative paths of its
    spec start there. `wanted` is the folder of the wanted state that the target converges to.
    `keys` are the public keys of whom the target takes wanted states and bundles; none: of anybody.
    `serial` is that of the newest signed wanted state that it has accepted. `folder` is the inode
    of the overlay's folder whose owner has named the target of somebody else; 0: it is nobody
    else's.
    """

    site: str
    target: str
    storage: str | None = None
    checkout: str | None = None
    wanted: str | None = None
    keys: tuple[PublicKeyText, ...] = ()
    serial: int = 0
    folder: int = 0


LOCATION_FORMAT = 1

_FILE = RecordFile(
    kind=Location, name="location file", number=LOCATION_FORMAT, mend="materialize again"
)


def location_to_text(location: Location) -> bytes:
    """The file's bytes; what is a default is left out."""
    return tomli_w.dumps({"version": LOCATION_FORMAT, **toml_of(location)}).encode()


def location_from_text(text: bytes, file: str) -> Location:
    """The location that a file holds.

    Raises:
        SpecError: it is not one, or newer than this envc.
    """
    return _FILE.from_plain(parse_toml(text, file), file)
