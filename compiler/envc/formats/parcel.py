"""A parcel: a site's spec and locks as one file, named by its digest (format 1).

Nodes need no checkout of the site: a roll-out hands them the parcel.
"""

import re
from typing import TYPE_CHECKING

from envc.formats.record_file import RecordFile
from envc.model.nodes import Parcel

if TYPE_CHECKING:
    from envc.formats.document import Document
    from envc.formats.envc_toml import SiteDocument

PARCEL_FORMAT = 1

# The names of specs and locks, and no others: each becomes a file on the node.
_NAME = re.compile(r"envc\.toml|pyproject\.toml|pylock\.[a-z0-9][a-z0-9_-]*\.toml")

_FILE = RecordFile(
    kind=Parcel,
    name="parcel",
    number=PARCEL_FORMAT,
    mend="run `envc rollout` again",
    layout={"indent": 1, "sort_keys": True, "ensure_ascii": False},
)
parcel_to_json = _FILE.to_json


def parcel_from_json(text: bytes, file: str) -> Parcel:
    """The parcel that a file holds.

    Raises:
        SpecError: it is none, or names a file that is neither spec nor lock.
    """
    parcel = _FILE.from_json(text, file)
    for name in parcel.files:
        if not _NAME.fullmatch(name):
            raise _FILE.refused(f"{name!r} is neither a spec nor a lock", file, "files")
    return parcel


def spec_in(parcel: bytes, file: str) -> "Document[SiteDocument]":
    """The site's spec in the bytes of a parcel.

    Raises:
        SpecError: it is no parcel, or the spec has faults.
    """
    from envc.formats.envc_toml import read_site  # who makes a parcel reads none

    found = parcel_from_json(parcel, file)
    return read_site(found.files.get(found.spec_name, "").encode(), found.spec_name)
