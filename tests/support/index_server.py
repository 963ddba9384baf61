"""A simple index on the loopback: a folder of distributions, and switches for what servers do.

    with IndexServer(folder, form="html", ranges="off") as server:
        ... IndexSpec(name="site", url=server.url) ...
        assert server.paths() == ["/simple/six/"]

Every switch may be changed while it runs. Pages are at `/simple/<project>/`, files at
`/files/<name>`, metadata files at `/files/<name>.metadata`.
"""

import base64
import hashlib
import html
import json
import re
import socket
import ssl
import threading
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Literal, Self

from packaging.utils import canonicalize_name

JSON_TYPE = "application/vnd.pypi.simple.v1+json"


@dataclass(frozen=True, kw_only=True)
class FileFacts:
    """What the page says of one file beyond its name, size and digest."""

    requires_python: str | None = None
    upload_time: str | None = None
    yanked: str | None = None
    sha256: str | None = None
    size_bytes: int | None = None


@dataclass(frozen=True)
class Request:
    """One request as the server answered it; `size_bytes` of the body that was sent."""

    method: str
    path: str
    status: int
    size_bytes: int


@dataclass(frozen=True)
class Reply:
    """An answer before it is sent."""

    status: int
    body: bytes = b""
    headers: Mapping[str, str] = field(default_factory=dict)


