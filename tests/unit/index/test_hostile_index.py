"""Whatever an index answers takes bounded time and room, and its secrets are kept nowhere."""

import socketserver
import threading
import time
from contextlib import closing, suppress
from itertools import count
from pathlib import Path

import httpcore
import httpx
import pytest

from envc.errors import OutsideError, UntrustedError
from envc.index import IndexSource, WheelFiles, client, paced, remote, wheels
from envc.index.client import Client
from envc.index.credentials import without_signature
from envc.index.html_page import html_page
from envc.index.ranges import NoRangesError, Piece, RangedFile, open_remote
from envc.model.lock import LockedWheel
from envc.model.spec import IndexSpec
from support.index_server import IndexServer
from support.wheels import sha256_of

NAME = "six-1.16.0-py3-none-any.whl"


def open_source(server, tmp_path, cache="cache"):
    return IndexSource([IndexSpec(name="site", url=server.url)], {}, cache=str(tmp_path / cache))


def six_of(source):
    return next(each for each in source.releases("six")[0].distributions if each.filename == NAME)


class Unread(httpx.SyncByteStream):
    """A body that nobody may read."""

    def __iter__(self):
        raise AssertionError("it was read")
        yield b""


def asking(answer):
    """A client whose requests are answered by a function."""
    asked = Client()
    asked._opened = httpx.Client(transport=httpx.MockTransport(answer), follow_redirects=False)
    return closing(asked)


@pytest.mark.parametrize(
    "said",
    ["bytes 0-999999999999/1000000000000", f"bytes 0-{'9' * 40}/{'9' * 41}", "bytes 9-3/10"],
)
def test_more_than_was_asked_for_is_not_read(said):
    headers = {"Content-Range": said}
    with (
        asking(lambda _: httpx.Response(206, headers=headers, stream=Unread())) as asked,
        pytest.raises(NoRangesError),
    ):
        open_remote(asked, "http://h/six.whl", index="site", size_bytes=None)


def test_where_ranges_are_wrong_the_whole_wheel_tells(house, tmp_path):
    with IndexServer(house, metadata="none") as server:
        server.ranges_said = f"bytes 0-{'9' * 12}/{'9' * 13}"
        with open_source(server, tmp_path) as source:
            assert source.metadata(six_of(source)).version == "1.16.0"


def test_a_file_is_not_fetched_in_ranges_without_end():
    file = RangedFile(Piece(1 << 60, b"", 1 << 60), fetch=lambda start, end: bytes(end - start))
    with pytest.raises(NoRangesError):
        list(iter(lambda: file.read(1 << 24), b""))


@pytest.mark.parametrize("age", ["9" * 40, "9" * 400, "9" * 5000, "0" * 40 + "9" * 12])
def test_no_page_is_good_for_longer_than_a_day(house, tmp_path, age):
    with IndexServer(house, cache_control=f"max-age={age}") as server:
        with open_source(server, tmp_path) as source:
            assert source.releases("six")
        assert remote.RemoteIndex._expires({"Cache-Control": f"max-age={age}"}) <= (
            time.time() + remote.LONGEST_SECONDS
        )


def test_redirects_have_an_end_and_what_comes_with_them_is_not_read():
    def answer(_):
        return httpx.Response(302, headers={"Location": "http://h/again"}, stream=Unread())

    with asking(answer) as asked, pytest.raises(OutsideError) as caught:
        asked.get("http://h/six/", index="site")
    assert str(caught.value) == (
        "http://h/six/: index 'site' did not answer: it redirected 20 times\n"
        f"  help: {client.RETRY_MEND}"
    )


def test_a_redirect_to_what_is_no_web_is_not_followed(house, tmp_path):
    with IndexServer(house) as server:
        server.redirects["/simple/six/"] = "file:///etc/passwd"
        with open_source(server, tmp_path) as source, pytest.raises(OutsideError):
            source.releases("six")


@pytest.mark.parametrize(
    "location",
    [f"http://{'a' * 70}.example/", f"http://{'a' * 300}/", "http://h:99999/", "http://a..b/"],
)
def test_a_redirect_to_no_address_is_no_answer(house, tmp_path, location):
    with IndexServer(house) as server:
        server.redirects["/simple/six/"] = location
        with open_source(server, tmp_path) as source, pytest.raises(OutsideError) as caught:
            source.releases("six")
    assert "index 'site' did not answer: " in str(caught.value)


