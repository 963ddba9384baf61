"""What a project asks for in its pyproject.toml, as requirements of a layer.

The pyproject.toml is the one that holds the site: `[project]` and `[dependency-groups]` stand
beside `[tool.envc]`. A source is `project`, `project[EXTRA,…]` (the extras as well), `group:NAME`.
Sources: the pyproject.toml specification; PEP 735 (dependency groups).
"""

from collections.abc import Iterator, Mapping
from typing import Any

from packaging.dependency_groups import DependencyGroupInclude, DependencyGroupResolver
from packaging.requirements import Requirement
from packaging.utils import NormalizedName, canonicalize_name

from envc.errors import Fault, SpecError
from envc.formats.document import Document, requirement_text
from envc.formats.values import KeyPath, path_text
from envc.model.spec import Origin, SourcedRequirement
from envc.model.value import replace

_EXTRAS = "optional-dependencies"


def project_requirements(
    document: Document[Any], source: str, where: Origin
) -> tuple[SourcedRequirement, ...]:
    """The requirements that a source of a layer names, each with the line it stands on.

    Raises:
        SpecError: there is no such source, or its metadata is not for reading.
    """
    reader = _Reader(document, where)
    if source.startswith("group:"):
        return tuple(reader.group(source.removeprefix("group:")))
    extras = source.removeprefix("project").strip("[]")
    return tuple(reader.project([name.strip() for name in extras.split(",") if name.strip()]))


class _Reader:
    """Reads the tables of one pyproject.toml; faults name the source that led to them."""

    def __init__(self, document: Document[Any], where: Origin) -> None:
        self._file = replace(document, prefix=())
        self._where = where
        self._project = _table(document.whole.get("project"))
        self._groups = _table(document.whole.get("dependency-groups"))
        if not document.prefix:
            raise self._fault(
                "only a site in a pyproject.toml has a project to read",
                "move the tables below [tool.envc] of the pyproject.toml, or use requires",
            )

    def project(self, extras: list[str]) -> Iterator[SourcedRequirement]:
        """The project's dependencies, and those of some of its extras."""
        if not self._project:
            raise self._fault("there is no [project] table here", "add one, or use requires")
        for field in ("dependencies", _EXTRAS) if extras else ("dependencies",):
            dynamic = self._project.get("dynamic")
            if isinstance(dynamic, list) and field in dynamic:
                raise self._fault(
                    f"project.{field} are dynamic: only a build would tell them",
                    "write them down in the pyproject.toml, or use requires",
                )
        yield from self._listed(("project", "dependencies"), set())
        taken: set[str] = set()
        for extra in extras:
            yield from self._extra(extra, taken)

    def _extra(self, extra: str, taken: set[str]) -> Iterator[SourcedRequirement]:
        """The requirements of an extra; those on the project's own extras are followed."""
        by_name = {canonicalize_name(key): key for key in _table(self._project.get(_EXTRAS))}
        name = canonicalize_name(extra)
        if name not in by_name:
            raise self._fault(
                f"the project has no extra {extra!r}", _use(sorted(by_name), "add the extra")
            )
        if name not in taken:
            taken.add(name)
            yield from self._listed(("project", _EXTRAS, by_name[name]), taken)

    def _listed(self, path: KeyPath, taken: set[str]) -> Iterator[SourcedRequirement]:
        texts: Any = self._file.whole
        for part in path:
            texts = texts.get(part, []) if isinstance(texts, Mapping) else None
        if not isinstance(texts, list):
            raise self._fault(f"{path_text(path)} must be an array", "correct it")
        own = canonicalize_name(str(self._project.get("name", "")))
        for place, text in enumerate(texts):
            requirement, origin = self._requirement(str(text), (*path, place))
            if canonicalize_name(requirement.name) != own:
                yield SourcedRequirement(requirement, origin)
            else:
                for extra in sorted(requirement.extras):
                    yield from self._extra(extra, taken)

    def group(self, name: str) -> Iterator[SourcedRequirement]:
        """The requirements of a dependency group and of those that it includes."""
        by_name = {canonicalize_name(key): key for key in self._groups}
        if canonicalize_name(name) not in by_name:
            raise self._fault(f"there is no group {name!r}", _use(sorted(by_name), "add the group"))
        try:
            resolver = DependencyGroupResolver(self._groups)
            resolver.resolve(name)
        except (ExceptionGroup, ValueError, TypeError, LookupError) as error:
            causes = error.exceptions if isinstance(error, ExceptionGroup) else [error]
            reasons = "; ".join(str(cause).strip("'\"") for cause in causes)
            raise self._fault(f"group {name!r} cannot be read: {reasons}", "correct it") from error
        yield from self._members(resolver, by_name, name)

    def _members(
        self, resolver: DependencyGroupResolver, by_name: Mapping[NormalizedName, str], name: str
    ) -> Iterator[SourcedRequirement]:
        key = by_name[canonicalize_name(name)]
        for place, member in enumerate(resolver.lookup(name)):
            if isinstance(member, DependencyGroupInclude):
                yield from self._members(resolver, by_name, member.include_group)
            else:
                path = ("dependency-groups", key, place)
                yield SourcedRequirement(*self._requirement(str(member), path))

    def _requirement(self, text: str, path: KeyPath) -> tuple[Requirement, Origin]:
        origin = self._file.origin(*path)
        try:
            return Requirement(requirement_text(text)), origin
        except ValueError as error:
            raise SpecError(str(error), where=str(origin), mend="correct it") from error

    def _fault(self, what: str, mend: str) -> SpecError:
        return SpecError.of([Fault(what, str(self._where), mend)])


def _table(value: object) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}


def _use(known: list[str], otherwise: str) -> str:
    return f"use {', '.join(known)}" if known else otherwise
