"""Packse's scenarios, read from a checkout of theirs: each becomes a simple index and a site.

Their defaults: Python 3.12, every release for Python 3.12 and newer, with a pure wheel and a source
distribution. A universal scenario stands for any machine; here it is a site of three targets.

Scenarios of our own may say more: `root.constraints`, `root.overrides`; `[present]`, the pins of
the lock that is there; of a release, when it was `uploaded`; `resolver_options.prerelease` (by
project), `.exclude_newer`, `.resolution` and `.upgrade`; and in `expected.uv` what uv pins, where
that is something else.
"""

import re
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from packaging.utils import canonicalize_name

from envc.errors import UnsatisfiableError
from envc.model.spec import CoreSpec
from envc.model.target import Target, default_libc
from envc.sites.site import Site, load_site
from support.index_server import FileFacts, IndexServer, Reply
from support.sdists import Sdist
from support.wheels import Recipe

DEFAULT_PYTHON = "3.12"
LATEST_PATCH = 20
UNIVERSAL = ("linux-x86_64", "macos-arm64", "windows-x86_64")
PLATFORMS = {
    None: ("linux-x86_64", "glibc-2.36"),
    "x86_64-manylinux2014": ("linux-x86_64", "glibc-2.17"),
}

SPEC = """\
version = 1

[site]
name = "packse"

[core]
python = "3.12"

[[index]]
name = "packse"
url = "{url}"

[[target]]
name = "host"
platform = "linux-x86_64"
python-full = "3.12.20"

[resolver]
prereleases = "{prereleases}"
no-build = {no_build}
no-binary = {no_binary}
resolution = "{resolution}"
{exclude_newer}

[resolver.prerelease]
{prerelease}

[layer.user]
requires = {requires}
constraints = {constraints}
overrides = {overrides}
"""


@dataclass(frozen=True)
class Scenario:
    """One case: its tables as they are written, and the folder of its kind."""

    name: str
    kind: str
    tables: dict[str, Any]

    @property
    def options(self) -> dict[str, Any]:
        return self.tables.get("resolver_options", {})

    @property
    def prereleases(self) -> str:
        """The policy for all projects that have none of their own."""
        given = self.options.get("prereleases", False)
        return given if isinstance(given, str) else "allow" if given else "if-necessary"

    def before(self) -> "Scenario | None":
        """A scenario whose lock has the present pins; None where no lock is there."""
        present = self.tables.get("present")
        if present is None:
            return None
        root = {"requires": [f"{project}=={version}" for project, version in present.items()]}
        return replace(self, tables={**self.tables, "root": root, "resolver_options": {}})

    @property
    def is_satisfiable(self) -> bool:
        return self.tables["expected"]["satisfiable"]

    @property
    def expected(self) -> set[tuple[str, str]]:
        """Project and version of every pin that is expected; empty where the case names none."""
        return _pins(self.tables["expected"].get("packages", {}))

    @property
    def expected_of_uv(self) -> set[tuple[str, str]] | None:
        """What uv makes of it; None where that is no solution."""
        other = self.tables["expected"].get("uv")
        if other is None:
            return self.expected if self.is_satisfiable else None
        return _pins(other)

    def projects(self) -> set[str]:
        """Every project that the case has or speaks of."""
        texts = [*self.tables["root"]["requires"], *self.tables.get("packages", {})]
        for _, table in self._releases():
            texts += table.get("requires", [])
        return {canonicalize_name(re.match(r"[\w.-]+", text)[0]) for text in texts}

    def _releases(self) -> Iterator[tuple[tuple[str, str], dict[str, Any]]]:
        for project, table in self.tables.get("packages", {}).items():
            for version, release in table["versions"].items():
                yield (project, version), release

    def build(self, folder: Path) -> dict[str, FileFacts]:
        """Write every distribution into `folder`; what index pages say of each."""
        folder.mkdir(parents=True)
        facts: dict[str, FileFacts] = {}
        for (project, version), table in self._releases():
            extras = table.get("extras", {})
            requires = list(table.get("requires", []))
            requires += [bound(extra, text) for extra, texts in extras.items() for text in texts]
            recipe = Recipe(
                name=project,
                version=version,
                requires=requires,
                extras=tuple(extras),
                requires_python=table.get("requires_python", f">={DEFAULT_PYTHON}") or None,
            )
            paths = [Sdist(recipe).build(folder)] if table.get("sdist", True) else []
            if table.get("wheel", True):
                tags = table.get("wheel_tags") or ["py3-none-any"]
                paths += [replace(recipe, tag=tag).build(folder) for tag in tags]
            for path in paths:
                facts[path.name] = FileFacts(
                    requires_python=recipe.requires_python,
                    yanked="as the case says" if table.get("yanked") else None,
                    upload_time=table["uploaded"].isoformat() if "uploaded" in table else None,
                )
        return facts

    def targets(self) -> tuple[Target, ...]:
        """The machines that the case is resolved for."""
        full = self._python()
        if self.options.get("universal"):
            return tuple(
                Target(name=p, python_full=full, platform=p, libc=default_libc(p))
                for p in UNIVERSAL
            )
        platform, libc = PLATFORMS[self.options.get("python_platform")]
        return (Target(name="host", python_full=full, platform=platform, libc=libc),)

    def _python(self) -> str:
        """The full version: the one asked for; a universal case's, the one its wheels are for."""
        tags = [tag for _, table in self._releases() for tag in table.get("wheel_tags", [])]
        made_for = {match[1] for tag in tags if (match := re.match(r"cp3(\d+)-", tag))}
        if self.options.get("universal") and len(made_for) == 1:
            return f"3.{made_for.pop()}.{LATEST_PATCH}"
        python = self.options.get("python") or self.tables.get("environment", {}).get("python")
        python = python or DEFAULT_PYTHON
        return python if python.count(".") > 1 else f"{python}.{LATEST_PATCH}"

    def site(self, folder: Path, url: str) -> Site:
        """The case as a site in `folder`."""
        folder.mkdir(parents=True, exist_ok=True)
        root, options = self.tables["root"], self.options
        newest = options.get("exclude_newer")
        own = options.get("prerelease", {})
        (folder / "envc.toml").write_text(
            SPEC.format(
                url=url,
                prereleases=self.prereleases,
                prerelease="".join(f'{project} = "{word}"\n' for project, word in own.items()),
                no_build=options.get("no_build", []),
                no_binary=options.get("no_binary", []),
                resolution=options.get("resolution", "highest"),
                exclude_newer=f"exclude-newer = {newest.isoformat()}" if newest else "",
                requires=root["requires"],
                constraints=root.get("constraints", []),
                overrides=root.get("overrides", []),
            )
        )
        site = load_site(str(folder), "envc.toml")
        targets = self.targets()  # older Pythons among them than a spec may name
        spec = replace(site.spec, core=CoreSpec(python=targets[0].python), targets=targets)
        return replace(site, spec=spec)


