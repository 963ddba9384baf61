"""Moments as they are written down: UTC, to the second."""

import time


def utc_text(seconds: float | None = None) -> str:
    """A moment in seconds since 1970, None: now, as `2026-01-31T12:00:00Z`. Source: RFC 3339."""
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(seconds))
