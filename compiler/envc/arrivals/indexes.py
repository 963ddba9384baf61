"""The indexes that somebody comes with, as a spec names them."""

import os
import re
from collections.abc import Iterator
from urllib.parse import urlsplit

from packaging.utils import NormalizedName

from envc.errors import Fault
from envc.index import default_index, public_index, without_credentials
from envc.model.arrival import Arrival, ArrivedIndex
from envc.model.spec import IndexSpec
from envc.model.value import value


@value(kw_only=True)
class SpecIndexes:
    """`[[index]]` and `[sources]` of a spec; none: the default index is all that there is."""

    indexes: tuple[IndexSpec, ...] = ()
    sources: tuple[tuple[NormalizedName, str], ...] = ()
    left_out: tuple[Fault, ...] = ()


def spec_indexes(arrival: Arrival) -> SpecIndexes:
    """What a spec has to say, so that it asks the indexes that an arrival names.

    No user name, password or query is taken over.
    """
    default = default_index()
    usual = {_bare(url) for url in (default.url or "", public_index())}
    all_others = [each for each in arrival.indexes if _bare(each.place) not in usual]
    others = [each for each in all_others if _can_be_read(each.place)]
    unread = [_unread(each) for each in all_others if each not in others]
    if not others:
        return SpecIndexes(left_out=tuple(unread))
    has_default = arrival.has_default or len(all_others) < len(arrival.indexes)
    found: list[IndexSpec] = []
    if has_default:
        found.append(IndexSpec(name=default.name, url=_bare(default.url or "")))
    sources: dict[NormalizedName, str] = {}
    for number, each in enumerate(others, 1):
        name = "index" if len(others) == 1 else f"index-{number}"
        found.append(_spec(name, each))
        sources |= dict.fromkeys(each.projects, name)
    told = sources if len(found) > 1 else {}
    return SpecIndexes(
        indexes=tuple(found),
        sources=tuple(sorted(told.items())),
        left_out=(*unread, *_logins(others)),
    )


def _bare(place: str) -> str:
    return without_credentials(place).partition("?")[0].rstrip("/")


def _can_be_read(place: str) -> bool:
    return re.fullmatch(r"https?://\S+", place) is not None or os.path.isdir(place)


def _unread(index: ArrivedIndex) -> Fault:
    mend = "give a folder of wheels as [[index]] path, or an index by https://"
    return Fault(f"{_bare(index.place)}, which is no index that envc reads", index.where, mend)


def _spec(name: str, index: ArrivedIndex) -> IndexSpec:
    if "://" not in index.place:
        return IndexSpec(name=name, path=os.path.normpath(index.place))
    return IndexSpec(name=name, url=_bare(index.place))


def _logins(indexes: list[ArrivedIndex]) -> Iterator[Fault]:
    for each in indexes:
        if "@" in urlsplit(each.place).netloc or "?" in each.place:
            mend = "say them by ENVC_INDEX_<NAME>_USERNAME and _PASSWORD, netrc or the keyring"
            yield Fault(f"the credentials of {_bare(each.place)}", each.where, mend)