def scenarios(folder: Path) -> list[Scenario]:
    """Every scenario of a checkout, in order of file; named after its file."""
    return [
        Scenario(path.stem, path.parent.name, tomllib.loads(path.read_text()))
        for path in sorted(folder.glob("*/*.toml"))
    ]


def _pins(table: dict[str, str | list[str]]) -> set[tuple[str, str]]:
    """Project and version; of a project whose machines differ, several."""
    return {
        (canonicalize_name(project), version)
        for project, versions in table.items()
        for version in ([versions] if isinstance(versions, str) else versions)
    }


def agrees(scenario: Scenario, found: set[tuple[str, str]] | UnsatisfiableError) -> bool:
    if isinstance(found, UnsatisfiableError):
        return not scenario.is_satisfiable
    return scenario.is_satisfiable and found == (scenario.expected or found)


def bound(extra: str, requirement: str) -> str:
    """A requirement bound to an extra."""
    text, _, marker = requirement.partition(";")
    condition = f"extra == '{extra}'"
    return f"{text.strip()} ; {f'({marker.strip()}) and ' if marker else ''}{condition}"


class ScenarioServer(IndexServer):
    """One server for many indexes: each scenario's is below a path of its own."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self._indexes: dict[str, IndexServer] = {}

    def serve(self, scenario: Scenario) -> str:
        """The URL of the index with the scenario's releases, built where it is not there yet."""
        if scenario.name not in self._indexes:
            folder = self.folder / scenario.name
            facts = scenario.build(folder)
            self._indexes[scenario.name] = IndexServer(folder, facts=facts)
        return f"http://{self.host}/{scenario.name}/simple"

    def reply(self, path: str, headers: Any) -> Reply:
        name, _, rest = path.removeprefix("/").partition("/")
        return self._indexes[name].reply(f"/{rest}", headers)