def test_a_link_to_no_address_is_no_answer(tmp_path):
    with (
        WheelFiles(cache=str(tmp_path)) as files,
        pytest.raises(OutsideError, match="did not answer"),
    ):
        files.fetch(
            LockedWheel(
                filename=NAME, digest="sha256:" + "0" * 64, url=f"http://{'a' * 70}.x/{NAME}"
            )
        )


@pytest.mark.parametrize("said", ["gzip, gzip", "gzip," * 18_000, "identity, gzip"])
def test_what_is_encoded_twice_is_not_read(said):
    headers = {"Content-Encoding": said}
    with (
        asking(lambda _: httpx.Response(200, headers=headers, stream=Unread())) as asked,
        pytest.raises(OutsideError, match="'site' did not answer: it encodes its answer twice"),
    ):
        asked.get("http://h/six/", index="site")


def test_a_page_without_end_is_given_up():
    with (
        asking(lambda _: httpx.Response(200, content=bytes(11))) as asked,
        pytest.raises(UntrustedError, match="answered with more than 10 bytes"),
    ):
        asked.get("http://h/six/", index="site", limit_bytes=10)


def test_a_wheel_without_end_is_given_up(house, tmp_path, monkeypatch):
    monkeypatch.setattr(wheels, "MOST_BYTES", 10)
    with (
        IndexServer(house) as server,
        WheelFiles(cache=str(tmp_path / "cache")) as files,
        pytest.raises(UntrustedError, match="has no end"),
    ):
        files.fetch(locked(house, server))
    assert not list((tmp_path / "cache").rglob("*.whl"))


def locked(house, server):
    path = house / NAME
    url = f"http://{server.host}/files/{NAME}"
    return LockedWheel(filename=NAME, digest="sha256:" + sha256_of(path), url=url)


class Drip(httpcore.NetworkStream):
    """A byte a read."""

    def read(self, max_bytes, timeout=None):
        return b"x"

    def write(self, buffer, timeout=None):
        """Nobody listens."""


def test_who_sends_a_byte_now_and_then_is_given_up():
    ticks = count()
    stream = paced.PacedStream(Drip(), lambda: float(next(ticks)))
    with pytest.raises(httpcore.ReadTimeout, match="it answers too slowly"):
        list(iter(lambda: stream.read(1), b""))


def test_who_sends_a_body_in_time_is_not():
    ticks = count()
    stream = paced.PacedStream(Drip(), lambda: float(next(ticks)))
    for _ in range(1000):
        assert stream.read(1) == b"x"
        stream.note_progress(2 * paced.SLOWEST_BYTES_PER_SECOND)


CONTINUE = b"HTTP/1.1 100 Continue\r\n\r\n"
CHUNKED = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nContent-Type: text/html\r\n\r\n"
CHUNK = b"1;" + b"x" * 10_000 + b"\r\ny\r\n"
ENCODED = CHUNKED.replace(b"\r\n\r\n", b"\r\nContent-Encoding: deflate\r\n\r\n")
ENCODED += b"2\r\n\x78\x9c\r\n"
EMPTY_BLOCK = b"5\r\n\0\0\0\xff\xff\r\n"


@pytest.mark.parametrize(
    ("head", "again", "why"),
    [
        (b"", CONTINUE, "it answers with little but headers"),
        (CHUNKED, CHUNK, "it answers with little but headers"),
        (ENCODED, EMPTY_BLOCK, "its answer has no end"),
    ],
    ids=["announced", "between chunks", "encoded"],
)
def test_an_answer_without_end_that_holds_nothing_is_given_up(
    tmp_path, monkeypatch, head, again, why
):
    monkeypatch.setattr(paced, "MOST_ENCODED_BYTES", 1 << 16)
    with RawServer(head, again) as server:
        index = IndexSpec(name="site", url=f"http://127.0.0.1:{server.port}/simple")
        source = IndexSource([index], {}, cache=str(tmp_path / "cache"))
        with source, pytest.raises(OutsideError, match=f"'site' did not answer: {why}"):
            source.releases("six")


