"""Texts of other tools → arrivals."""
# ruff: noqa: E501 - lines of other tools are long

import pytest

from envc.errors import SpecError
from envc.expand.arrival import project_arrival
from envc.formats.conda_read import read_conda
from envc.formats.pdm_lock import read_pdm_lock
from envc.formats.poetry_lock import read_poetry_lock
from envc.formats.pylock_arrival import read_pylock
from envc.formats.requirements_read import requirements_file
from envc.formats.uv_lock import read_uv_lock
from envc.model.arrival import ArrivedPin

A, B = "a" * 64, "b" * 64


def requirements(text: str, **more):
    return requirements_file(text, "r.txt", "/here", **more).arrival


def uv(text: str):
    head = 'version = 1\n[[package]]\nname = "own"\nversion = "1"\nsource = { virtual = "." }\n'
    asked = '[package.metadata]\nrequires-dist = [{ name = "x", extras = ["e"], marker = "os_name == \'posix\'" }]\n'
    return read_uv_lock(
        f"{head}{asked}{text}".encode(), "uv.lock", "/here", extras=frozenset(), groups=frozenset()
    )


@pytest.mark.parametrize(
    ("line", "asked"),
    [
        ("six", "six"),
        ("six [a,b]>=1,<2 ; os_name=='posix'", 'six[a,b]<2,>=1; os_name == "posix"'),
        ("six # not this", "six"),
        ("six@https://x.example/six-1.0.tar.gz", "six @ https://x.example/six-1.0.tar.gz"),
        ("six @ ./six-1.0-py3-none-any.whl", "six @ file:///here/six-1.0-py3-none-any.whl"),
        ("./w h/six-1.0-py3-none-any.whl", "six @ file:///here/w%20h/six-1.0-py3-none-any.whl"),
        ("../six-1.0.tar.gz[x]", "six[x] @ file:///six-1.0.tar.gz"),
        ("file:///w/six-1.0-py3-none-any.whl", "six @ file:///w/six-1.0-py3-none-any.whl"),
        (
            "https://x.example/six-1.0-py3-none-any.whl?a=b#sha256=" + A,
            "six @ https://x.example/six-1.0-py3-none-any.whl?a=b#sha256=" + A,
        ),
        (
            "git+https://x.example/six@v1#egg=six&subdirectory=py",
            "six @ git+https://x.example/six@v1#subdirectory=py",
        ),
        ("git+ssh://git@x.example/six.git#egg=six[a]", "six[a] @ git+ssh://git@x.example/six.git"),
        (
            "./six-1.0-py3-none-any.whl ; os_name == 'nt'",
            "six @ file:///here/six-1.0-py3-none-any.whl ; os_name == 'nt'",
        ),
        (
            f"https://x.example/six-1.0.tar.gz --hash=sha256:{A}",
            f"six @ https://x.example/six-1.0.tar.gz#sha256={A}",
        ),
        (
            f"six @ https://x.example/six-1.0.tar.gz --hash=sha256:{A}",
            f"six @ https://x.example/six-1.0.tar.gz#sha256={A}",
        ),
    ],
)
def test_a_line_is_what_it_asks_for(line, asked):
    assert requirements(f"{line}\n").requires == (asked,)


@pytest.mark.parametrize(
    ("text", "pins"),
    [
        ("six==1.0\n", [("six", "1.0", "r.txt:1", None, ())]),
        ("\n\nSix === 1.0 ; os_name == 'nt'\n", [("six", "1.0", "r.txt:3", 'os_name == "nt"', ())]),
        ("six==1.*\nsix~=1.0\nsix==1.0,<2\n", []),
        (
            f"six==1.0 \\\n  --hash=sha256:{A.upper()} \\\n  --hash sha256:{B}\n",
            [("six", "1.0", "r.txt:1", None, (f"sha256:{A}", f"sha256:{B}"))],
        ),
        ("# six==1.0 \\\nseven==1.0", [("seven", "1.0", "r.txt:2", None, ())]),
        ("six==1.0 \\", [("six", "1.0", "r.txt:1", None, ())]),
    ],
)
def test_exact_lines_are_pins(text, pins):
    assert [
        (pin.project, pin.version, pin.where, pin.marker, pin.hashes)
        for pin in requirements(text).pins
    ] == pins


