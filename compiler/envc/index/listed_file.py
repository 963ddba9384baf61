"""One file of a page: what an index says of it → a distribution.

A listing keeps each file as a row: one line of JSON with the fields that the simple API gives it
there, the URL absolute. A page has thousands of files, and of most of them nobody asks more than
the name; what is wrong with a field is seen, and left out, when somebody does.
"""

import json
import re
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from packaging.utils import NormalizedName
from packaging.version import Version

from envc.model.digest import Digest, best_checksum, digest_from_hex
from envc.model.release import Distribution
from envc.model.spec import LONGEST_REQUIREMENT

_SHA256 = re.compile(r"[0-9a-fA-F]{64}")
# What every reader of a lock can take for an integer; no file is larger.
_LARGEST_BYTES = (1 << 53) - 1
_FIELDS = (
    *("filename", "hashes", "size", "requires-python", "upload-time", "yanked"),
    *("core-metadata", "dist-info-metadata"),
)


def row_of(file: Mapping[str, Any], url: str) -> str:
    """The row of a file that a page lists so, with another URL; nothing in it is nested deep."""
    fields = {name: _flat(file[name]) for name in _FIELDS if name in file}
    return json.dumps(fields | {"url": url})


def distribution_of_row(
    row: bytes, project: NormalizedName, version: Version, *, index: str
) -> Distribution:
    """The distribution that a row tells; `index` is the index's URL."""
    file: dict[str, Any] = json.loads(row.decode())
    filename, size, yanked = file["filename"], file.get("size"), file.get("yanked")
    hashes = file.get("hashes")
    digest = _sha256(hashes)
    if isinstance(yanked, bool):
        yanked = "" if yanked else None
    return Distribution(
        project=project,
        version=version,
        filename=filename,
        url=file["url"],
        index=index,
        kind="wheel" if filename.endswith(".whl") else "sdist",
        digest=digest,
        checksum=best_checksum(hashes) if digest is None and type(hashes) is dict else None,
        size_bytes=size if type(size) is int and 0 < size <= _LARGEST_BYTES else None,
        requires_python=_python(file.get("requires-python")),
        upload_time=_moment(file.get("upload-time")),
        metadata=announced_metadata(file),
        yanked=yanked if isinstance(yanked, str) else None,
    )


def announced_metadata(file: Mapping[str, Any]) -> Digest | bool:
    """What a page says of the metadata beside a file, as `Distribution.metadata` has it."""
    # PEP 714: the first name is the one to believe, the other is what it was once called.
    metadata = file.get("core-metadata", file.get("dist-info-metadata", False))
    return (_sha256(metadata) or True) if type(metadata) is dict else metadata is True


def _flat(value: Any) -> Any:
    if type(value) is dict:
        return {name: text for name, text in value.items() if type(text) is str}
    return None if type(value) is list else value


def _python(text: Any) -> str | None:
    """What a page says of Pythons; what has no end nobody reads."""
    is_readable = type(text) is str and 0 < len(text.strip()) <= LONGEST_REQUIREMENT
    return text.strip() if is_readable else None


def _sha256(hashes: Any) -> Digest | None:
    digits: Any = hashes.get("sha256") if type(hashes) is dict else None
    is_one = type(digits) is str and _SHA256.fullmatch(digits)
    return digest_from_hex(digits) if is_one else None


def _moment(text: Any) -> datetime | None:
    if type(text) is not str:
        return None
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        return None
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)
