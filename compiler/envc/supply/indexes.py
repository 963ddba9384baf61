"""The site's indexes: where candidates are asked for, and whose credentials serve for wheels."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, TypeAlias

from envc.host.context import Context
from envc.index import IndexSource, default_index
from envc.model.release import Distribution
from envc.model.spec import IndexSpec
from envc.sites.site import Site

if TYPE_CHECKING:
    from envc.supply.building import Supply

Prepare: TypeAlias = Callable[[Distribution, str], bytes]


def open_source(site: Site, context: Context, prepare: Prepare | None = None) -> IndexSource:
    """The site's indexes as a source of candidates; a context manager.

    `prepare` tells the metadata of a source distribution that does not tell it itself, given its
    file.
    """
    return _source(site, context, prepare, indexes=indexes_of(site))


def _source(
    site: Site, context: Context, prepare: Prepare | None, *, indexes: tuple[IndexSpec, ...]
) -> IndexSource:
    return IndexSource(
        indexes,
        dict(site.spec.sources),
        cache=context.cache,
        mode="offline" if context.offline else "online",
        reporter=context.reporter,
        prepare=prepare,
    )


@contextmanager
def open_supply(site: Site, context: Context) -> Iterator[Supply]:
    """The site's indexes, and who builds what they have no wheels for."""
    from envc.supply.building import Building, Supply  # only `lock` may build

    indexes = indexes_of(site)
    building = Building(site, indexes, context)
    with _source(site, context, building.metadata, indexes=indexes) as source:
        yield Supply(source, building, context)


def indexes_of(site: Site) -> tuple[IndexSpec, ...]:
    """The site's indexes, paths made absolute; the ecosystem's default where it names none."""
    if not site.spec.indexes:
        return (default_index(),)
    return tuple(
        index
        if index.path is None
        else IndexSpec(
            name=index.name,
            path=os.path.join(site.origin, os.path.expandvars(index.path)),
            explicit=index.explicit,
        )
        for index in site.spec.indexes
    )
