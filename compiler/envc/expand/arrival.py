"""A pyproject.toml → what its project asks for, by whichever tool it is managed."""

from collections.abc import Iterator

from packaging.requirements import Requirement
from packaging.utils import NormalizedName, canonicalize_name

from envc.errors import Fault, SpecError
from envc.expand.project import project_requirements
from envc.formats.arrival import needs_build, not_chosen, refuse_unknown, source_place
from envc.formats.document import Document
from envc.formats.poetry_project import poetry_python, poetry_requirements
from envc.formats.toml_tree import Tree
from envc.model.arrival import Arrival, ArrivedIndex
from envc.model.spec import Origin


def project_arrival(
    text: bytes, file: str, folder: str, *, extras: frozenset[str], groups: frozenset[str]
) -> Arrival:
    """What the project of a pyproject.toml in `folder` asks for, these extras and groups as well.

    Raises:
        SpecError: with its faults; it has no project, or no extra or group of a name.
    """
    tree = Tree.of(text, file)
    poetry = tree.at("tool", "poetry")
    if not tree.has("project") and poetry.data is None and not tree.has("dependency-groups"):
        raise SpecError(
            "there is neither [project] nor [tool.poetry] nor [dependency-groups] here",
            where=file,
            mend="name the file that says what is asked for",
        )
    reader = _Reader(tree, file, folder, extras, groups)
    reader.refuse_unknown()
    asked = tuple(dict.fromkeys(reader.asked()))
    left_out = (*reader.left_out(), *reader.unknown)
    return Arrival(
        requires=asked,
        indexes=tuple(reader.indexes()),
        has_default=not any(
            each.at("default").data is True for each in tree.at("tool", "uv", "index").items()
        ),
        builds=any(needs_build(Requirement(text).url or "") for text in asked),
        python=tree.at("project", "requires-python").text()
        or poetry_python(poetry.at("dependencies")),
        left_out=left_out,
    )


class _Reader:
    def __init__(
        self,
        tree: Tree,
        file: str,
        folder: str,
        extras: frozenset[str],
        groups: frozenset[str],
    ) -> None:
        self._tree = tree
        self._folder = folder
        self._extras = extras
        self._groups = groups
        self._poetry = tree.at("tool", "poetry")
        self._document: Document[None] = Document(
            file, None, tree.lines, ("tool", "envc"), tree.data
        )
        self._origin = Origin(file, 0, "")
        self.unknown: list[Fault] = []

    def refuse_unknown(self) -> None:
        """Refuse extras and groups that are not there."""
        where = str(self._origin)
        refuse_unknown("extra", self._extras, self._known_extras(), where)
        refuse_unknown("group", self._groups, self._known_groups(), where)

    def asked(self) -> Iterator[str]:
        """All requirements, as texts."""
        places = dict(self._places())
        for text in self._without_places():
            requirement = Requirement(text)
            place = places.get(canonicalize_name(requirement.name))
            if place is not None:
                requirement.url, requirement.specifier = place, type(requirement.specifier)()
            yield str(requirement)

    def _without_places(self) -> Iterator[str]:
        names = {str(canonicalize_name(key)): key for key in self._poetry_groups()}
        if self._tree.at("project").data is not None:
            known = self._tree.at("project", "optional-dependencies").table()
            extras = [key for key in known if canonicalize_name(key) in self._extras]
            yield from self._listed(f"project[{','.join(extras)}]" if extras else "project")
        if not self._tree.has("project") or not self._tree.at("project").has("dependencies"):
            dependencies = self._poetry.at("dependencies")
            optional = {
                canonicalize_name(name)
                for extra, names in self._poetry.at("extras").table().items()
                if canonicalize_name(extra) in self._extras
                for name in names.texts()
            }
            yield from poetry_requirements(dependencies, self._folder, optional)
        for group in sorted(self._groups):
            if group in names:
                dependencies = self._poetry_groups()[names[group]]
                yield from poetry_requirements(dependencies, self._folder)
            else:
                yield from self._listed(f"group:{group}")

    def _listed(self, source: str) -> Iterator[str]:
        for each in project_requirements(self._document, source, self._origin):
            yield str(each.requirement)

    def _known_extras(self) -> dict[str, Tree]:
        own = self._tree.at("project", "optional-dependencies").table()
        return {**self._poetry.at("extras").table(), **own}

    def _known_groups(self) -> dict[str, Tree]:
        return {**self._tree.at("dependency-groups").table(), **self._poetry_groups()}

    def _poetry_groups(self) -> dict[str, Tree]:
        found = {
            name: group.at("dependencies")
            for name, group in self._poetry.at("group").table().items()
        }
        old = self._poetry.at("dev-dependencies")
        return found if old.data is None else {"dev": old, **found}

    def _places(self) -> Iterator[tuple[NormalizedName, str]]:
        """Where uv is told to take projects from, instead of from an index."""
        for name, told in self._tree.at("tool", "uv", "sources").table().items():
            project = canonicalize_name(name)
            several = isinstance(told.data, list)
            place = "" if several else source_place(told, self._folder)
            if place:
                yield project, place
            else:
                what = f"where {name} comes from, as tool.uv.sources says"
                self.unknown.append(
                    Fault(what, told.line, f"name its index for {name} in [sources]")
                )

    def indexes(self) -> Iterator[ArrivedIndex]:
        """The indexes that the project's tool is told to ask, beside the default one."""
        tool = self._tree.at("tool")
        for keys in (("uv", "index"), ("poetry", "source"), ("pdm", "source")):
            for each in tool.at(*keys).items():
                if url := each.at("url").text():
                    yield ArrivedIndex(place=url, where=each.line)

    def left_out(self) -> Iterator[Fault]:
        """The extras and groups that nobody chose."""
        yield from not_chosen("extra", self._known_extras(), self._extras)
        yield from not_chosen("group", self._known_groups(), self._groups)
        for name, lines in self._tree.at("tool", "pdm", "dev-dependencies").table().items():
            yield Fault(
                f"the group {name} of pdm's own", lines.line, "move it to [dependency-groups]"
            )
