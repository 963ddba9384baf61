"""The simple API: the bytes of a project's page → its listing. No I/O.

Source: https://packaging.python.org/specifications/simple-repository-api/ (PEP 503, 592, 629,
658, 691, 700, 714).
"""

import json
import re
from collections.abc import Iterator, Mapping
from functools import lru_cache
from typing import TYPE_CHECKING, Any, NamedTuple
from urllib.parse import unquote, urljoin, urlsplit

from packaging.utils import NormalizedName

from envc.index.credentials import without_credentials, without_signature
from envc.index.filenames import version_of
from envc.index.json_page import Files, json_page
from envc.index.listed_file import announced_metadata, row_of
from envc.index.listing import ListedFile, Listing, listing_of
from envc.model.value import replace

if TYPE_CHECKING:
    from envc.index.html_page import HtmlPage

# JSON before HTML: it alone tells sizes and upload times.
ACCEPT = (
    "application/vnd.pypi.simple.v1+json, "
    "application/vnd.pypi.simple.v1+html;q=0.2, "
    "text/html;q=0.1"
)

_HTML_TYPES = ("application/vnd.pypi.simple.v1+html", "text/html")
_ABSOLUTE = ("https://", "http://")
_PLAIN_LINK = re.compile(r"https?://([A-Za-z0-9.:-]+)/[A-Za-z0-9/._+%!~=,-]*")
# What a file's text may open before nobody counts any more: its own brace, its hashes' and others'.
_MOST_OPENED = 8
# A page that links more of them is read as if each link were the first.
_MOST_SERVERS = 8
# Half of a character, spelled out or not: nobody can write that.
_SURROGATE = re.compile("\\\\u[dD]|[\ud800-\udfff]")


class _Origin(NamedTuple):
    """Of which project a page is, what its links are joined to, and what these were signed with."""

    project: NormalizedName
    base_url: str
    signatures: dict[str, str]


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
    signatures = {} if signatures is None else signatures
    origin = _Origin(project, without_credentials(base_url), signatures)
    if media_type.endswith("json"):
        return _listing_of_json(content, origin)
    if media_type in _HTML_TYPES:
        from envc.index.html_page import html_page  # most indexes answer JSON

        charset = re.search(r"charset=\"?([\w-]+)", parameters)
        return _listing_of_html(html_page(content, charset[1] if charset else None), origin)
    raise ValueError(f"the content type {media_type!r} is not one of the simple API")


def _listing_of_json(content: bytes, origin: _Origin) -> Listing:
    try:
        page = json_page(content, lambda files: listing_of(_files_of_json(files, origin)))
    except ValueError as error:
        raise ValueError("the page is not JSON") from error
    match page:
        case {"meta": {"api-version": str(version)}} if version.split(".", maxsplit=1)[0] != "1":
            raise ValueError(f"the page is of version {version} of the simple API; envc knows 1.x")
        case {"meta": {"api-version": str(), **meta}, "files": Listing() as listing}:
            serial = meta.get("_last-serial")
            return replace(listing, serial=serial if type(serial) is int else 0)
    raise ValueError("the page is not JSON of the simple API")


def _files_of_json(files: Files, origin: _Origin) -> Iterator[ListedFile]:
    project = origin.project
    servers: tuple[str, ...] = ()
    for file, text in files:
        if type(file) is not dict:
            continue
        filename, url = file.get("filename"), file.get("url")
        if type(filename) is not str or type(url) is not str:
            continue
        version = version_of(filename, project)
        if version is None:
            continue
        row = text  # of nearly all: there is nothing to take off, or to add
        if not (url.startswith(servers) and _is_plain(text)):
            told = _row(file, url, origin) if _is_readable(text) else None
            if told is None:
                continue
            row = told
            if len(servers) < _MOST_SERVERS:
                servers = (*servers, *_servers_of(url))
        announces = "metadata" in text and announced_metadata(file) is not False
        yield version, filename, row, announces


def _is_plain(text: str) -> bool:
    """Whether a file's text is what it stands for, without logins, queries, fragments, nesting."""
    return (
        text.isascii()
        and not ("\\" in text or "@" in text or "?" in text or "#" in text or "[" in text)
        and text.count("{") <= _MOST_OPENED
        and "\n" not in text
    )


def _is_readable(text: str) -> bool:
    """Whether all its characters can be written: JSON can spell halves of them."""
    if not _SURROGATE.search(text):
        return True
    try:
        return bool(json.dumps(json.loads(text), ensure_ascii=False).encode())
    except (UnicodeError, RecursionError):
        return False


def _listing_of_html(page: "HtmlPage", origin: _Origin) -> Listing:
    if page.version is not None and page.version.strip().partition(".")[0] != "1":
        raise ValueError(f"the page is of version {page.version} of the simple API; envc knows 1.x")
    if page.base is not None:
        base_url = _joined(origin.base_url, page.base) or origin.base_url
        origin = origin._replace(base_url=base_url)
    listing = listing_of(_files_of_html(page, origin))
    return replace(listing, serial=page.serial)


def _files_of_html(page: "HtmlPage", origin: _Origin) -> Iterator[ListedFile]:
    for attributes in page.links:
        reference, _, fragment = attributes["href"].strip().partition("#")
        filename = unquote(reference.partition("?")[0].rpartition("/")[2])
        version = version_of(filename, origin.project)
        if version is not None:
            file = _file_of_link(attributes, filename, fragment)
            row = _row(file, reference, origin)
            if row is not None:
                announces = announced_metadata(file) is not False
                yield version, filename, row, announces


def _file_of_link(attributes: Mapping[str, str], filename: str, fragment: str) -> dict[str, Any]:
    """What a link says of its file, as a page in JSON would say it."""
    metadata = attributes.get("data-core-metadata", attributes.get("data-dist-info-metadata"))
    algorithm, _, digits = (metadata or "").partition("=")
    announced = metadata is not None and metadata.lower() != "false"
    return {
        "filename": filename,
        "hashes": dict(part.partition("=")[::2] for part in fragment.split("&")),
        "requires-python": attributes.get("data-requires-python"),
        "core-metadata": {algorithm: digits} if announced else False,
        "yanked": attributes.get("data-yanked"),
    }


def _row(file: Mapping[str, Any], url: str, origin: _Origin) -> str | None:
    """The row of a file, with a URL that may be kept; None: nobody can follow its link."""
    joined = _joined(origin.base_url, url)
    if joined is None:
        return None
    kept = without_signature(joined)
    if kept != joined:
        origin.signatures[kept] = joined.removeprefix(kept)
    return row_of(file, kept)


def _servers_of(url: str) -> list[str]:
    """What a plain absolute URL begins with, up to the slash behind its server; else nothing."""
    plain = _PLAIN_LINK.fullmatch(url)
    return [url[: plain.end(1) + 1]] if plain else []


def _joined(base_url: str, url: str) -> str | None:
    """The absolute URL without credentials; None when it is none of HTTP."""
    try:
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
