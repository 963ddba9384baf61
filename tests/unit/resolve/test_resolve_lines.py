"""Lines that are put together from parts: what the library makes of them, to the letter."""

import pytest
from packaging.requirements import InvalidRequirement, Requirement

from envc.model.release import CoreMetadata
from envc.resolve.lines import Lines, Unread, requirement_of

READ = [
    "a",
    "A_b-c.D",
    "a ()",
    "a>=1",
    "a >= 1 , < 2",
    "a (>=1, <2)",
    "a( >=1 )",
    "a==1.*,!=1.0+local",
    "a~=1.2 ; python_version >= '3'",
    "a>1!2;os_name=='posix' and python_version>'3'",
    "a >=1,",
    "a===1-weird",
    "a[c,b]>1; extra == 'x_Y'",
    "a @ https://host/a.whl ; python_version > '3'",
    "\ta >=v1.0-beta\t",
]
UNREAD = [
    "",
    "-a",
    "a.>1",
    "a>=1\n",
    "a>1; os_name=='x'\n",
    "a;",
    "a>=",
    "a~=1",
    "a<>1",
    "a (>=1",
    "a >=1)",
    "a>=1,,<2",
    "a>= 1 <2",
    "a>=1.0.*",
    "a>=1_1",
    "a>=1; bogus == '1'",
    "a; os_name == 'x'; os_name == 'y'",
]
MANY_EXTRAS = "b[" + ",".join(f"x{number}" for number in range(20_000)) + "]"
ENDLESS = (
    MANY_EXTRAS,
    "b>" + "9" * 5000,
    "b; python_version > '" + "9" * 5000 + "'",
    "b[x]==1." + "1" * 1000,
)


@pytest.mark.parametrize("line", ENDLESS, ids=["extras", "specifier", "marker", "extra"])
def test_numbers_without_end_are_not_read(line):
    assert requirement_of(line) is None


def parts(requirement):
    return (
        str(requirement),
        requirement.name,
        requirement.extras,
        requirement.url,
        requirement.specifier,
        requirement.marker,
    )


@pytest.mark.parametrize("line", READ)
def test_a_line_is_what_the_library_makes_of_it(line):
    assert parts(requirement_of(line)) == parts(Requirement(line))
    assert requirement_of(line) == Requirement(line)


@pytest.mark.parametrize("line", UNREAD)
def test_what_the_library_refuses_is_none(line):
    assert requirement_of(line) is None
    with pytest.raises(InvalidRequirement):
        Requirement(line)


def holding(*lines, extra=None):
    environment = {"python_version": "3.11", "os_name": "posix"}
    metadata = CoreMetadata(project="p", version="1", requires=lines)
    return [str(line) for line in Lines(environment).holding(metadata, extra)]


LINES = (
    "a",
    "b; os_name == 'nt'",
    "c; extra == 'X.y'",
    "d; extra == 'x-y' and os_name == 'nt'",
    "e; python_version > '3' or extra == 'x-y'",
    "f; extra != 'x-y'",
)


def test_without_an_extra_the_lines_hold_that_need_none():
    assert holding(*LINES) == [
        "a",
        'e; python_version > "3" or extra == "x-y"',
        'f; extra != "x-y"',
    ]


def test_an_extra_adds_the_lines_that_hold_by_it_alone():
    assert holding(*LINES, extra="x-y") == ['c; extra == "x-y"']
    assert holding(*LINES, extra="z") == []


UNREADABLE = (
    "g g",
    "g; python_version ~= '3'",
    "g; python_version ~= 'new'",
    "g; os_name === 'posix'",
    "g; 'fast' in extras",
    "g; 'test' in dependency_groups",
    "g; 'x' == 'x'",
)


@pytest.mark.parametrize("line", UNREADABLE)
@pytest.mark.parametrize("extra", [None, "x-y"])
def test_a_line_that_may_hold_or_not_is_given_as_it_is_written(line, extra):
    environment = {"python_version": "3.11", "os_name": "posix"}
    metadata = CoreMetadata(project="p", version="1", requires=(line,))
    (found,) = Lines(environment).holding(metadata, extra)
    assert isinstance(found, Unread)
    assert (found, found.project()) == (line, "g")


def test_a_line_that_begins_with_no_name_is_of_no_project():
    assert Unread("(A_b)").project() == ""
    assert Unread("A_b >").project() == "a-b"