class RawServer(socketserver.ThreadingTCPServer):
    """It answers whatever is asked with a head, and then the same again and again."""

    daemon_threads = True

    def __init__(self, head, again):
        self.answer = head, again * (1 + 65_536 // len(again))
        super().__init__(("127.0.0.1", 0), _Raw)
        self.port = self.server_address[1]

    def __enter__(self):
        threading.Thread(target=self.serve_forever, args=(0.005,), daemon=True).start()
        return self

    def __exit__(self, *_):
        self.shutdown()
        self.server_close()


class _Raw(socketserver.BaseRequestHandler):
    def handle(self):
        head, again = self.server.answer
        with suppress(OSError):
            self.request.recv(65_536)
            self.request.sendall(head)
            while True:
                self.request.sendall(again)


def test_each_request_has_its_own_time():
    ticks = count()
    stream = paced.PacedStream(Drip(), lambda: float(next(ticks)))
    for _ in range(1000):
        stream.write(b"GET")
        assert stream.read(1) == b"x"


def test_every_connection_is_paced(house, tmp_path, monkeypatch):
    monkeypatch.setattr(paced, "PATIENCE_SECONDS", -1.0)
    monkeypatch.setattr(paced, "SLOWEST_BYTES_PER_SECOND", float("inf"))
    monkeypatch.setattr(client, "BACKOFF_SECONDS", 0)
    with (
        IndexServer(house) as server,
        open_source(server, tmp_path) as source,
        pytest.raises(OutsideError, match="did not answer: it answers too slowly"),
    ):
        source.releases("six")


ENDLESS = ["<a ", "<a/", '<a x="', "<!--", "<!-- --!", "</a ", "<?", "<script>", "<a x=", "&#"]


@pytest.mark.parametrize("piece", ENDLESS)
def test_a_page_of_what_has_no_end_is_read_once(piece):
    """With a parser that looks again, some of these take hours."""
    assert html_page(piece.encode() * 300_000, None).links == ()


def test_a_page_of_a_million_tags_is_none():
    with pytest.raises(ValueError, match="it has more than 1000000 tags"):
        html_page(b"<b>" * 1_000_001, None)


@pytest.mark.parametrize(
    "query",
    [
        "X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Expires=60",
        "x-goog-signature=00",
        "sv=2024&sig=ab",
        "AWSAccessKeyId=1&Expires=9",
        "token=1",
        "a=1&access_token=2",
        "a=" + "0" * 24,
        "0123456789abcdef0123456789abcdef",
    ],
)
def test_a_signed_link_loses_its_query(query):
    assert without_signature(f"https://h/six.whl?{query}") == "https://h/six.whl"


@pytest.mark.parametrize("query", ["x=1", "download=true", "version=1.16.0&format=whl"])
def test_another_query_belongs_to_the_link(query):
    assert without_signature(f"https://h/six.whl?{query}") == f"https://h/six.whl?{query}"


@pytest.mark.parametrize("form", ["json", "html"])
def test_what_links_are_signed_with_serves_the_run_and_is_kept_nowhere(house, tmp_path, form):
    with IndexServer(house, form=form, metadata="none") as server:
        server.signature = "?X-Amz-Signature=S3cret"
        with open_source(server, tmp_path) as source:
            wheel = six_of(source)
            assert wheel.url == f"http://{server.host}/files/{NAME}"
            assert source.metadata(wheel).version == "1.16.0"
    kept = [path.read_bytes() for path in (tmp_path / "cache").rglob("*") if path.is_file()]
    assert kept
    assert not any(b"S3cret" in content for content in kept)


def test_who_materializes_is_told_the_signature_of_now(house, tmp_path):
    with IndexServer(house) as server:
        wheel = locked(house, server)
        server.signature = "?X-Amz-Signature=another"
        index = IndexSpec(name="site", url=server.url)
        with WheelFiles(cache=str(tmp_path / "cache"), indexes=[index]) as files:
            assert sha256_of(Path(files.fetch(wheel))) == wheel.digest.removeprefix("sha256:")
        with WheelFiles(cache=str(tmp_path / "other")) as files, pytest.raises(OutsideError):
            files.fetch(wheel)
