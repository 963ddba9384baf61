"""Verdicts that were given before, kept under what they rest on.

A row is found by the spec and the state of the site. Where the site is in another state, the last
row of that spec serves too, if the parts of the base that it rests on are as they were.
"""

import json
from collections.abc import Iterable, Mapping
from dataclasses import asdict
from typing import Any

from envc import __version__
from envc.check import Touched
from envc.disk.table import Table
from envc.errors import EnvcError
from envc.host.context import Context
from envc.lock import target_groups
from envc.model.digest import Digest, digest_of, digest_of_json
from envc.model.finding import Finding, Verdict
from envc.model.spec import SiteSpec
from envc.model.value import value
from envc.sites.overlay_files import Files
from envc.sites.place import read_spec
from envc.sites.site import Site
from envc.supply.contents import check_cache

# Raised when the same inputs would be judged in another way.
VERDICT_FORMAT = 2


@value(kw_only=True)
class Row:
    """A verdict and what it rests on; `listings` are the indexes' fingerprints by project."""

    verdict: Verdict
    beside: Files
    listings: dict[str, str]
    touched: Touched
    fingerprint: Digest


class VerdictCache:
    """The rows of one site, in the state that it is in now."""

    def __init__(self, site: Site, context: Context) -> None:
        self._table = Table(check_cache(context), "verdicts")
        self._settings = digest_of_json([VERDICT_FORMAT, __version__, _settings(site.spec)])
        self._state = digest_of_json([self._settings, *_site_files(site)])

    def key(self, path: str, owner: str, spec: bytes) -> str:
        """The key of a spec on the site as it is."""
        return digest_of_json([self._state, path, owner, digest_of(spec)])

    def any_state(self, path: str, owner: str, spec: bytes) -> str:
        """The key of a spec on whatever state the site was in last."""
        return digest_of_json([self._settings, path, owner, digest_of(spec)])

    def rows(self, keys: Iterable[str]) -> dict[str, Row]:
        """The rows of these keys, as far as they are there and can be read."""
        found = {key: _row(text) for key, text in self._table.read(keys).items()}
        return {key: row for key, row in found.items() if row is not None}

    def keep(self, rows: Mapping[str, Row]) -> None:
        """Keep these rows, where that is possible."""
        self._table.write({key: _text(row) for key, row in rows.items()})


def _site_files(site: Site) -> list[str]:
    """The digests of the site's spec and locks."""
    digests = [digest_of(site.text)]
    for layer in site.spec.layers:
        try:
            digests.append(digest_of(read_spec(site.lock_path(layer.name))))
        except EnvcError:  # whatever is wrong with it, the verdicts will say
            digests.append(digest_of(b""))
    return list(digests)


def _settings(site: SiteSpec) -> list[Any]:
    """What of the site's spec decides verdicts, beside the locks and what they keep available."""
    return [
        site.name,
        site.core.python,
        [[t.name, t.python_full, t.platform, t.libc, t.cpu] for t in site.targets],
        [[target.name for target in group] for group in target_groups(site.targets)],
        [[i.name, i.url, i.path, i.explicit] for i in site.indexes],
        site.sources,
        repr(site.resolver),
        site.overlays.shadow,
        [[rule.code, rule.treatment] for rule in site.check],
        [
            [
                layer.name,
                layer.base,
                layer.mode,
                [str(each) for each in layer.constraints],
                [str(each) for each in layer.overrides],
            ]
            for layer in site.layers
        ],
    ]


def _text(row: Row) -> bytes:
    return json.dumps(asdict(row), separators=(",", ":")).encode()


def _row(text: bytes) -> Row | None:
    try:
        value = json.loads(text)
        verdict = value["verdict"]
        return Row(
            verdict=Verdict(
                **{
                    **{key: _frozen(field) for key, field in verdict.items()},
                    "findings": tuple(map(_finding, verdict["findings"])),
                    "ignored": tuple(map(_finding, verdict["ignored"])),
                }
            ),
            beside=_frozen(value["beside"]),
            listings=dict(value["listings"]),
            touched=Touched(**{key: _frozen(field) for key, field in value["touched"].items()}),
            fingerprint=Digest(value["fingerprint"]),
        )
    except (ValueError, KeyError, TypeError, AttributeError):
        return None  # of another envc, or torn


def _finding(value: dict[str, Any]) -> Finding:
    return Finding(**{key: _frozen(field) for key, field in value.items()})


def _frozen(value: Any) -> Any:
    return tuple(map(_frozen, value)) if isinstance(value, list) else value
