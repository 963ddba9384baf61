"""A resolver case: one TOML text with an index and a stack, solved layer by layer.

`[releases.PROJECT]` as `support.fakes` has it; `[layer.NAME]`, `[[target]]`, `[resolver]` and
`[overlays]` as in an envc.toml; `[overlay.NAME]` as in an overlay.toml; `[present.NAME]` maps
projects to the versions that the present lock of that layer pins.
"""

import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

from packaging.requirements import InvalidRequirement, Requirement
from packaging.utils import NormalizedName, canonicalize_name
from packaging.version import Version

from envc.errors import UnsatisfiableError
from envc.expand.overlay import expand_overlay
from envc.expand.site import expand_site
from envc.formats.document import Document
from envc.formats.envc_toml import SiteDocument
from envc.formats.overlay_toml import OverlayDocument
from envc.formats.pylock import lock_to_text
from envc.formats.toml_lines import lines_of
from envc.formats.values import value_of
from envc.lock import (
    CORE_BASE,
    Base,
    ProblemOf,
    beside,
    layer_inputs,
    layer_problem,
    lock_layer,
    on_layer,
    on_overlay,
    overlay_inputs,
    overlay_problem,
    target_groups,
)
from envc.model.digest import Digest, digest_of
from envc.model.lock import Lock
from envc.model.resolution import Pin, Problem, Resolution
from envc.model.spec import OverlaySpec, SiteSpec
from envc.model.target import Machine
from envc.resolve import resolve
from support.fakes import FakeSource

MACHINE = Machine(
    interpreter="/usr/bin/python3.11",
    python_full="3.11.7",
    platform="linux-x86_64",
    libc="glibc-2.28",
)
TARGET = MACHINE.target("host")


@dataclass(frozen=True)
class Solved:
    """One layer of a case: what it stands on, a resolution for each target group, its lock."""

    name: str
    base: Base
    resolutions: tuple[Resolution, ...]
    lock: Lock


class Case:
    """A case, read; `solve` gives its layers bases first, then its overlays."""

    def __init__(self, text: str, file: str = "in.toml") -> None:
        tables: dict[str, Any] = tomllib.loads(text)
        self.text = text
        self.lines = lines_of(text)
        self.file = file
        self.source = FakeSource(tables.pop("releases", {}))
        self._overlays: dict[str, Any] = tables.pop("overlay", {})
        self._present: dict[str, dict[str, str]] = tables.pop("present", {})
        tables.pop("why", None)
        whole = {"version": 1, "site": {"name": "site"}, "core": {"python": "3.11"}, **tables}
        document = Document(file, value_of(SiteDocument, whole, toml=True), self.lines)
        self.site: SiteSpec = expand_site(document, lambda _: MACHINE)

    def overlays(self) -> Iterator[OverlaySpec]:
        for name, table in self._overlays.items():
            whole = {"version": 1, "overlay": {"name": name, "base": "user", **table}}
            here = ("overlay", name)
            lines = {
                ("overlay", *path[2:]): line
                for path, line in self.lines.items()
                if path[:2] == here
            }
            tables = value_of(OverlayDocument, whole, toml=True)
            yield expand_overlay(Document(self.file, tables, lines))

    def solve(self) -> Iterator[Solved]:
        """Every layer, solved on what stands below it.

        Raises:
            EnvcError: what `resolve` raises.
        """
        bases: dict[str, Base] = {"core": CORE_BASE}
        for layer in self.site.layers:
            base = bases[layer.base]
            make = partial(layer_problem, self.site, layer, base=base)
            solved = self._solved(layer.name, make, base, layer_inputs(self.site, layer, base))
            digest = digest_of(lock_to_text(solved.lock))
            bases[layer.name] = on_layer(
                self.site, layer.name, base=base, lock=solved.lock, lock_digest=digest
            )
            yield solved
        for overlay in self.overlays():
            base = bases[overlay.base]
            make = partial(overlay_problem, self.site, overlay, base=base)
            solved = self._solved(
                overlay.name, make, base, overlay_inputs(self.site, overlay, base)
            )
            digest = digest_of(lock_to_text(solved.lock))
            bases[overlay.name] = on_overlay(
                self.site, overlay, base=base, lock=solved.lock, lock_digest=digest
            )
            yield solved

    def _preferred(self, name: str) -> dict[Any, Version]:
        pins = self._present.get(name, {})
        return {canonicalize_name(project): Version(text) for project, text in pins.items()}

    def _solved(self, name: str, make: ProblemOf, base: Base, inputs: Digest) -> Solved:
        """A resolution for each group of targets; later ones prefer what earlier ones chose."""
        resolutions: list[Resolution] = []
        for targets in target_groups(self.site.targets):
            problem = beside(make(targets=targets, preferred=self._preferred(name)), resolutions)
            resolutions.append(resolve(problem, self.source))
        lock = lock_layer(name, resolutions, inputs=inputs, base=base, folder="/site")
        return Solved(name, base, tuple(resolutions), lock)