class IndexServer:
    """The server; its keywords are the switches.

    `metadata`: "announced" on the page, "silent" (served, not announced), or "none".
    `metadata_hash`: the digest that pages announce instead of the true one; `metadata_text`: what
    is served in its place.
    `ranges`: "on", "off" (whole files, 200), "broken" (206 with other bytes than asked for), or a
    status by which ranged requests are refused.
    `hashes`: the algorithm of the hashes that pages give; "" gives none.
    `ranges_said`: what answers with ranges say instead of their true one.
    `signature`: what links to files end with, and requests for them must.
    `files_at`: what links to files begin with. `page_headers`: what answers with pages have
    besides; `serial`: what pages tell of it.
    `failures`: path → the statuses of its next requests, then it is well again.
    `torn`: path → how many of its next answers stop halfway. `redirects`: path → URL.
    `login`: user and password that every request must carry. `tls`: what makes it an HTTPS server.
    `empty`: projects of which there are pages without files.
    `held`: paths that are not answered before the server ends; `arrived` counts such requests.
    """

    def __init__(
        self,
        folder: Path,
        *,
        form: Literal["json", "html"] = "json",
        metadata: Literal["announced", "silent", "none"] = "announced",
        ranges: Literal["on", "off", "broken"] | int = "on",
        hashes: str = "sha256",
        api_version: str = "1.1",
        cache_control: str | None = None,
        etags: bool = True,
        login: tuple[str, str] | None = None,
        tls: ssl.SSLContext | None = None,
        facts: Mapping[str, FileFacts] | None = None,
    ) -> None:
        self.folder = folder
        self.form = form
        self.metadata = metadata
        self.metadata_hash: str | None = None
        self.metadata_text: bytes | None = None
        self.ranges = ranges
        self.hashes = hashes
        self.api_version = api_version
        self.cache_control = cache_control
        self.etags = etags
        self.login = login
        self.tls = tls
        self.facts = dict(facts or {})
        self.ranges_said: str | None = None
        self.signature = ""
        self.files_at = "../../files"
        self.page_headers: dict[str, str] = {}
        self.serial: int | None = None
        self.failures: dict[str, list[int]] = {}
        self.torn: dict[str, int] = {}
        self.redirects: dict[str, str] = {}
        self.empty: set[str] = set()
        self.held: set[str] = set()
        self.arrived = threading.Semaphore(0)
        self.ending = threading.Event()
        self.requests: list[Request] = []
        self.authorizations: list[str | None] = []
        self.cookies: list[str | None] = []

    def __enter__(self) -> Self:
        self._server = _Server(self)
        self._thread = threading.Thread(
            target=self._server.serve_forever, kwargs={"poll_interval": 0.005}
        )
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.hang_up()
        self.ending.set()
        self._server.server_close()
        self._thread.join()

    @property
    def host(self) -> str:
        return f"127.0.0.1:{self._server.server_address[1]}"

    @property
    def url(self) -> str:
        return f"{self._scheme}://{self.host}/simple"

    def url_with(self, user: str, password: str) -> str:
        """The index's URL with credentials in it."""
        return f"{self._scheme}://{user}:{password}@{self.host}/simple"

    @property
    def _scheme(self) -> str:
        return "http" if self.tls is None else "https"

    def paths(self) -> list[str]:
        """The paths asked for, in order."""
        return [request.path for request in self.requests]

    def statuses(self, path: str) -> list[int]:
        """The statuses that this path was answered with, in order."""
        return [request.status for request in self.requests if request.path == path]

    def reply(self, path: str, headers: Mapping[str, str]) -> Reply:
        """The answer to a GET."""
        self.authorizations.append(headers.get("Authorization"))
        self.cookies.append(headers.get("Cookie"))
        if self.failures.get(path):
            return Reply(self.failures[path].pop(0), b"as the test asked")
        if self.login and headers.get("Authorization") != _basic(*self.login):
            return Reply(401, b"who are you?", {"WWW-Authenticate": "Basic"})
        if path in self.redirects:
            return Reply(302, b"", {"Location": self.redirects[path]})
        if page := re.fullmatch(r"/simple/([^/]+)/", path):
            return self._page(page[1], headers)
        if file := re.fullmatch(r"/files/([^/?]+)(.*)", path):
            return self._file(file[1], headers, signature=file[2])
        return Reply(404, b"nothing here")

    def _page(self, project: str, headers: Mapping[str, str]) -> Reply:
        files = [
            path
            for path in sorted(self.folder.iterdir())
            if canonicalize_name(path.name.split("-")[0]) == project
        ]
        if not files and project not in self.empty:
            return Reply(404, b"no such project")
        if self.form == "json":
            body, content_type = self._json(project, files), JSON_TYPE
        else:
            body, content_type = self._html(files), "text/html; charset=utf-8"
        answer = {"Content-Type": content_type, **self.page_headers}
        if self.cache_control is not None:
            answer["Cache-Control"] = self.cache_control
        if self.etags:
            answer["ETag"] = f'"{hashlib.sha256(body).hexdigest()[:16]}"'
            if headers.get("If-None-Match") == answer["ETag"]:
                return Reply(304, b"", answer)
        return Reply(200, body, answer)

    def _json(self, project: str, files: list[Path]) -> bytes:
        page = {
            "meta": {"api-version": self.api_version, "_last-serial": self.serial},
            "name": project,
            "files": [self._json_file(path) for path in files],
        }
        return json.dumps(page).encode()

    def _json_file(self, path: Path) -> dict[str, object]:
        facts = self.facts.get(path.name, FileFacts())
        return {
            "filename": path.name,
            "url": f"{self.files_at}/{path.name}{self.signature}",
            "hashes": self._hashes(path),
            "size": path.stat().st_size if facts.size_bytes is None else facts.size_bytes,
            "requires-python": facts.requires_python,
            **({} if facts.upload_time is None else {"upload-time": facts.upload_time}),
            "yanked": facts.yanked or facts.yanked is not None,
            "core-metadata": {"sha256": self._metadata_hash(path)} if self._announces() else False,
        }

    def _html(self, files: list[Path]) -> bytes:
        links = []
        for path in files:
            facts = self.facts.get(path.name, FileFacts())
            fragment = "&".join(f"{name}={text}" for name, text in self._hashes(path).items())
            attributes = {"href": f"{self.files_at}/{path.name}{self.signature}#{fragment}"}
            if facts.requires_python is not None:
                attributes["data-requires-python"] = facts.requires_python
            if facts.yanked is not None:
                attributes["data-yanked"] = facts.yanked
            if self._announces():
                attributes["data-dist-info-metadata"] = f"sha256={self._metadata_hash(path)}"
            text = " ".join(f'{key}="{html.escape(value)}"' for key, value in attributes.items())
            links.append(f"<a {text}>{path.name}</a><br/>")
        meta = f'<meta name="pypi:repository-version" content="{self.api_version}">'
        page = f"<!DOCTYPE html><html><head>{meta}</head><body>{''.join(links)}</body></html>"
        page += f"<!--SERIAL {self.serial}-->" if self.serial is not None else ""
        return page.encode()

    def _hashes(self, path: Path) -> dict[str, str]:
        facts = self.facts.get(path.name, FileFacts())
        if not self.hashes:
            return {}
        found = facts.sha256 or hashlib.new(self.hashes, path.read_bytes()).hexdigest()
        return {self.hashes: found}

    def _announces(self) -> bool:
        return self.metadata == "announced"

    def _metadata_hash(self, path: Path) -> str:
        content = self.metadata_text or _metadata_of(path) or b""
        return self.metadata_hash or hashlib.sha256(content).hexdigest()

    def _file(self, name: str, headers: Mapping[str, str], *, signature: str) -> Reply:
        if self.signature and signature != self.signature:
            return Reply(403, b"this link is not signed")
        if name.endswith(".metadata"):
            content = _metadata_of(self.folder / name.removesuffix(".metadata"))
            if self.metadata == "none" or content is None:
                return Reply(404, b"no metadata")
            return Reply(200, self.metadata_text or content)
        path = self.folder / name
        if not path.is_file():
            return Reply(404, b"no such file")
        content = path.read_bytes()
        if self.ranges == "off" or "Range" not in headers:
            return Reply(200, content)
        return self._range(content, headers["Range"])

    def _range(self, content: bytes, span: str) -> Reply:
        if isinstance(self.ranges, int):
            return Reply(self.ranges, b"no ranges here")
        first, last = span.removeprefix("bytes=").split("-")
        total = len(content)
        start = int(first) if first else max(total - int(last), 0)
        end = min(int(last) + 1, total) if first and last else total
        piece = content[start:end]
        if self.ranges == "broken":
            piece = bytes(len(piece))
        said = self.ranges_said or f"bytes {start}-{end - 1}/{total}"
        return Reply(206, piece, {"Content-Range": said})


