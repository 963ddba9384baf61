"""What `envc describe --json` prints."""

from collections import Counter

from envc.model.inventory import Inventory
from envc.model.value import value


@value(kw_only=True)
class DescribedProject:
    """A project of the environment; `files` tells how those are known."""

    version: str
    folder: str
    files: str
    compiled: bool


@value(kw_only=True)
class DescribeReport:
    """An environment as its interpreter told of it.

    `known` counts its projects by how their files are known. `doubles` are projects that another
    one of the name comes before on the path; `unmet` the requirements that the environment does not
    meet itself, as sentences; `unread` what could not be read, likewise. `variables` are what an
    activation had set, or would set. `path` is the inventory that was written, if any.
    """

    python: str
    interpreter: str
    python_full: str
    folders: tuple[str, ...]
    projects: dict[str, DescribedProject]
    known: dict[str, int]
    doubles: tuple[str, ...]
    unmet: tuple[str, ...]
    unread: tuple[str, ...]
    modules: tuple[str, ...]
    variables: dict[str, str]
    path: str | None


def describe_report(inventory: Inventory, path: str | None) -> DescribeReport:
    """What is told of an inventory, which was written to `path`."""
    visible = inventory.visible()
    places = [folder.path for folder in inventory.folders]
    return DescribeReport(
        python=inventory.python,
        interpreter=inventory.interpreter,
        python_full=inventory.python_full,
        folders=tuple(places),
        projects={
            str(each.project): DescribedProject(
                version=each.version,
                folder=places[each.folder],
                files=each.files,
                compiled=each.is_compiled,
            )
            for each in visible
        },
        known=dict(sorted(Counter(each.files for each in visible).items())),
        doubles=tuple(
            f"{each.project} {each.version} in {places[each.folder]}"
            for each in inventory.distributions
            if each.is_double
        ),
        unmet=tuple(
            f"{each.project} requires {each.requirement}, and "
            + ("has it not" if each.present is None else f"{each.present} is there")
            for each in inventory.unmet
        ),
        unread=inventory.unread,
        modules=inventory.modules,
        variables=dict(inventory.variables),
        path=path,
    )
