"""Verdicts that were given before, kept under what they rest on.

A row is found by the spec and the state of the site. Where the site is in another state, the last
row of that spec serves too, if the parts of the base that it rests on are as they were.
"""

from collections.abc import Iterable, Mapping

from envc.check import Basis
from envc.disk.memo import Memo
from envc.disk.table import Table
from envc.errors import EnvcError
from envc.formats.values import json_of
from envc.host.context import Context
from envc.model.digest import Digest, digest_of
from envc.model.finding import Verdict
from envc.model.policy import OverlaysSpec, RetainSpec
from envc.model.spec import CoreSpec, SiteSpec
from envc.model.value import replace, value
from envc.sites.overlay_files import Files
from envc.sites.place import MOST_OF_A_LOCK, read_spec
from envc.sites.site import Site
from envc.supply.contents import check_cache

# Whose code decides what a verdict is.
_ROOMS = (
    *("checking", "locking", "target", "supply", "sites", "core", "bundle", "build", "cluster"),
    *("index", "store", "host", "expand", "resolve", "lock", "view", "plan", "check", "formats"),
    *("described", "model"),
)


@value(kw_only=True)
class Row:
    """A verdict and what it rests on; `listings` are the indexes' fingerprints by project."""

    verdict: Verdict
    beside: Files
    listings: dict[str, str]
    basis: Basis
    fingerprint: Digest


class VerdictCache:
    """The rows of one site, in the state that it is in now."""

    def __init__(self, site: Site, context: Context) -> None:
        self._memo = Memo(Table(check_cache(context), "verdicts"), Row, rooms=_ROOMS)
        self._settings = digest_of(json_of(_settings(site.spec)))
        self._files = _site_files(site)

    def key(self, path: str, owner: str, spec: bytes) -> str:
        """The key of a spec on the site as it is."""
        return self._memo.key(self._settings, self._files, path, owner, digest_of(spec))

    def any_state(self, path: str, owner: str, spec: bytes) -> str:
        """The key of a spec on whatever state the site was in last."""
        return self._memo.key(self._settings, path, owner, digest_of(spec))

    def rows(self, keys: Iterable[str]) -> dict[str, Row]:
        """The rows of these keys, as far as they are there and can be read."""
        return self._memo.read_all(keys)

    def keep(self, rows: Mapping[str, Row]) -> None:
        """Keep these rows, where that is possible."""
        self._memo.write_all(rows)


def _site_files(site: Site) -> list[str]:
    """The digests of the site's spec, locks and inventories."""
    digests = [digest_of(site.text)]
    for name in site.names_beside():
        try:
            digests.append(digest_of(read_spec(f"{site.folder}/{name}", MOST_OF_A_LOCK)))
        except EnvcError:  # whatever is wrong with it, the verdicts will say
            digests.append(digest_of(b""))
    return list(digests)


def _settings(site: SiteSpec) -> SiteSpec:
    """What of the site's spec decides verdicts, beside the locks and what they keep available."""
    layers = (replace(each, requires=(), env=(), modules=()) for each in site.layers)
    return replace(
        site,
        file="",
        core=CoreSpec(python=site.core.python),
        layers=tuple(layers),
        overlays=OverlaysSpec(shadow=site.overlays.shadow),
        retain=RetainSpec(),
        keys=(),
    )