class _Server(ThreadingHTTPServer):
    daemon_threads = False  # so that closing it waits for them
    request_queue_size = 64

    def __init__(self, index: IndexServer) -> None:
        self.index = index
        self._connections: list[socket.socket] = []
        super().__init__(("127.0.0.1", 0), _Handler)
        if index.tls is not None:
            # the handshake is for the thread of the connection, not for the one that accepts
            self.socket = index.tls.wrap_socket(
                self.socket, server_side=True, do_handshake_on_connect=False
            )

    def process_request(self, request, client_address) -> None:
        self._connections.append(request)
        super().process_request(request, client_address)

    def handle_error(self, request, client_address) -> None:
        """A client that hangs up early is what some tests are about."""

    def hang_up(self) -> None:
        """End the connections that clients keep open."""
        for connection in self._connections:
            try:
                connection.shutdown(socket.SHUT_RDWR)
            except OSError:
                continue  # it has ended already


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    wbufsize = -1

    def do_GET(self) -> None:
        index = self.server.index
        if self.path in index.held:
            index.arrived.release()
            index.ending.wait()
        reply = index.reply(self.path, self.headers)
        self.send_response(reply.status)
        for name, value in reply.headers.items():
            self.send_header(name, value)
        if reply.status != 304:
            self.send_header("Content-Length", str(len(reply.body)))
        self.end_headers()
        body = reply.body
        if index.torn.get(self.path):
            index.torn[self.path] -= 1
            body = body[: len(body) // 2]
            self.close_connection = True
        index.requests.append(Request("GET", self.path, reply.status, len(body)))
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base's name
        """The requests are kept, not printed."""


def _metadata_of(path: Path) -> bytes | None:
    if path.suffix != ".whl" or not path.is_file():
        return None
    try:
        with zipfile.ZipFile(path) as archive:
            names = [n for n in archive.namelist() if n.endswith(".dist-info/METADATA")]
            return archive.read(names[0])
    except (zipfile.BadZipFile, LookupError):
        return None


def _basic(user: str, password: str) -> str:
    return "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode()