def test_a_compiled_file_tells_what_was_asked_for():
    text = (
        "a==1  # via -r requirements.in, b\nb[x]==2 ; os_name == 'nt'\n    # via\n    #   demo (pyproject.toml)\n"
        "c==3\n    # via a\nd==4\n    # via -r dev.in (line 3)\ne==5\n"
    )
    found = requirements_file(text, "r.txt", "/here")
    assert found.arrival.requires == ("a", 'b[x] ; os_name == "nt"', "d", "e")
    assert found.compiled_from == ("requirements.in", "pyproject.toml", "dev.in")
    assert [pin.project for pin in found.arrival.pins] == ["a", "b", "c", "d", "e"]


def test_what_nothing_in_a_compiled_file_asks_for_its_project_did():
    found = requirements_file("a==1\n    # via demo\nb==2\n    # via\n    #   a\n", "r", "/")
    assert (found.arrival.requires, found.compiled_from) == (("a",), ("pyproject.toml",))


def test_constraints_are_constraints():
    found = requirements("six==1.0\nsix @ https://x.example/s.whl\n-e .\n", is_constraints=True)
    assert (found.requires, found.constraints) == ((), ("six==1.0",))
    assert [fault.what for fault in found.left_out] == [
        "the constraint six @ https://x.example/s.whl"
    ]


def test_options_are_heeded():
    found = requirements(
        "-ihttps://a.example/s\n--extra-index-url=https://b.example/s\n-f w\n--pre\n"
        "--no-binary a,b\n--require-hashes\n-e ./mine[x]\n"
    )
    assert [index.place for index in found.indexes] == [
        "https://a.example/s",
        "https://b.example/s",
        "/here/w",
    ]
    assert (found.has_default, found.prereleases, found.builds) == (False, True, True)
    assert found.no_binary == ("a", "b")
    (folder,) = found.folders
    assert (folder.path, folder.is_editable, folder.extras) == ("/here/mine", True, "[x]")
    assert found.left_out == ()


def test_hashes_that_have_no_place_are_said():
    found = requirements(f"./six-1.0.tar.gz --hash=sha256:{A}\n")
    assert [fault.what for fault in found.left_out] == ["the hashes of file:///here/six-1.0.tar.gz"]


def test_all_faults_of_a_file_come_at_once():
    with pytest.raises(SpecError) as raised:
        requirements("six\n==\nsix==1 --hash=x\n'\n--hash='\n")
    assert [fault.where for fault in raised.value.faults] == [
        "r.txt:2",
        "r.txt:3",
        "r.txt:4",
        "r.txt:5",
    ]


@pytest.mark.parametrize(
    ("source", "place"),
    [
        (
            'git = "https://x.example/x.git?rev=main#' + "c" * 40 + '"',
            f"git+https://x.example/x.git@{'c' * 40}",
        ),
        (
            'git = "https://x.example/x.git?subdirectory=py#1234"',
            "git+https://x.example/x.git@1234#subdirectory=py",
        ),
        (
            'url = "https://x.example/x-1-py3-none-any.whl"',
            f"https://x.example/x-1-py3-none-any.whl#sha256={A}",
        ),
        ('path = "x-1-py3-none-any.whl"', "file:///here/x-1-py3-none-any.whl"),
        ('directory = "../x"', "file:///x"),
        ('editable = "x"', "file:///here/x"),
    ],
)
def test_what_uv_has_from_no_index_is_named(source, place):
    wheel = f'{{ filename = "x-1-py3-none-any.whl", hash = "sha256:{A}" }}'
    found = uv(
        f'[[package]]\nname = "x"\nversion = "1"\nsource = {{ {source} }}\nwheels = [{wheel}]\n'
    )
    assert found.requires == (f'x[e] @ {place} ; os_name == "posix"',)
    assert (found.pins, found.builds) == ((), not place.partition("#")[0].endswith(".whl"))


