"""Credentials of indexes: taken off URLs before anything else sees them, added to requests.

They come, in this order, from the index's URL, from `ENVC_INDEX_<NAME>_USERNAME` and
`ENVC_INDEX_<NAME>_PASSWORD`, from netrc (`NETRC`, else `~/.netrc`), from the links of its pages,
and, once the index has refused what these gave, from the keyring, where the library of that name is
installed. What is found at home, and others could change, is not read.
"""

import posixpath
import re
import threading
from collections.abc import Mapping, Sequence
from contextlib import suppress
from functools import cached_property
from importlib import import_module
from itertools import takewhile
from typing import TYPE_CHECKING
from urllib.parse import SplitResult, unquote, urlsplit

from envc.disk.ownership import configuration_folder, home_folder, is_left_alone
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


Origin = tuple[str, str, int | None]


@value
class _Door:
    """An index's part of the web, and the login for it, if one was given."""

    index: str
    url: str
    origin: Origin
    path: str
    login: Login | None


class Credentials:
    """Which login a URL needs.

    An index's login is for what stands below its own address; of several, the longest counts. What
    stands below none, an index may link on its own server: then it is that index's, unless another
    one's address has more in common with it.
    """

    def __init__(self, indexes: Sequence[IndexSpec], environ: Mapping[str, str]) -> None:
        self._environ = environ
        self._doors = [_door(index, environ) for index in indexes if index.url is not None]
        self._listed: dict[Origin, Login] = {}
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

    def login(self, url: str, index: str = "") -> Login | None:
        """The login for a URL that an index links: of an index, else netrc's, else a page's own.

        `index` is its name, "" where a person or a lock names the URL.
        """
        try:
            parts = urlsplit(url)
            origin = _origin(parts)
        except ValueError:
            return None  # a listed URL that is none; the request will say so
        door = self._door(parts, index)
        if door is not None and door.login is not None:
            return door.login
        known = self._netrc if self._may_know(origin) else None
        found = known.authenticators(parts.hostname or "") if known else None
        return Login(found[0] or "", found[2] or "") if found else self._listed.get(origin)

    def keyring_login(self, url: str, index: str = "") -> Login | None:
        """What the keyring has for a URL that was refused: by its index's URL, then by its host.

        Asked once for each: some keyrings ask a person.
        """
        try:
            parts = urlsplit(url)
            origin = _origin(parts)
        except ValueError:
            return None
        known = self.login(url, index)
        username = known.username if known else None
        door = self._door(parts, index)
        services = [] if door is None else [door.url]
        if self._may_know(origin):
            services.append(parts.netloc.rpartition("@")[2])
        for service in services:
            with self._lock:
                if (service, username) not in self._asked:
                    self._asked[service, username] = self._from_keyring(service, username)
                if found := self._asked[service, username]:
                    return found
        return None

    def are_shared(self, one: str, other: str, index: str) -> bool:
        """Whether what lets an index in at one URL is also meant for another one."""
        try:
            here, there = urlsplit(one), urlsplit(other)
            doors = self._door(here, index), self._door(there, index)
            return doors[0] is doors[1] and _is_at(_origin(here), _origin(there))
        except ValueError:
            return False

    def _door(self, parts: SplitResult, index: str) -> _Door | None:
        """The index whose login a URL may get."""
        origin, path = _origin(parts), _resolved(parts.path)
        doors = [door for door in self._doors if _is_at(door.origin, origin)]
        # Of indexes with the same address the one that links counts.
        doors.sort(key=lambda door: door.index != index)
        below = [door for door in doors if f"{path}/".startswith(f"{door.path}/")]
        if below:
            return max(below, key=lambda door: len(door.path))
        shared = [_shared(door.path, path) for door in doors]
        nearest = [door for door, count in zip(doors, shared, strict=True) if count == max(shared)]
        if index:
            return next((door for door in nearest if door.index == index), None)
        return nearest[0] if len(nearest) == 1 else None

    def _may_know(self, origin: Origin) -> bool:
        """Whether a server may be told what is kept for its host: nobody else reads it there."""
        return origin[0] == "https" or any(door.origin == origin for door in self._doors)

    @cached_property
    def _netrc(self) -> "netrc.netrc | None":
        import netrc

        path = self._environ.get("NETRC")
        if not path:
            path = f"{home_folder(self._environ)}/.netrc"
            if is_left_alone(path):
                return None
        try:
            return netrc.netrc(path)
        except (OSError, UnicodeDecodeError, netrc.NetrcParseError):
            return None

    def _from_keyring(self, service: str, username: str | None) -> Login | None:
        """The keyring's login; None where there is none, or it is locked, or set up by others."""
        if is_left_alone(f"{configuration_folder(self._environ)}/python_keyring/keyringrc.cfg"):
            return None  # it names code that is run
        return _from_keyring(service, username)


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


def _door(index: IndexSpec, environ: Mapping[str, str]) -> _Door:
    url = index.url or ""
    parts = urlsplit(url)
    name = environment_name(index.name)
    username = unquote(parts.username or "") or environ.get(f"{name}_USERNAME", "")
    password = unquote(parts.password or "") or environ.get(f"{name}_PASSWORD", "")
    login = Login(username, password) if username or password else None
    return _Door(index.name, without_credentials(url), _origin(parts), _resolved(parts.path), login)


def _origin(parts: SplitResult) -> Origin:
    port = parts.port or _DEFAULT_PORTS.get(parts.scheme)
    return parts.scheme, parts.hostname or "", port


def _is_at(known: Origin, origin: Origin) -> bool:
    """Whether it is the same server, or the same one by HTTPS, where it led on to."""
    scheme, host, port = known
    return origin == known or ((scheme, port) == ("http", 80) and origin == ("https", host, 443))


def _resolved(path: str) -> str:
    """A path as servers see it, however it is spelled; without the last slash."""
    resolved = posixpath.normpath("/" + unquote(path).lstrip("/"))
    return resolved.rstrip("/")


def _shared(one: str, other: str) -> int:
    """How many leading segments two paths have in common."""
    pairs = zip(one.split("/"), other.split("/"), strict=False)
    return sum(1 for _ in takewhile(lambda pair: pair[0] == pair[1], pairs))
