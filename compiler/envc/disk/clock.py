"""Moments as they are written down: UTC, to the second."""

import calendar
import time

_FORM = "%Y-%m-%dT%H:%M:%SZ"


def utc_text(seconds: float | None = None) -> str:
    """A moment in seconds since 1970, None: now, as `2026-01-31T12:00:00Z`. Source: RFC 3339."""
    return time.strftime(_FORM, time.gmtime(seconds))


def seconds_of(text: str) -> float:
    """What `utc_text` wrote, in seconds since 1970.

    Raises:
        ValueError: it is no such moment.
    """
    return float(calendar.timegm(time.strptime(text, _FORM)))
