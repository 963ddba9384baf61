"""Requirements that a layer takes from the project whose pyproject.toml holds the site."""

import pytest

from envc.errors import SpecError
from envc.expand.site import expand_site
from envc.formats.envc_toml import read_site
from support.cases import MACHINE

SITE = """
[tool.envc]
version = 1
site.name = "site"
core.python = "3.11"

[tool.envc.layer.user]
requires = ["six"]
requires-from = SOURCES
"""
PROJECT = """\
[project]
name = "Our.App"
dependencies = [
    "numpy>=1.26",
    "our-app[fast]",
]

[project.optional-dependencies]
fast = ["numba"]
Plot_It = ["matplotlib", "our_app[fast,plot-it]"]

[dependency-groups]
test = ["pytest", { include-group = "Type.Checks" }]
type-checks = ["mypy"]
first = [{ include-group = "second" }]
second = [{ include-group = "first" }]
lost = [{ include-group = "nowhere" }]
odd = [1]
"""


def expanded(sources: str, project: str = PROJECT, file: str = "pyproject.toml"):
    text = project + SITE.replace("SOURCES", sources)
    site = expand_site(read_site(text.encode(), file), lambda _: MACHINE)
    return [(str(line.requirement), str(line.origin)) for line in site.layers[0].requires[1:]]


def faults(sources: str, project: str = PROJECT) -> list[tuple[str, str]]:
    with pytest.raises(SpecError) as caught:
        expanded(sources, project)
    return [(fault.what, fault.mend) for fault in caught.value.faults]


def test_the_dependencies_of_the_project_with_their_lines():
    assert expanded('["project"]') == [
        ("numpy>=1.26", "pyproject.toml:4 (project.dependencies[0])"),
        ("numba", "pyproject.toml:9 (project.optional-dependencies.fast[0])"),
    ]


def test_extras_that_name_each_other_are_followed_once():
    assert [text for text, _ in expanded('["project[plot.it, FAST]"]')] == [
        "numpy>=1.26",
        "numba",
        "matplotlib",
        "numba",
    ]


def test_a_group_and_what_it_includes():
    assert expanded('["group:test"]') == [
        ("pytest", "pyproject.toml:13 (dependency-groups.test[0])"),
        ("mypy", "pyproject.toml:14 (dependency-groups.type-checks[0])"),
    ]


def test_every_source_counts():
    assert len(expanded('["project", "group:test"]')) == 4


USE_A_GROUP = "use first, lost, odd, second, test, type-checks"
FAULTS = {
    '["project[slow]"]': ("the project has no extra 'slow'", "use fast, plot-it"),
    '["group:docs"]': ("there is no group 'docs'", USE_A_GROUP),
    '["group:lost"]': (
        "group 'lost' cannot be read: Dependency group 'nowhere' not found",
        "correct it",
    ),
}


@pytest.mark.parametrize("sources", FAULTS)
def test_what_is_not_there_is_named(sources):
    assert faults(sources) == [FAULTS[sources]]


@pytest.mark.parametrize("group", ["first", "odd"])
def test_a_group_that_cannot_be_read(group):
    ((what, mend),) = faults(f'["group:{group}"]')
    assert what.startswith(f"group {group!r} cannot be read: ")
    assert mend == "correct it"


@pytest.mark.parametrize(
    ("project", "what"),
    [
        ("", "there is no [project] table here"),
        ("project = 1\n", "there is no [project] table here"),
        (
            '[project]\nname = "a"\ndynamic = ["dependencies"]\n',
            "project.dependencies are dynamic: only a build would tell them",
        ),
        ('[project]\nname = "a"\ndependencies = "b"\n', "project.dependencies must be an array"),
    ],
)
def test_a_project_that_cannot_be_read(project, what):
    assert faults('["project"]', project)[0][0] == what


def test_a_line_that_is_no_requirement_is_named():
    with pytest.raises(SpecError) as caught:
        expanded('["project"]', '[project]\nname = "a"\ndependencies = ["b >"]\n')
    (fault,) = caught.value.faults
    assert fault.where == "pyproject.toml:3 (project.dependencies[0])"
    assert fault.what.startswith("'b >' is not a requirement: ")


def test_a_site_of_its_own_has_no_project():
    text = SITE.replace("SOURCES", '["project"]').replace("tool.envc.layer", "layer")
    text = text.replace("[tool.envc]\n", "")
    with pytest.raises(SpecError) as caught:
        expand_site(read_site(text.encode(), "envc.toml"), lambda _: MACHINE)
    assert str(caught.value) == (
        "envc.toml:8 (layer.user.requires-from[0]): "
        "only a site in a pyproject.toml has a project to read\n"
        "  help: move the tables below [tool.envc] of the pyproject.toml, or use requires"
    )


def test_a_tool_table_that_is_none():
    with pytest.raises(SpecError) as caught:
        read_site(b"tool = 3\n", "pyproject.toml")
    assert caught.value.faults[0] == (
        "missing key",
        "pyproject.toml:1 (tool.envc.version)",
        "add it",
    )
