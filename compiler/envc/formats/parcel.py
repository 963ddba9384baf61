"""A parcel: a site's spec and locks as one file, named by its digest (format 1).

Nodes need no checkout of the site: a roll-out hands them the parcel.
"""

from typing import TYPE_CHECKING

from envc.formats.record_file import RecordFile
from envc.model.nodes import Parcel

if TYPE_CHECKING:
    from envc.formats.document import Document
    from envc.formats.envc_toml import SiteDocument

PARCEL_FORMAT = 1

_FILE = RecordFile(
    kind=Parcel,
    name="parcel",
    number=PARCEL_FORMAT,
    mend="run `envc rollout` again",
    layout={"indent": 1, "sort_keys": True, "ensure_ascii": False},
)
parcel_to_json = _FILE.to_json
parcel_from_json = _FILE.from_json


def spec_in(parcel: bytes, file: str) -> "Document[SiteDocument]":
    """The site's spec in the bytes of a parcel.

    Raises:
        SpecError: it is no parcel, or the spec has faults.
    """
    from envc.formats.envc_toml import read_site  # who makes a parcel reads none

    found = parcel_from_json(parcel, file)
    return read_site(found.files.get(found.spec_name, "").encode(), found.spec_name)
