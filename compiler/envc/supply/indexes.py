"""The site's indexes: where candidates are asked for, and whose credentials serve for wheels."""

import os

from envc.host.context import Context
from envc.index import IndexSource, default_index
from envc.index.reader import Elsewhere, Prepare, Recall
from envc.model.spec import IndexSpec
from envc.model.value import replace
from envc.sites.site import Site


def open_source(site: Site, context: Context, prepare: Prepare | None = None) -> IndexSource:
    """The site's indexes as a source of candidates; a context manager.

    `prepare` tells the metadata of a source distribution that does not tell it itself, given its
    file.
    """
    return IndexSource(
        indexes_of(site),
        dict(site.spec.sources),
        cache=context.cache,
        offline=context.offline,
        reporter=context.reporter,
        elsewhere=Elsewhere(prepare, _stored_metadata(site)),
    )


def _stored_metadata(site: Site) -> Recall | None:
    if site.store is None:
        return None
    from envc.supply.stored import stored_metadata  # most commands are about a checkout

    return stored_metadata(site.store, site.spec.core.python)


def indexes_of(site: Site) -> tuple[IndexSpec, ...]:
    """The site's indexes, paths made absolute; the ecosystem's default where it names none."""
    if not site.spec.indexes:
        return (default_index(),)
    return tuple(
        index
        if index.path is None
        else replace(index, path=os.path.join(site.origin, os.path.expandvars(index.path)))
        for index in site.spec.indexes
    )
