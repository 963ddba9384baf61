"""The simple API: the bytes of a project's page → its listing. No I/O.

Source: https://packaging.python.org/specifications/simple-repository-api/ (PEP 503, 592, 629,
658, 691, 700, 714).
"""

import json
import re
from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime
from functools import lru_cache
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote, urljoin, urlsplit

from packaging.utils import NormalizedName
from packaging.version import Version

from envc.index.credentials import without_credentials, without_signature
from envc.index.filenames import version_of
from envc.index.listing import ListedFile, Listing, listing_of
from envc.model.digest import best_checksum
from envc.model.spec import LONGEST_REQUIREMENT

if TYPE_CHECKING:
    from envc.index.html_page import HtmlPage

# JSON before HTML: it alone tells sizes and upload times.
ACCEPT = (
    "application/vnd.pypi.simple.v1+json, "
    "application/vnd.pypi.simple.v1+html;q=0.2, "
    "text/html;q=0.1"
)

_SHA256 = re.compile(r"[0-9a-fA-F]{64}")
# What every reader of a lock can take for an integer; no file is larger.
_LARGEST_BYTES = (1 << 53) - 1
_HTML_TYPES = ("application/vnd.pypi.simple.v1+html", "text/html")
_ABSOLUTE = ("https://", "http://")
# A link with nothing to take off: server, path. Of thousands of links nearly all are such.
_PLAIN_LINK = re.compile(r"https?://([A-Za-z0-9.:-]+)/[A-Za-z0-9/._+%!~=,-]*")
# In JSON, what half of a character is spelled as.
_SURROGATE = re.compile(rb"\\u[dD]")


def listing_of_page(
    content: bytes,
    project: NormalizedName,
    *,
    content_type: str,
    base_url: str,
    signatures: dict[str, str] | None = None,
) -> Listing:
    """The listing of a project's page; relative URLs are joined to `base_url`.

    Who has a page of a project has the project, though it lists nothing. Files whose names are not
    those of wheels and source distributions of the project are left out, as pip does it. What links
    are signed with is no part of a listing: `signatures` gets it, URL → query.

    Raises:
        ValueError: it is no page of the simple API, or of a later major version of it.
    """
    media_type, _, parameters = content_type.partition(";")
    media_type = media_type.strip().lower()
    base_url, signatures = without_credentials(base_url), {} if signatures is None else signatures
    if media_type.endswith("json"):
        return _listing_of_json(content, project, base_url, signatures)
    if media_type in _HTML_TYPES:
        from envc.index.html_page import html_page  # most indexes answer JSON

        charset = re.search(r"charset=\"?([\w-]+)", parameters)
        page = html_page(content, charset[1] if charset else None)
        return _listing_of_html(page, project, base_url, signatures)
    raise ValueError(f"the content type {media_type!r} is not one of the simple API")


def _listing_of_json(
    content: bytes, project: NormalizedName, base_url: str, signatures: dict[str, str]
) -> Listing:
    try:
        page = json.loads(content)
    except (ValueError, RecursionError) as error:
        raise ValueError("the page is not JSON") from error
    match page:
        case {"meta": {"api-version": str(version)}} if version.split(".", maxsplit=1)[0] != "1":
            raise ValueError(f"the page is of version {version} of the simple API; envc knows 1.x")
        case {"meta": {"api-version": str()}, "files": list(files)}:
            pass
        case _:
            raise ValueError("the page is not JSON of the simple API")
    serial = page["meta"].get("_last-serial")
    if _SURROGATE.search(content):
        files = list(filter(_is_readable, files))
    return listing_of(
        _unsigned(_files_of_json(files, project, base_url), signatures),
        found=True,
        serial=serial if type(serial) is int else 0,
    )


def _files_of_json(
    files: list[Any], project: NormalizedName, base_url: str
) -> Iterator[tuple[Version, ListedFile]]:
    for file in files:
        if type(file) is not dict:
            continue
        filename, url = file.get("filename"), file.get("url")
        if type(filename) is str and type(url) is str:
            version = version_of(filename, project)
            url_joined = _joined(base_url, url)
            if version is not None and url_joined is not None:
                yield version, _file_of_json(file, filename, url_joined)


def _is_readable(file: Any) -> bool:
    """Whether all its texts can be written: JSON can spell halves of characters."""
    try:
        return bool(json.dumps(file, ensure_ascii=False).encode())
    except UnicodeError:
        return False


