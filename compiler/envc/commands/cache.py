"""`envc cache`: where the cache is, how much it holds, and its removal."""

from envc.disk.cache_care import clean, most_bytes, parts, size_of
from envc.disk.cache_place import default_cache
from envc.disk.durable import doing
from envc.errors import UsageError, shell_word
from envc.host.context import Context
from envc.reports.cache import CachePart, CacheReport


def show_cache(context: Context) -> CacheReport:
    """What the cache holds.

    Raises:
        UsageError: its bound is no number.
    """
    return _report(context.cache, removed=False)


def clean_cache(context: Context) -> CacheReport:
    """Remove everything that the cache holds; whoever needs some of it fetches it again.

    What another run is writing stays.

    Raises:
        UsageError: its bound is no number; the cache that is meant is not the one that is used.
        OutsideError: the disk refused.
    """
    _refuse_another(context.cache)
    report = _report(context.cache, removed=True)
    with doing("clean the cache", context.cache):
        clean(context.cache)
    return report


def _refuse_another(used: str) -> None:
    meant = default_cache()
    if used != meant:
        raise UsageError(
            f"nothing is removed: this cache is not yours alone, and {used} is used instead",
            where=meant,
            mend=f"clean yours with `ENVC_CACHE_DIR={shell_word(used)} envc cache clean`; this one "
            f"its owner cleans, with `ENVC_CACHE_DIR={shell_word(meant)} envc cache clean`",
        )


def _report(folder: str, *, removed: bool) -> CacheReport:
    found = {name: CachePart(*size_of(f"{folder}/{name}")) for name in parts(folder)}
    return CacheReport(
        folder=folder,
        removed=removed,
        files=sum(part.files for part in found.values()),
        size_bytes=sum(part.size_bytes for part in found.values()),
        most_bytes=most_bytes(),
        parts=found,
    )