def test_what_leads_to_a_repository_need_not_be_asked_for():
    found = uv(
        '[[package]]\nname = "x"\nversion = "1"\nsource = { registry = "https://i.example/s" }\n'
        'dependencies = [{ name = "y" }]\n'
        '[[package]]\nname = "y"\nversion = "2"\nsource = { git = "https://x.example/y#1" }\n'
        '[[package]]\nname = "z"\nversion = "2"\nsource = { git = "https://x.example/z#1" }\n'
    )
    assert found.requires == (
        "x[e] ; os_name == 'posix'",
        "y @ git+https://x.example/y@1",
    )
    assert [(index.place, index.projects) for index in found.indexes] == [
        ("https://i.example/s", ("x",))
    ]


def test_a_project_of_uv_whose_requirements_only_a_build_tells_has_those_of_the_lock():
    text = (
        b'version = 1\n[[package]]\nname = "own"\nversion = "1"\nsource = { editable = "." }\n'
        b'dependencies = [{ name = "x", extra = ["e"], marker = "os_name == \'nt\'" }]\n'
    )
    choice = {"extras": frozenset[str](), "groups": frozenset[str]()}
    found = read_uv_lock(text, "uv.lock", "/here", **choice)
    assert found.requires == ("x[e] ; os_name == 'nt'",)
    assert [fault.what for fault in found.left_out] == ["the project own itself"]


def test_two_releases_without_a_marker_are_said_and_not_kept():
    found = read_poetry_lock(
        b'[metadata]\nlock-version = "2.0"\n'
        b'[[package]]\nname = "x"\nversion = "1"\n[[package]]\nname = "x"\nversion = "2"\n',
        "poetry.lock",
        "/here",
        ["x"],
    )
    assert found.pins == ()
    assert [fault.what for fault in found.left_out] == [
        "x is pinned to 1, 2, and no marker tells where"
    ]


@pytest.mark.parametrize(
    ("source", "place"),
    [
        (
            'type = "git"\nurl = "https://x.example/x"\nresolved_reference = "1"\nsubdirectory = "p"',
            "git+https://x.example/x@1#subdirectory=p",
        ),
        (
            'type = "url"\nurl = "https://x.example/x-1.zip"',
            f"https://x.example/x-1.zip#sha256={A}",
        ),
        ('type = "file"\nurl = "x-1.tar.gz"', "file:///here/x-1.tar.gz"),
        ('type = "directory"\nurl = "../x"', "file:///x"),
    ],
)
def test_what_poetry_has_from_no_index_is_named(source, place):
    text = (
        '[metadata]\nlock-version = "2.1"\n[[package]]\nname = "x"\nversion = "1"\n'
        f'files = [{{ file = "x-1.tar.gz", hash = "sha256:{A}" }}]\n[package.source]\n{source}\n'
    )
    found = read_poetry_lock(text.encode(), "poetry.lock", "/here", None)
    assert (found.requires, found.builds) == ((f"x @ {place}",), True)


def test_old_poetry_has_its_hashes_at_the_end():
    text = (
        '[[package]]\nname = "X"\nversion = "1"\n[metadata]\nlock-version = "1.1"\n'
        f'[metadata.files]\nX = [{{ file = "x-1-py3-none-any.whl", hash = "sha256:{A}" }}]\n'
    )
    found = read_poetry_lock(text.encode(), "poetry.lock", "/here", ["x"])
    pin = ArrivedPin(project="x", version="1", where="poetry.lock:1", hashes=(f"sha256:{A}",))
    assert (found.pins, found.builds) == ((pin,), False)


def test_what_pdm_has_with_extras_leads_on():
    text = (
        '[metadata]\nlock_version = "4.5"\n[[package]]\nname = "x"\nversion = "1"\n'
        '[[package]]\nname = "x"\nversion = "1"\nextras = ["e"]\ndependencies = ["y", "x==1"]\n'
        '[[package]]\nname = "y"\nversion = "1"\ngit = "https://x.example/y"\nrevision = "1"\n'
    )
    found = read_pdm_lock(text.encode(), "pdm.lock", "/here", ["x[e]"])
    assert found.requires == ("x[e]", "y @ git+https://x.example/y@1")
    assert [pin.project for pin in found.pins] == ["x"]


