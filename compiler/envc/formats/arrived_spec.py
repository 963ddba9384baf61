"""The spec of a new site for what somebody came with; written once, then people's own."""

from collections.abc import Iterator
from typing import Any

import tomli_w

from envc.model.arrival import Arrival
from envc.model.spec import IndexSpec
from envc.model.value import value

_HEAD = """\
# What `envc init --from` made of {sources}. `envc lock` comes next.
# Every key is described in the guide: docs/guide.md.
"""


@value(kw_only=True)
class ArrivedSite:
    """What a new site's spec says beside what was asked for; no `interpreter`: that of envc."""

    name: str
    python: str
    interpreter: str | None
    indexes: tuple[IndexSpec, ...]
    sources: tuple[tuple[str, str], ...]


def arrived_site_text(site: ArrivedSite, arrival: Arrival, layer: str, sources: str) -> bytes:
    """The bytes of an `envc.toml` with one layer, that asks for all of an arrival."""
    core = {"python": site.python}
    if site.interpreter is not None:
        core["interpreter"] = site.interpreter
    parts = [tomli_w.dumps({"version": 1, "site": {"name": site.name}, "core": core})]
    parts += (f"[[index]]\n{tomli_w.dumps(_index(each))}" for each in site.indexes)
    tables: dict[str, Any] = {}
    if site.sources:
        tables["sources"] = dict(site.sources)
    tables["layer"] = {layer: dict(_asked(arrival))}
    resolver = dict(_resolver(arrival))
    if resolver:
        tables["resolver"] = resolver
    tables["overlays"] = {
        "storage": "$HOME/overlays",
        "specs": ["overlays/*.toml"],
        "shadow": "coherent",
    }
    text = "\n".join([*parts, tomli_w.dumps(tables)])
    return f"{_HEAD.format(sources=sources)}{text}".encode()


def arrived_overlay_text(
    name: str, standing: dict[str, Any], arrival: Arrival, sources: str
) -> bytes:
    """The bytes of an `overlay.toml`; `standing` are its keys that say what it stands on."""
    overlay = {"name": name, **standing, **dict(_asked(arrival))}
    if arrival.folders:
        overlay["editable"] = [each.path for each in arrival.folders]
    head = (
        f"# What `envc overlay init --from` made of {sources}.\n"
        "# `envc overlay add PROJECT` edits this file.\n"
    )
    return f"{head}{tomli_w.dumps({'version': 1, 'overlay': overlay})}".encode()


def _index(index: IndexSpec) -> dict[str, str]:
    place = {"url": index.url} if index.url is not None else {"path": index.path or ""}
    return {"name": index.name, **place}


def _asked(arrival: Arrival) -> Iterator[tuple[str, list[str]]]:
    yield "requires", list(arrival.requires)
    if arrival.constraints:
        yield "constraints", list(arrival.constraints)


def _resolver(arrival: Arrival) -> Iterator[tuple[str, Any]]:
    if arrival.prereleases:
        yield "prereleases", "allow"
    if arrival.builds or arrival.no_binary:
        yield "no-build", False
    if arrival.no_binary:
        yield "no-binary", list(arrival.no_binary)
