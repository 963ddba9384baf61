"""Connections that are given up where the other side answers more slowly than anybody can wait.

Time-outs are for one read; who sends a byte now and then never meets them. What counts is what
bodies hold: answers that announce another one, and what stands between chunks, are no progress.
"""

import ssl
from collections.abc import Callable, Iterable, Iterator
from time import monotonic
from typing import Any

import httpcore
import httpx

# How long an answer may be waited for, all its reads together, before its pace counts.
PATIENCE_SECONDS = 30.0
SLOWEST_BYTES_PER_SECOND = 1024
# What may come beside a body's bytes: headers, and what frames a byte that is sent alone.
MOST_BESIDE_BYTES = 1 << 20
MOST_BESIDE_A_BYTE = 16
# An encoded body can be read for ever and hold nothing.
MOST_ENCODED_BYTES = 1 << 28


class PacedTransport(httpx.HTTPTransport):
    """Answers as ever, whose bodies tell their connection how far they are."""

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        self._pool._network_backend = PacedBackend()  # noqa: SLF001 - httpx hands none through

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        """The answer, its body unread."""
        response = super().handle_request(request)
        connection = response.extensions.get("network_stream")
        if isinstance(connection, PacedStream) and isinstance(
            response.stream, httpx.SyncByteStream
        ):
            is_encoded = "Content-Encoding" in response.headers
            most = MOST_ENCODED_BYTES if is_encoded else None
            response.stream = _Body(response.stream, connection, most)
        return response


class _Body(httpx.SyncByteStream):
    """A body that tells its connection of each piece."""

    def __init__(
        self, body: httpx.SyncByteStream, connection: "PacedStream", most_bytes: int | None
    ) -> None:
        self._body = body
        self._connection = connection
        self._most_bytes = most_bytes

    def __iter__(self) -> Iterator[bytes]:
        done = 0
        for piece in self._body:
            done += len(piece)
            if self._most_bytes is not None and done > self._most_bytes:
                raise httpx.ReadError("its answer has no end")
            self._connection.note_progress(len(piece))
            yield piece

    def close(self) -> None:
        """End it."""
        self._body.close()


class PacedBackend(httpcore.SyncBackend):
    """Connections as ever, each of them paced."""

    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[Any] | None = None,
    ) -> httpcore.NetworkStream:
        """A connection."""
        return PacedStream(
            super().connect_tcp(host, port, timeout, local_address, socket_options), monotonic
        )


class PacedStream(httpcore.NetworkStream):
    """A stream that counts what it waits for, from one request to the next."""

    def __init__(self, stream: httpcore.NetworkStream, clock: Callable[[], float]) -> None:
        self._stream = stream
        self._clock = clock
        self._waited_seconds = 0.0
        self._came_bytes = 0
        self._body_bytes = 0

    def note_progress(self, amount: int) -> None:
        """So many bytes of what has come are a body's."""
        self._body_bytes += amount

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        """What has come.

        Raises:
            httpcore.ReadTimeout: nothing comes, or too little for the time, or too much beside it.
        """
        began = self._clock()
        content = self._stream.read(max_bytes, timeout)
        # Encrypted streams hand out 16 KiB at most, and each piece passes through three libraries.
        while 0 < len(content) < max_bytes and self._stream.get_extra_info("is_readable"):
            more = self._stream.read(max_bytes - len(content), timeout)
            content += more
            if not more:
                break
        self._waited_seconds += self._clock() - began
        self._came_bytes += len(content)
        late = self._waited_seconds > PATIENCE_SECONDS
        if late and self._body_bytes < self._waited_seconds * SLOWEST_BYTES_PER_SECOND:
            raise httpcore.ReadTimeout("it answers too slowly")
        if self._came_bytes > MOST_BESIDE_BYTES + self._body_bytes * (1 + MOST_BESIDE_A_BYTE):
            raise httpcore.ReadTimeout("it answers with little but headers")
        return content

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        """Send; what comes from now on belongs to another answer."""
        self._waited_seconds, self._came_bytes, self._body_bytes = 0.0, 0, 0
        self._stream.write(buffer, timeout)

    def close(self) -> None:
        """Close the connection."""
        self._stream.close()

    def start_tls(
        self,
        ssl_context: ssl.SSLContext,
        server_hostname: str | None = None,
        timeout: float | None = None,
    ) -> httpcore.NetworkStream:
        """The same connection, encrypted."""
        inner = self._stream.start_tls(ssl_context, server_hostname, timeout)
        return PacedStream(inner, self._clock)

    def get_extra_info(self, info: str) -> Any:
        """What is known of the connection."""
        return self._stream.get_extra_info(info)
