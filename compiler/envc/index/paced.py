"""Connections that are given up where the other side answers more slowly than anybody can wait.

Time-outs are for one read; who sends a byte now and then never meets them.
"""

import ssl
from collections.abc import Callable, Iterable
from time import monotonic
from typing import Any

import httpcore

# How long an answer may be waited for, all its reads together, before its pace counts.
PATIENCE_SECONDS = 30.0
SLOWEST_BYTES_PER_SECOND = 1024


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

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        """What has come.

        Raises:
            httpcore.ReadTimeout: nothing comes, or too little for the time.
        """
        began = self._clock()
        content = self._stream.read(max_bytes, timeout)
        self._waited_seconds += self._clock() - began
        self._came_bytes += len(content)
        late = self._waited_seconds > PATIENCE_SECONDS
        if late and self._came_bytes < self._waited_seconds * SLOWEST_BYTES_PER_SECOND:
            raise httpcore.ReadTimeout("it answers too slowly")
        return content

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        """Send; what comes from now on belongs to another answer."""
        self._waited_seconds, self._came_bytes = 0.0, 0
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