def _file_of_json(file: dict[str, Any], filename: str, url: str) -> ListedFile:
    size, python, yanked = file.get("size"), file.get("requires-python"), file.get("yanked", False)
    # PEP 714: the first name is the one to believe, the other is what it was once called.
    metadata = file.get("core-metadata", file.get("dist-info-metadata", False))
    if isinstance(yanked, bool):
        yanked = "" if yanked else None
    hashes = file.get("hashes")
    sha256 = _sha256(hashes)
    return ListedFile(
        filename,
        url,
        sha256,
        size if type(size) is int and 0 < size <= _LARGEST_BYTES else None,
        _python(python),
        _upload_time(file.get("upload-time")),
        (_sha256(metadata) or True) if type(metadata) is dict else metadata is True,
        yanked if isinstance(yanked, str) else None,
        None if sha256 else _checksum(hashes),
    )


def _unsigned(
    files: Iterable[tuple[Version, ListedFile]], signatures: dict[str, str]
) -> Iterator[tuple[Version, ListedFile]]:
    """The files with URLs that may be kept; what these were signed with comes into `signatures`."""
    for version, file in files:
        url = without_signature(file.url)
        if url != file.url:
            signatures[url] = file.url.removeprefix(url)
        yield version, file if url == file.url else file._replace(url=url)


def _listing_of_html(
    page: "HtmlPage", project: NormalizedName, base_url: str, signatures: dict[str, str]
) -> Listing:
    if page.version is not None and page.version.strip().partition(".")[0] != "1":
        raise ValueError(f"the page is of version {page.version} of the simple API; envc knows 1.x")
    if page.base is not None:
        base_url = _joined(base_url, page.base) or base_url
    files = []
    for attributes in page.links:
        reference, _, fragment = attributes["href"].strip().partition("#")
        filename = unquote(reference.partition("?")[0].rpartition("/")[2])
        version = version_of(filename, project)
        url = _joined(base_url, reference) if version is not None else None
        if version is not None and url is not None:
            files.append((version, _file_of_html(attributes, filename, url, fragment)))
    return listing_of(_unsigned(files, signatures), found=True, serial=page.serial)


def _file_of_html(
    attributes: Mapping[str, str], filename: str, url: str, fragment: str
) -> ListedFile:
    metadata = attributes.get("data-core-metadata", attributes.get("data-dist-info-metadata"))
    algorithm, _, metadata_hash = (metadata or "").partition("=")
    announced = metadata is not None and metadata.lower() != "false"
    fragments = dict(part.partition("=")[::2] for part in fragment.split("&"))
    sha256 = _sha256(fragments)
    return ListedFile(
        filename,
        url,
        sha256,
        None,
        _python(attributes.get("data-requires-python")),
        None,
        _sha256({algorithm: metadata_hash}) or announced,
        attributes.get("data-yanked"),
        None if sha256 else _checksum(fragments),
    )


def _joined(base_url: str, url: str) -> str | None:
    """The absolute URL without credentials; None when it is none of HTTP."""
    try:
        plain = _PLAIN_LINK.fullmatch(url)
        if plain is not None:
            return url if _can_be_reached(plain[1]) else None
        if not url.startswith(_ABSOLUTE):
            url = urljoin(base_url, url)
        if not url.startswith(_ABSOLUTE):
            return None
        if "[" in url or not url.isascii():
            urlsplit(url.encode().decode())
        url = without_credentials(url.partition("#")[0])
        return url if _can_be_reached(url.split("/", 3)[2].partition("?")[0]) else None
    except ValueError:
        return None


@lru_cache(maxsize=64)
def _can_be_reached(server: str) -> bool:
    """Whether a server's name, and port, are such that one can be asked for by them."""
    parts = urlsplit(f"//{server}")
    host = parts.hostname or ""
    return bool(host) and parts.port != 0 and bool(host.encode("idna"))


def _python(text: Any) -> str | None:
    """What a page says of Pythons; what has no end nobody reads."""
    is_readable = type(text) is str and 0 < len(text.strip()) <= LONGEST_REQUIREMENT
    return text.strip() if is_readable else None


def _sha256(hashes: Any) -> str | None:
    value = hashes.get("sha256") if type(hashes) is dict else None
    if type(value) is str and _SHA256.fullmatch(value):
        return value.lower()
    return None


def _checksum(hashes: Any) -> str | None:
    """The best of the hashes that are no sha256."""
    return best_checksum(hashes) if type(hashes) is dict else None


def _upload_time(value: Any) -> str | None:
    if not isinstance(value, str):
        return None
    try:
        datetime.fromisoformat(value)
    except ValueError:
        return None
    return value
