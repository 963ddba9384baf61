"""Credentials of indexes: taken off URLs before anything else sees them, added to requests.

They come, in this order, from the index's URL, from `ENVC_INDEX_<NAME>_USERNAME` and
`ENVC_INDEX_<NAME>_PASSWORD`, from netrc (`NETRC`, else `~/.netrc`), from the links of its pages,
and, once the index has refused what these gave, from the keyring, where the library of that name is
installed.
"""

import os
import re
import threading
from collections.abc import Mapping, Sequence
from contextlib import suppress
from functools import cached_property
from importlib import import_module
from itertools import takewhile
from typing import TYPE_CHECKING
from urllib.parse import SplitResult, unquote, urlsplit

from envc.model.spec import IndexSpec
from envc.model.value import value

if TYPE_CHECKING:
    import netrc  # few runs need it

_USER_INFORMATION = re.compile(r"^([A-Za-z][A-Za-z0-9+.-]*://)[^/?#]*@")
_LISTED_LOGIN = re.compile(rb"https?://[!#-&(-.0-;=?A-~]+:[!#-&(-.0-;=?A-~]*@[a-zA-Z0-9.:\[\]-]+")
# Parameters that let in whoever has them: signatures of object stores, tokens, and what is as long.
_SECRET_PARAMETER = re.compile(
    r"[?&;](?:[^=&;#]*(?:sig|token|secret|passw|credential|auth|key|policy|jwt)[^=&;#]*="
    r"|x-(?:amz|goog|ms|oss)-|[^&;#]{24})",
    re.IGNORECASE,
)
_DEFAULT_PORTS = {"http": 80, "https": 443}


@value
class Login:
    """What an index asks for; never part of a text that envc writes."""

    username: str
    password: str

    def __repr__(self) -> str:
        return "Login(…)"


@value
class _Door:
    """A login and the part of the web it is for."""

    origin: tuple[str, str, int | None]
    path: str
    login: Login


class Credentials:
    """Which login a URL needs."""

    def __init__(self, indexes: Sequence[IndexSpec], environ: Mapping[str, str]) -> None:
        self._environ = environ
        self._doors = [door for index in indexes if (door := _door(index, environ))]
        self._services = [without_credentials(index.url) for index in indexes if index.url]
        self._listed: dict[tuple[str, str, int | None], Login] = {}
        self._asked: dict[tuple[str, str | None], Login | None] = {}
        self._lock = threading.Lock()

    def note_listed(self, page: bytes) -> bool:
        """Take the logins that a page of an index has in its links; whether there are any.

        Each is for its own origin, where nobody else has told one. They live as long as this.
        """
        found = {match.group().decode() for match in _LISTED_LOGIN.finditer(page)}
        for url in sorted(found):
            with suppress(ValueError):
                parts = urlsplit(url)
                login = Login(unquote(parts.username or ""), unquote(parts.password or ""))
                self._listed[_origin(parts)] = login
        return bool(found)

    def login(self, url: str) -> Login | None:
        """The login for a URL: of an index of the same origin, else netrc's, else a page's own.

        Indexes that share an origin are told apart by the longest path in common.
        """
        try:
            parts = urlsplit(url)
            origin = _origin(parts)
        except ValueError:
            return None  # a listed URL that is none; the request will say so
        doors = [door for door in self._doors if door.origin == origin]
        if doors:
            return max(doors, key=lambda door: _shared(door.path, parts.path)).login
        found = self._netrc.authenticators(parts.hostname or "") if self._netrc else None
        return Login(found[0] or "", found[2] or "") if found else self._listed.get(origin)

    def keyring_login(self, url: str) -> Login | None:
        """What the keyring has for a URL that was refused: by its index's URL, then by its host.

        Asked once for each: some keyrings ask a person.
        """
        try:
            parts = urlsplit(url)
            origin = _origin(parts)
        except ValueError:
            return None
        known = self.login(url)
        username = known.username if known else None
        services = sorted(
            {service for service in self._services if _origin(urlsplit(service)) == origin},
            key=lambda service: -_shared(urlsplit(service).path, parts.path),
        )
        for service in (*services, parts.netloc.rpartition("@")[2]):
            with self._lock:
                if (service, username) not in self._asked:
                    self._asked[service, username] = _from_keyring(service, username)
                if found := self._asked[service, username]:
                    return found
        return None

    @cached_property
    def _netrc(self) -> "netrc.netrc | None":
        import netrc

        path = self._environ.get("NETRC") or os.path.expanduser("~/.netrc")
        try:
            return netrc.netrc(path)
        except (OSError, UnicodeDecodeError, netrc.NetrcParseError):
            return None


def _from_keyring(service: str, username: str | None) -> Login | None:
    """The keyring's login; None where there is no keyring, or it has none or is locked."""
    try:
        keyring = import_module("keyring")
    except ImportError:
        return None
    try:
        found = keyring.get_credential(service, username)
    except Exception:  # noqa: BLE001 - backends of every kind fail in every way
        return None
    if found is None or not found.password:
        return None
    return Login(found.username or username or "", found.password)


def without_credentials(url: str) -> str:
    """The URL without user name and password."""
    return _USER_INFORMATION.sub(r"\1", url) if "@" in url else url


def without_signature(url: str) -> str:
    """The URL without its query where that has a secret in it: who has the link, is let in."""
    return url.partition("?")[0] if "?" in url and _SECRET_PARAMETER.search(url) else url


def for_people(url: str) -> str:
    """The URL as an error may show it: a query can hold a signature, so it is left out too."""
    return without_credentials(url).partition("?")[0]


def environment_name(index: str) -> str:
    """The first part of the names of the variables that hold an index's credentials."""
    return "ENVC_INDEX_" + re.sub(r"[^A-Z0-9]", "_", index.upper())


def _door(index: IndexSpec, environ: Mapping[str, str]) -> _Door | None:
    if index.url is None:
        return None
    parts = urlsplit(index.url)
    name = environment_name(index.name)
    username = unquote(parts.username or "") or environ.get(f"{name}_USERNAME", "")
    password = unquote(parts.password or "") or environ.get(f"{name}_PASSWORD", "")
    if not username and not password:
        return None
    return _Door(_origin(parts), parts.path, Login(username, password))


def _origin(parts: SplitResult) -> tuple[str, str, int | None]:
    port = parts.port or _DEFAULT_PORTS.get(parts.scheme)
    return parts.scheme, parts.hostname or "", port


def _shared(one: str, other: str) -> int:
    """How many leading segments two paths have in common."""
    pairs = zip(one.split("/"), other.split("/"), strict=False)
    return sum(1 for _ in takewhile(lambda pair: pair[0] == pair[1], pairs))
