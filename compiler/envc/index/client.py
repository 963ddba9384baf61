"""Requests to indexes: bytes within a limit, or an error that names the index and no secret."""

import os
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from http import HTTPStatus
from typing import TYPE_CHECKING, TypeVar
from urllib.parse import urlsplit

from envc.errors import OutsideError, UntrustedError, UsageError
from envc.index.credentials import (
    Credentials,
    Login,
    environment_name,
    for_people,
    without_credentials,
)
from envc.model.spec import IndexSpec
from envc.model.value import value

if TYPE_CHECKING:
    import httpx  # imported when the first request is made: a warm run makes none

PAGE_LIMIT_BYTES = 64 * 1024 * 1024
_MOST_REDIRECTS = 20
BACKOFF_SECONDS = 0.25
BODY_ATTEMPTS = 3
RETRY_MEND = "check the network, the proxy and the index's URL, then run the command again"

Taken = TypeVar("Taken")

_REFUSALS = (
    HTTPStatus.UNAUTHORIZED,
    HTTPStatus.FORBIDDEN,
    HTTPStatus.PROXY_AUTHENTICATION_REQUIRED,
)


@value
class Answer:
    """A complete answer. `url` is where it came from in the end, without credentials."""

    status: int
    headers: Mapping[str, str]
    content: bytes
    url: str


class Client:
    """All requests of a run; any thread may ask. `indexes` tell whose credentials go where."""

    def __init__(self, indexes: Sequence[IndexSpec] = ()) -> None:
        for index in indexes:
            _check_url(index)
        self._credentials = Credentials(indexes, os.environ)
        self._lock = threading.Lock()
        self._opened: httpx.Client | None = None
        self._signatures: dict[str, str] = {}
        self._ended_bytes = 0
        self._streaming: set[httpx.Response] = set()

    @property
    def received_bytes(self) -> int:
        """How much of bodies has come over the wire so far."""
        with self._lock:
            return self._ended_bytes + sum(r.num_bytes_downloaded for r in self._streaming)

    def note_listed_logins(self, page: bytes) -> bool:
        """Take the logins that a page has in its links for this run; whether there are any."""
        return self._credentials.note_listed(page)

    def note_signatures(self, signatures: Mapping[str, str]) -> None:
        """Take what a page's links are signed with (`without_signature`) for this run."""
        with self._lock:
            self._signatures.update(signatures)

    def is_signed(self, url: str) -> bool:
        """Whether a page has told a signature for this URL."""
        with self._lock:
            return url in self._signatures

    def is_let_in(self, url: str, index: str) -> bool:
        """Whether an index's login is for this URL because that index links it."""
        login = self._credentials.login(url, index)
        return login is not None and login != self._credentials.login(url)

    def get(
        self,
        url: str,
        *,
        index: str,
        headers: Mapping[str, str] | None = None,
        limit_bytes: int = PAGE_LIMIT_BYTES,
    ) -> Answer:
        """The answer to a GET, a 404 too; `index` is the name that errors tell, "" if unknown.

        Raises:
            OutsideError: nobody answered, or with a refusal or a failure of the server.
            UntrustedError: the answer is longer than `limit_bytes`.
        """

        def whole(response: "httpx.Response") -> Answer:
            content = bytearray()
            for chunk in response.iter_bytes():
                content += chunk
                if len(content) > limit_bytes:
                    raise UntrustedError(
                        f"{whom(url, index)} answered with more than {limit_bytes} bytes",
                        where=for_people(url),
                        mend="tell who runs the index",
                    )
            final_url = without_credentials(str(response.url))
            return Answer(response.status_code, response.headers, bytes(content), final_url)

        return self.read(url, index=index, headers=headers or {}, take=whole)

    def read(
        self,
        url: str,
        *,
        index: str,
        headers: Mapping[str, str],
        take: "Callable[[httpx.Response], Taken]",
    ) -> Taken:
        """What `take` makes of the answer to a GET; where it is cut off, of another one.

        Raises:
            OutsideError: nobody answered, or with a refusal or a failure of the server.
        """
        import httpx

        failure: httpx.HTTPError | None = None
        for _ in range(BODY_ATTEMPTS):
            with self.stream(url, index=index, headers=headers) as response:
                try:
                    return take(response)
                except httpx.HTTPError as error:
                    failure = error
        raise no_answer(url, index, failure) from failure

    @contextmanager
    def stream(
        self, url: str, *, index: str, headers: Mapping[str, str], any_status: bool = False
    ) -> Iterator["httpx.Response"]:
        """The answer to a GET, its body unread; reading it may raise httpx's errors.

        With `any_status` refusals and failures of the server are answers, too.

        Raises:
            OutsideError: nobody answered, or with a refusal or a failure of the server.
        """
        import httpx

        try:
            response = self._send(url, index, headers, self._credentials.login(url, index))
            if response.status_code == HTTPStatus.UNAUTHORIZED:
                kept = self._credentials.keyring_login(url, index)
                if kept is not None:
                    response.close()
                    response = self._send(url, index, headers, kept)
        except (httpx.HTTPError, httpx.InvalidURL, ValueError, OverflowError) as error:
            # The last two: addresses and headers that no library can read.
            raise no_answer(url, index, error) from error
        try:
            encodings = response.headers.get_list("Content-Encoding", split_commas=True)
            if len(encodings) > 1:  # each could be a bomb in the one before it
                raise no_answer(url, index, httpx.DecodingError("it encodes its answer twice"))
            with self._lock:
                self._streaming.add(response)
            if not any_status:
                _check_status(response.status_code, url, index)
            yield response
        finally:
            response.close()
            with self._lock:
                self._streaming.discard(response)
                self._ended_bytes += response.num_bytes_downloaded

    def _send(
        self, url: str, index: str, headers: Mapping[str, str], login: Login | None
    ) -> "httpx.Response":
        import httpx

        client = self._open()
        with self._lock:
            signed = url + self._signatures.get(url, "")
        request = client.build_request("GET", signed, headers=dict(headers))
        auth = (login.username, login.password) if login else None
        response = client.send(request, stream=True, auth=auth)
        for _ in range(_MOST_REDIRECTS):
            if response.next_request is None:
                return response
            response.close()
            onward = response.next_request
            if not self._credentials.are_shared(url, str(onward.url), index):
                onward.headers.pop("Authorization", None)
            response = client.send(onward, stream=True)
        response.close()
        raise httpx.TooManyRedirects(f"it redirected {_MOST_REDIRECTS} times", request=request)

    def close(self) -> None:
        """Close all connections."""
        with self._lock:
            if self._opened is not None:
                self._opened.close()
                self._opened = None

    def _open(self) -> "httpx.Client":
        with self._lock:
            if self._opened is None:
                from envc.index.transport import open_client

                self._opened = open_client(os.environ, backoff_seconds=BACKOFF_SECONDS)
            return self._opened


