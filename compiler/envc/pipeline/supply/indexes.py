"""The site's indexes: where candidates are asked for, and whose credentials serve for wheels."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager

from envc.index import IndexSource, default_index
from envc.model.spec import IndexSpec
from envc.pipeline.sites.context import Context
from envc.pipeline.sites.site import Site
from envc.pipeline.supply.building import Building, Supply


def open_source(site: Site, context: Context, building: Building | None = None) -> IndexSource:
    """The site's indexes as a source of candidates; a context manager.

    With `building`, a source distribution that does not tell its metadata is asked for it, which
    runs its code.
    """
    return IndexSource(
        indexes_of(site),
        dict(site.spec.sources),
        cache=context.cache,
        mode="offline" if context.offline else "online",
        reporter=context.reporter,
        prepare=None if building is None else building.metadata,
    )


@contextmanager
def open_supply(site: Site, context: Context) -> Iterator[Supply]:
    """The site's indexes, and who builds what they have no wheels for; only `lock` may build."""
    building = Building(site.spec, indexes_of(site), context)
    with open_source(site, context, building) as source:
        yield Supply(source, building)


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