def printed(case: Case) -> str:
    """The case's layers as text, up to the first that has no solution, whose error ends it."""
    lines: list[str] = []
    try:
        for solved in case.solve():
            for resolution in solved.resolutions:
                lines += _printed(solved, resolution)
    except UnsatisfiableError as error:
        lines += [f"{type(error).__name__}, status {error.status}: {', '.join(error.projects)}"]
        lines += [str(error)]
    return "\n".join(lines) + "\n"


def _printed(solved: Solved, resolution: Resolution) -> Iterator[str]:
    problem = resolution.problem
    targets = (
        ""
        if len(solved.resolutions) == 1
        else f" on {' and '.join(t.name for t in problem.targets)}"
    )
    yield f"{problem.layer}{targets}"
    for pin in resolution.own():
        extras = f"[{','.join(pin.extras)}]" if pin.extras else ""
        needs = f" -> {', '.join(pin.requires)}" if pin.requires else ""
        yield f"  {pin.project}{extras} {pin.version}{needs}"
        tags = {file.filename.split("-", 2)[2] for file in pin.distributions}
        if tags != {"py3-none-any.whl"}:
            yield from (f"    {file.filename}" for file in pin.distributions)
    inherited = [f"{p.project} {p.version}" for p in resolution.pins if p.layer is not None]
    for word, projects in (
        ("inherits", inherited),
        ("shadows", resolution.shadows),
        ("lifts", resolution.lifts),
        ("hides", resolution.hides),
    ):
        if projects:
            yield f"  {word}: {', '.join(projects)}"


def contradictions(resolution: Resolution) -> list[str]:
    """What `pip check` would say of the visible set; written without envc's own resolver.

    Overridden projects are left out: there, the site's word stands against the metadata's.
    """
    problem = resolution.problem
    overridden = {canonicalize_name(s.requirement.name) for s in problem.overrides}
    pins = {pin.project: pin for pin in resolution.pins if pin.project not in resolution.hides}
    found: list[str] = []
    for pin in pins.values():
        for text in pin.metadata.requires:
            try:
                requirement = Requirement(text)
            except InvalidRequirement:
                continue  # an override replaces it, or nobody asks for its extra
            if canonicalize_name(requirement.name) in overridden:
                continue
            if _applies(requirement, problem, ["", *pin.extras]):
                found += _unmet(requirement, pins, f"{pin.project} {pin.version}")
    return [*found, *_unheeded(problem, pins)]


def _unheeded(problem: Problem, pins: Mapping[NormalizedName, Pin]) -> Iterator[str]:
    """What the specs say and the pins do not do."""
    for sourced in problem.roots:
        if _applies(sourced.requirement, problem, [""]):
            yield from _unmet(sourced.requirement, pins, "the spec")
    for sourced in problem.constraints:
        known = canonicalize_name(sourced.requirement.name) in pins
        if known and _applies(sourced.requirement, problem, [""]):
            yield from _unmet(sourced.requirement, pins, "a constraint")
    for sourced in problem.kept:
        project = canonicalize_name(sourced.requirement.name)
        gone = project not in pins and project not in problem.hide
        if gone and _applies(sourced.requirement, problem, [""]):
            yield f"{project} of a base's spec is not available"


def _applies(requirement: Requirement, problem: Problem, extras: list[str]) -> bool:
    marker = requirement.marker
    return marker is None or any(
        marker.evaluate({**problem.markers, "extra": extra}) for extra in extras
    )


def _unmet(requirement: Requirement, pins: Mapping[NormalizedName, Pin], who: str) -> list[str]:
    pin = pins.get(canonicalize_name(requirement.name))
    if pin is None:
        return [f"{who} requires {requirement}, which is not visible"]
    if not requirement.specifier.contains(pin.version, prereleases=True):
        return [f"{who} requires {requirement}, and {pin.version} is visible"]
    return []