def no_answer(url: str, index: str, error: Exception | None) -> OutsideError:
    """The error that says that an index did not answer, and why."""
    reason = without_credentials(str(error)) or type(error).__name__
    return OutsideError(
        f"{whom(url, index)} did not answer: {reason}", where=for_people(url), mend=RETRY_MEND
    )


def whom(url: str, index: str) -> str:
    """Who is asked, for an error: the index, or the server where no index is known."""
    return f"index {index!r}" if index else f"the server {urlsplit(url).netloc}"


def status_text(status: int) -> str:
    """A status as people know it: `404 Not Found`."""
    try:
        return f"{status} {HTTPStatus(status).phrase}"
    except ValueError:
        return str(status)


def _check_status(status: int, url: str, index: str) -> None:
    if status in _REFUSALS:
        name = environment_name(index) if index else "ENVC_INDEX_<NAME>"
        raise OutsideError(
            f"{whom(url, index)} refuses access ({status_text(status)})",
            where=for_people(url),
            mend=f"give credentials: in ~/.netrc, in {name}_USERNAME and {name}_PASSWORD, "
            "in the keyring, or in the index's URL",
        )
    if status == HTTPStatus.TOO_MANY_REQUESTS or status >= HTTPStatus.INTERNAL_SERVER_ERROR:
        raise OutsideError(
            f"{whom(url, index)} failed ({status_text(status)})",
            where=for_people(url),
            mend="run the command again later",
        )


def _check_url(index: IndexSpec) -> None:
    if index.url is None:
        return
    try:
        parts = urlsplit(index.url)
        usable = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:
        usable = False
    if not usable:
        raise UsageError(
            f"the URL of index {index.name!r} is not one of HTTP",
            where=f"[[index]] {index.name}",  # what does not parse cannot be stripped of secrets
            mend="give it as https://host/path, or a folder of wheels by `path`",
        )
