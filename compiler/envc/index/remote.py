"""One index of the simple API: what it has of a project, from the cache or asked and kept."""

import re
import time
from collections.abc import Callable, Mapping
from http import HTTPStatus
from urllib.parse import quote

from packaging.utils import NormalizedName

from envc.disk.cache import Cache
from envc.disk.sights import holds_until
from envc.errors import OutsideError
from envc.index.client import Answer, Client, status_text
from envc.index.credentials import for_people, without_credentials
from envc.index.listing import NOTHING, Listing, Offer, offer_of
from envc.index.pages import CachedListing, prolong, read_listing, write_listing

# How long a page is good for when its server does not say.
FRESH_SECONDS = 600
# However long a server says that one is: releases appear, and are yanked.
LONGEST_SECONDS = 24 * 3600

_SERIAL = re.compile(r"[0-9]{1,18}")


class RemoteIndex:
    """A simple index by URL. Fresh answers of the cache will do; with `offline`, any.

    `warn` hears of pages that are older than what was seen before.
    """

    def __init__(
        self,
        name: str,
        url: str,
        *,
        cache: Cache,
        client: Client,
        offline: bool = False,
        warn: Callable[[str], None] | None = None,
    ) -> None:
        self._warn = warn or _nobody
        self._told_of_logins = False
        self.name = name
        self.url = without_credentials(url).rstrip("/")
        self._cache = cache
        self._client = client
        self._offline = offline

    def remembered(self, project: NormalizedName) -> Offer | None:
        """The offer as far as the cache may answer; None when the index must be asked."""
        cached = self._read(project)
        if cached is None:
            return None
        if not self._offline:
            holds_until(cached.expires)
            if time.time() >= cached.expires:
                return None
        return offer_of(cached.listing, project, index=self.url)

    def offer(self, project: NormalizedName) -> Offer:
        """What the index has of the project.

        Raises:
            OutsideError: the index did not answer, or not with a page of the simple API.
        """
        known = self.remembered(project)
        if known is not None:
            return known
        if self._offline:
            raise OutsideError(
                f"{project}: the cache holds nothing of it from index {self.name!r}",
                where=self._page_url(project),
                mend="run without --offline",
            )
        return offer_of(self._ask(project, self._read(project)), project, index=self.url)

    def _read(self, project: NormalizedName) -> CachedListing | None:
        return read_listing(self._cache, self.url, project)

    def _ask(self, project: NormalizedName, cached: CachedListing | None) -> Listing:
        from envc.index.simple import ACCEPT  # a warm run asks nobody

        url = self._page_url(project)
        headers = {"Accept": ACCEPT, **_validators(cached)}
        answer = self._client.get(url, index=self.name, headers=headers)
        expires = self._expires(answer.headers)
        if answer.status == HTTPStatus.NOT_MODIFIED and cached is not None:
            prolong(self._cache, self.url, project, expires=expires)
            return cached.listing
        signatures: dict[str, str] = {}
        listing = self._parsed(answer, project, signatures)
        self._client.note_signatures(signatures)
        newest = _newness(listing, answer.headers)
        if cached is not None:
            seen, told = cached.newest, newest
            newest = (max(seen[0], told[0]), max(seen[1], told[1]))
            if 0 < told[0] < seen[0] or (told[0] == 0 and 0 < told[1] < seen[1]):
                self._warn(
                    f"index {self.name!r} answers with an older page of {project} than before: "
                    "a mirror is behind, or somebody holds releases back"
                )
        fetched = CachedListing(
            listing,
            expires,
            etag=answer.headers.get("ETag", ""),
            modified=answer.headers.get("Last-Modified", ""),
            newest=newest,
        )
        has_logins = self._client.note_listed_logins(answer.content)
        if has_logins or signatures:
            # They are kept nowhere, and so the page is not, either: without them it is of no use.
            if has_logins and not self._told_of_logins:
                self._told_of_logins = True
                self._warn(
                    f"index {self.name!r} has credentials in its links: they serve this run alone, "
                    "and whoever materializes gives them in ~/.netrc"
                )
        elif "no-store" not in answer.headers.get("Cache-Control", "").lower():
            write_listing(self._cache, self.url, project, cached=fetched)
            kept = self._read(project)
            if kept is not None and kept.listing.fingerprint == listing.fingerprint:
                return kept.listing  # most of it stays on the disk
        return listing

    def _parsed(
        self, answer: Answer, project: NormalizedName, signatures: dict[str, str]
    ) -> Listing:
        from envc.index.simple import listing_of_page

        if answer.status in (HTTPStatus.NOT_FOUND, HTTPStatus.GONE):
            return NOTHING
        url = self._page_url(project)
        if answer.status != HTTPStatus.OK:
            raise OutsideError(
                f"index {self.name!r} answered {status_text(answer.status)}",
                where=for_people(url),
                mend="check that the URL of the index is that of its simple API",
            )
        content_type = answer.headers.get("Content-Type", "text/html")
        try:
            return listing_of_page(
                answer.content,
                project,
                content_type=content_type,
                base_url=answer.url,
                signatures=signatures,
            )
        except ValueError as error:
            raise OutsideError(
                f"index {self.name!r} cannot be read: {error}",
                where=for_people(url),
                mend="check that the URL of the index is that of its simple API",
            ) from error

    @staticmethod
    def _expires(headers: Mapping[str, str]) -> float:
        control = headers.get("Cache-Control", "").lower()
        found = re.search(r"max-age\s*=\s*\"?0*(\d{1,10})", control)
        if "no-cache" in control:
            return time.time()
        return time.time() + (min(int(found[1]), LONGEST_SECONDS) if found else FRESH_SECONDS)

    def _page_url(self, project: NormalizedName) -> str:
        return f"{self.url}/{quote(project, safe='')}/"


def _nobody(_warning: str) -> None:
    """Who hears of what nobody listens to."""


def _newness(listing: Listing, headers: Mapping[str, str]) -> tuple[int, int]:
    """How new a page is, as `CachedListing.newest` has it."""
    from email.utils import parsedate_to_datetime  # of no use to a run that asks nobody

    serial = headers.get("X-PyPI-Last-Serial", "")
    try:
        seconds = int(parsedate_to_datetime(headers.get("Last-Modified", "")).timestamp())
    except (ValueError, TypeError, OverflowError):
        seconds = 0
    return listing.serial or (int(serial) if _SERIAL.fullmatch(serial) else 0), seconds


def _validators(cached: CachedListing | None) -> dict[str, str]:
    """The headers by which the index may answer that nothing has changed."""
    if cached is None:
        return {}
    validators = {"If-None-Match": cached.etag, "If-Modified-Since": cached.modified}
    return {name: value for name, value in validators.items() if value and value.isascii()}