def test_a_pylock_brings_every_kind_of_entry():
    text = f"""\
lock-version = "1.0"
created-by = "x"
extras = ["fast"]
[[packages]]
name = "plain"
version = "1"
marker = "'fast' in extras"
wheels = [{{ name = "plain-1-py3-none-any.whl", path = "p", hashes = {{ sha256 = "{A}" }} }}]
[[packages]]
name = "vcs"
[packages.vcs]
type = "git"
url = "https://x.example/v"
commit-id = "1"
[[packages]]
name = "archive"
[packages.archive]
url = "https://x.example/archive-1.zip"
hashes = {{ sha256 = "{A}" }}
[[packages]]
name = "folder"
directory = {{ path = "../f" }}
"""
    found = read_pylock(text.encode(), "pylock.toml", "/here", None)
    assert found.requires == (
        "plain",
        "vcs @ git+https://x.example/v@1",
        f"archive @ https://x.example/archive-1.zip#sha256={A}",
        "folder @ file:///f",
    )
    assert [pin.marker for pin in found.pins] == ['python_version < "0"']
    found = read_pylock(text.encode(), "p", "/here", None, extras=frozenset({"fast"}))
    assert [pin.marker for pin in found.pins] == ['python_version >= "0"']


def test_a_project_of_uv_says_where_its_requirements_come_from():
    text = b"""\
[project]
name = "demo"
dependencies = ["x[e]>=1 ; os_name == 'nt'", "y", "demo[more]"]
[project.optional-dependencies]
more = ["z"]
[tool.uv.sources]
x = { git = "https://x.example/x", tag = "v1" }
y = { workspace = true }
[[tool.uv.index]]
url = "https://i.example/simple"
"""
    choice = {"extras": frozenset[str](), "groups": frozenset[str]()}
    found = project_arrival(text, "pyproject.toml", "/here", **choice)
    assert found.requires == (
        'x[e] @ git+https://x.example/x@v1 ; os_name == "nt"',
        "y",
        "z",
    )
    assert found.builds
    assert [index.place for index in found.indexes] == ["https://i.example/simple"]
    assert [(fault.what, fault.where) for fault in found.left_out] == [
        ("the extra more", "pyproject.toml:5"),
        ("where y comes from, as tool.uv.sources says", "pyproject.toml:8"),
    ]


@pytest.mark.parametrize(
    ("told", "specifier"),
    [
        ("^1.2.3", "<2,>=1.2.3"),
        ("^0.2", "<0.3,>=0.2"),
        ("^0.0.3", "<0.0.4,>=0.0.3"),
        ("^0", "<1,>=0"),
        ("~1.2", "<1.3,>=1.2"),
        ("~1", "<2,>=1"),
        ("~=1.2", "~=1.2"),
        ("1.2", "==1.2"),
        ("1.*", "==1.*"),
        ("*", ""),
        (">= 1, != 1.5", "!=1.5,>=1"),
        (">=1 <2", "<2,>=1"),
    ],
)
def test_poetrys_constraints_are_specifiers(told, specifier):
    text = f"[tool.poetry.dependencies]\nx = {told!r}\n".encode()
    choice = {"extras": frozenset[str](), "groups": frozenset[str]()}
    assert project_arrival(text, "p", "/", **choice).requires == (f"x{specifier}",)


def test_the_aliases_of_a_conda_file_have_an_end():
    lines = "\n".join(f"    - x{number}" for number in range(101))
    many = "\n".join("  - *a" for _ in range(100))
    with pytest.raises(SpecError, match="more than 10000 lines for pip"):
        read_conda(f"dependencies:\n  - &a\n    pip:\n{lines}\n{many}\n", "environment.yml")


def test_what_is_nested_without_end_is_refused():
    with pytest.raises(SpecError, match="nested too deeply"):
        read_conda("[" * 100_000, "environment.yml")
