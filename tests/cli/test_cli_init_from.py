"""`envc init --from`: what other tools pinned comes in, and the first lock moves nothing of it."""

import json
import tomllib
from pathlib import Path

import pytest

from support import others
from support.index_server import IndexServer
from support.prefixes import install, prefix, toy
from support.projects import write_project
from support.sites import PYTHON, envc, python

OLD = {"numpy": "1.26.0", "pandas": "2.2.0", "six": "1.16.0"}


@pytest.fixture
def index(recipes, monkeypatch):
    with IndexServer(recipes) as server:
        monkeypatch.setenv("ENVC_INDEX_URL", server.url)
        yield server


def came(folder: Path, *sources: object, words: tuple = ()):
    """A site in the folder `site` that begins with the sources; the report."""
    named = [word for source in sources for word in ("--from", source)]
    answer = envc("init", "site", *named, *words, "--json", cwd=folder)
    assert answer.status == 0, answer.stderr
    return answer.json


def locked(folder: Path) -> dict[str, str]:
    """What the first lock pins."""
    answer = envc("lock", "--json", cwd=folder / "site")
    assert answer.status == 0, answer.stderr
    report = answer.json["layers"]["user"]
    assert report["moves"] == []
    return report["pins"]


def spec(folder: Path):
    return tomllib.loads((folder / "site/envc.toml").read_text())


def what_is_left(report) -> list[str]:
    return [each["what"] for each in report["left_out"]]


def write(folder: Path, name: str, text: str) -> Path:
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    return path


@pytest.mark.parametrize("tool", ["uv.lock", "poetry.lock", "pdm.lock", "pylock.toml"])
@pytest.mark.usefixtures("index")
def test_a_lock_of_another_tool_keeps_its_pins(tool, tmp_path, recipes, index):
    texts = {
        "uv.lock": others.uv_lock(recipes, index.url),
        "poetry.lock": others.poetry_lock(recipes),
        "pdm.lock": others.pdm_lock(recipes),
        "pylock.toml": others.pylock(recipes),
    }
    write(tmp_path, "pyproject.toml", others.PYPROJECT)
    report = came(tmp_path, write(tmp_path, tool, texts[tool]).name)
    assert sorted(report["requires"]) == ["numpy<2", "pandas"]
    assert sorted(report["pins"]) == sorted(
        f"{name}=={version}"
        + (' ; python_version >= "0"' if (name, tool) == ("scipy", "poetry.lock") else "")
        for name, version, _ in others.ENTRIES
    )
    assert any("extra fast" in what for what in what_is_left(report))
    assert any("group dev" in what for what in what_is_left(report))
    assert locked(tmp_path) == OLD
    assert not (tmp_path / "site/pins.user.toml").exists()


@pytest.mark.parametrize("tool", ["uv.lock", "poetry.lock"])
@pytest.mark.usefixtures("index")
def test_extras_and_groups_come_when_they_are_named(tool, tmp_path, recipes, index):
    text = others.uv_lock(recipes, index.url) if tool == "uv.lock" else others.poetry_lock(recipes)
    write(tmp_path, tool, text)
    write(tmp_path, "pyproject.toml", others.PYPROJECT)
    report = came(tmp_path, tool, words=("--extra", "fast", "--group", "dev"))
    assert sorted(report["requires"]) == ["numpy<2", "pandas", "report", "scipy"]
    assert report["left_out"] == []
    assert locked(tmp_path) == {**OLD, "scipy": "1.11.0", "report": "1.0"}


def test_an_extra_that_is_not_there_is_named(tmp_path):
    write(tmp_path, "pyproject.toml", others.PYPROJECT)
    answer = envc("init", "site", "--from", "pyproject.toml", "--extra", "slow", cwd=tmp_path)
    assert (answer.status, answer.stdout) == (2, "")
    assert answer.stderr == (
        "error: there is no extra 'slow' here\n   at: pyproject.toml\n help: use fast\n"
    )
    write(tmp_path, "requirements.txt", "six\n")
    answer = envc("init", "site", "--from", "requirements.txt", "--extra", "x", cwd=tmp_path)
    assert answer.status == 2
    assert "nothing that --from names has extras or groups" in answer.stderr
    answer = envc("init", "site", "--extra", "x", cwd=tmp_path)
    assert answer.status == 2
    assert not (tmp_path / "site").exists()


@pytest.mark.usefixtures("index")
def test_a_compiled_file_asks_for_what_its_sources_ask_for(tmp_path, recipes):
    write(tmp_path, "requirements.in", "pandas>=2\nnumpy<2 ; python_version > '3'\n")
    write(tmp_path, "requirements.txt", others.compiled(recipes))
    report = came(tmp_path, "requirements.txt")
    assert report["requires"] == ["pandas>=2", 'numpy<2; python_version > "3"']
    assert report["left_out"] == []
    assert locked(tmp_path) == OLD


def test_a_compiled_file_may_name_itself_and_what_bound_it(tmp_path):
    write(tmp_path, "base.txt", "six==1.16.0\n    # via -r dev.txt\n")
    write(
        tmp_path,
        "dev.txt",
        "numpy==1.26.0\n    # via\n    #   -c base.txt\n    #   pandas\n"
        "pandas==2.2.0\n    # via -r dev.txt\nsix==1.16.0\n    # via -r base.txt\n",
    )
    report = came(tmp_path, "dev.txt")
    assert report["requires"] == ["six", "pandas"]
    assert report["left_out"] == []


@pytest.mark.usefixtures("index")
def test_what_a_compiled_file_was_made_from_need_not_be_there(tmp_path, recipes):
    write(tmp_path, "requirements.txt", others.compiled(recipes))
    report = came(tmp_path, "requirements.txt")
    assert report["requires"] == ["numpy", "pandas"]
    assert what_is_left(report) == [
        "the bounds and extras of what stood in requirements.in, which is not there"
    ]
    assert locked(tmp_path) == OLD


def test_files_of_requirements_name_each_other(tmp_path, recipes):
    (tmp_path / "wheels").symlink_to(recipes)
    write(
        tmp_path,
        "requirements.txt",
        "# what we need\n--no-index\n-f wheels\n-r more/base.txt\npandas  # a frame\n"
        "report \\\n  ==1.0\ncolorama==1.0 ; sys_platform == 'win32'\n",
    )
    write(tmp_path, "more/base.txt", "-c bounds.txt\n-r ../requirements.txt\nnumpy\n")
    write(tmp_path, "more/bounds.txt", "numpy==1.26.0\nsix<1.17\n")
    report = came(tmp_path, "requirements.txt")
    assert report["requires"] == [
        "pandas",
        "report==1.0",
        'colorama==1.0; sys_platform == "win32"',
        "numpy",
    ]
    assert report["constraints"] == ["numpy==1.26.0", "six<1.17"]
    assert spec(tmp_path)["index"] == [{"name": "index", "path": str(tmp_path / "wheels")}]
    assert locked(tmp_path) == {**OLD, "report": "1.0"}


def test_another_file_than_the_hashes_promise_is_an_error(tmp_path, recipes, index):
    good, bad = others.digest(recipes, "six", "1.16.0"), f"sha256:{'0' * 64}"
    write(tmp_path, "requirements.txt", f"numpy\nsix==1.16.0 --hash={bad}\n")
    came(tmp_path, "requirements.txt")
    answer = envc("lock", cwd=tmp_path / "site")
    assert answer.status == 5
    where = "requirements.txt:2"
    assert answer.stderr == (
        "error: six-1.16.0-py3-none-any.whl of the index is none of the files that "
        f"{where} has hashes of\n"
        f"   at: {where}\n"
        " help: find out which file is meant; if it is the index's, remove the hashes of six "
        f"from {tmp_path}/site/pins.user.toml\n"
    )
    assert not (tmp_path / "site/pylock.user.toml").exists()
    pins = tmp_path / "site/pins.user.toml"
    pins.write_text(pins.read_text().replace(bad, good))
    assert locked(tmp_path)["six"] == "1.16.0"


@pytest.mark.usefixtures("index")
def test_hashes_of_any_kind_are_compared(tmp_path, recipes):
    import hashlib

    wheel = (recipes / "six-1.16.0-py3-none-any.whl").read_bytes()
    digits = hashlib.sha512(wheel).hexdigest()
    write(tmp_path, "requirements.txt", f"six==1.16.0 --hash sha512:{digits}\n")
    came(tmp_path, "requirements.txt")
    pins = tmp_path / "site/pins.user.toml"
    text = pins.read_text()
    pins.write_text(text.replace(digits, "0" * 128))
    assert envc("lock", cwd=tmp_path / "site").status == 5
    pins.write_text(text)
    assert locked(tmp_path) == {"six": "1.16.0"}


@pytest.mark.usefixtures("index")
def test_upgrade_lets_what_arrived_move(tmp_path, recipes):
    bad = f"sha256:{'0' * 64}"
    write(tmp_path, "requirements.in", "six\nnumpy\n")
    write(
        tmp_path,
        "requirements.txt",
        f"numpy==1.26.0  # via -r requirements.in\nsix==1.16.0 --hash={bad}\n    # via -r x.in\n",
    )
    came(tmp_path, "requirements.txt")
    answer = envc("lock", "--upgrade-package", "six", "--json", cwd=tmp_path / "site")
    assert answer.status == 0, answer.stderr
    assert answer.json["layers"]["user"]["pins"] == {"numpy": "1.26.0", "six": "1.17.0"}
    assert answer.json["removed"] == ["pins.user.toml"]


@pytest.mark.usefixtures("index")
def test_check_writes_and_removes_nothing(tmp_path):
    write(tmp_path, "requirements.txt", "six==1.16.0\n")
    came(tmp_path, "requirements.txt")
    answer = envc("lock", "--check", "--json", cwd=tmp_path / "site")
    assert (answer.status, answer.json["removed"]) == (1, [])
    assert (tmp_path / "site/pins.user.toml").exists()
    assert not (tmp_path / "site/pylock.user.toml").exists()


def test_each_target_gets_the_pins_that_are_for_it(tmp_path, recipes, index):
    forked = """\
version = 1
requires-python = ">=3.11"

[[package]]
name = "demo"
version = "1.0"
source = { virtual = "." }
dependencies = [{ name = "numpy" }]
[package.metadata]
requires-dist = [{ name = "numpy" }]
"""
    for version, machine in (("1.26.0", "aarch64"), ("1.26.4", "x86_64")):
        digest = others.digest(recipes, "numpy", version)
        forked += f"""
[[package]]
name = "numpy"
version = "{version}"
source = {{ registry = "{index.url}" }}
resolution-markers = ["platform_machine == '{machine}'"]
wheels = [{{ url = "https://x.example/numpy-{version}-py3-none-any.whl", hash = "{digest}" }}]
"""
    write(tmp_path, "uv.lock", forked)
    came(tmp_path, "uv.lock")
    with (tmp_path / "site/envc.toml").open("a") as file:
        for machine in ("x86_64", "aarch64"):
            file.write(f'\n[[target]]\nname = "{machine}"\nplatform = "linux-{machine}"\n')
            file.write(f'python-full = "{PYTHON}.0"\n')
    answer = envc("lock", "--json", cwd=tmp_path / "site")
    assert answer.status == 0, answer.stderr
    assert answer.json["layers"]["user"]["targets"] == {
        "aarch64": {"numpy": "1.26.0"},
        "x86_64": {"numpy": "1.26.4"},
    }


def test_a_virtual_environment_comes_in_without_being_run(tmp_path, index):
    site = prefix(tmp_path / "old env")
    for recipe in (
        toy("numpy", "1.26.0"),
        toy("pandas", "2.2.0", "numpy>=1.22", "six", "nowhere; extra == 'all'"),
        toy("six", "1.16.0"),
        toy("report", "1.0"),
        toy("pip", "25.0"),
    ):
        install(site, recipe)
    write(site, "pandas-2.2.0.dist-info/REQUESTED", "")
    write(site, "pip-25.0.dist-info/REQUESTED", "")
    write(site, "broken-1.0.dist-info/METADATA", "nothing")
    write(site, "old-1.0.egg-info/PKG-INFO", "")
    (tmp_path / "old env/bin/python").unlink()
    report = came(tmp_path, "old env")
    assert report["requires"] == ["pandas", "report"]
    assert what_is_left(report) == [
        "broken-1.0.dist-info, whose METADATA cannot be read",
        "old-1.0.egg-info, of the old kind",
        "pip, a tool of the environment's own",
    ]
    assert locked(tmp_path) == {**OLD, "report": "1.0"}


@pytest.mark.usefixtures("index")
def test_what_was_installed_from_elsewhere_is_asked_for_there(tmp_path, recipes):
    site = prefix(tmp_path / "env")
    install(site, toy("six", "1.16.0"))
    place = (recipes / "six-1.16.0-py3-none-any.whl").as_uri()
    write(site, "six-1.16.0.dist-info/direct_url.json", json.dumps({"url": place}))
    install(site, toy("mine", "1.0"))
    mine = json.dumps({"url": (tmp_path / "mine").as_uri(), "dir_info": {"editable": True}})
    write(site, "mine-1.0.dist-info/direct_url.json", mine)
    write(tmp_path, "mine/pyproject.toml", '[project]\nname = "mine"\nversion = "1.0"\n')
    report = came(tmp_path, "env")
    assert report["requires"] == [f"six @ {place}", f"mine @ {(tmp_path / 'mine').as_uri()}"]
    assert spec(tmp_path)["resolver"] == {"no-build": False}
    assert what_is_left(report) == [
        "that mine can be edited: a layer has it as it is when it is locked"
    ]


CONDA = """\
name: old
channels: [conda-forge]
dependencies:
  - python=3.11
  - numpy=1.26  # from conda
  - conda-forge::mpich
  - pip
  - pip:
    - six==1.16.0
    - -r more.txt
"""


@pytest.mark.usefixtures("index")
def test_the_pip_part_of_a_conda_environment_comes_in(tmp_path):
    write(tmp_path, "environment.yml", CONDA.replace("3.11", PYTHON))
    write(tmp_path, "more.txt", "report\n")
    report = came(tmp_path, "environment.yml")
    assert report["requires"] == ["six==1.16.0", "report"]
    assert report["pins"] == ["six==1.16.0"]
    assert [(each["what"], each["where"]) for each in report["left_out"]] == [
        ("numpy=1.26, a package of conda", "environment.yml:5"),
        ("conda-forge::mpich, a package of conda", "environment.yml:6"),
    ]
    assert locked(tmp_path) == {"report": "1.0", "six": "1.16.0"}


POETRY = """\
[tool.poetry]
name = "old"
[tool.poetry.dependencies]
python = "^3.11"
numpy = "^1.26"
scipy = { version = "~1.11", optional = true }
pandas = [{ version = "2.*", python = ">=3.8" }]
tool = { git = "https://x.example/tool.git", tag = "v1", subdirectory = "py" }
six = "1.16.0"
report = "*"
mine = { path = "../mine" }
[tool.poetry.extras]
fast = ["scipy"]
[tool.poetry.group.dev.dependencies]
theme = ">=1, <3"
"""


def test_poetrys_own_tables_are_translated(tmp_path):
    write(tmp_path, "project/pyproject.toml", POETRY)
    report = came(tmp_path, "project/pyproject.toml", words=("--group", "dev", "--extra", "fast"))
    assert report["requires"] == [
        "numpy<2,>=1.26",
        "scipy<1.12,>=1.11",
        'pandas==2.*; python_version >= "3.8"',
        "tool @ git+https://x.example/tool.git@v1#subdirectory=py",
        "six==1.16.0",
        "report",
        f"mine @ file://{tmp_path}/mine",
        "theme<3,>=1",
    ]
    assert report["left_out"] == []


def test_what_has_no_place_is_said_with_its_line(tmp_path):
    write(
        tmp_path,
        "requirements.txt",
        "--trusted-host x.example\n"
        "six==1.16.0 --config-settings=a=b\n"
        "hg+https://x.example/y#egg=y\n"
        "./folder\n"
        "token @ https://${TOKEN}@x.example/token-1.0-py3-none-any.whl\n"
        "numpy>1 --hash=sha256:" + "0" * 64 + "\n"
        "--index-url https://me:secret@x.example/simple\n"
        "-f https://x.example/links.html\n"
        "-r https://x.example/more.txt\n"
        "git+https://x.example/nameless.git\n"
        "six @ git+https://me:secret@x.example/six.git\n"
        "seven @ git+ssh://git@x.example/seven.git\n",
    )
    report = came(tmp_path, "requirements.txt")
    assert report["requires"][-2:] == [
        "six @ git+https://x.example/six.git",
        "seven @ git+ssh://git@x.example/seven.git",
    ]
    assert {each["where"]: each["what"] for each in report["left_out"]} == {
        "": "the credentials of six @ git+https://x.example/six.git",
        "requirements.txt:1": "--trusted-host x.example",
        "requirements.txt:2": "--config-settings a=b of six==1.16.0",
        "requirements.txt:3": "hg+https://x.example/y#egg=y",
        "requirements.txt:4": "folder, whose pyproject.toml does not tell a name",
        "requirements.txt:5": "token @ https://${TOKEN}@x.example/token-1.0-py3-none-any.whl: "
        "it holds a variable",
        "requirements.txt:6": "the hashes of numpy>1",
        "requirements.txt:7": "the credentials of https://x.example/simple",
        "requirements.txt:8": "--find-links https://x.example/links.html",
        "requirements.txt:9": "--requirement https://x.example/more.txt",
        "requirements.txt:10": "git+https://x.example/nameless.git",
    }
    assert "secret" not in (tmp_path / "site/envc.toml").read_text()
    assert spec(tmp_path)["index"] == [{"name": "index", "url": "https://x.example/simple"}]
    told = envc("init", "other", "--from", "requirements.txt", cwd=tmp_path).stderr
    assert "left out: --trusted-host x.example (requirements.txt:1)\n" in told


@pytest.mark.usefixtures("index")
def test_pins_that_nothing_asks_for_are_named(tmp_path):
    write(tmp_path, "requirements.txt", "six==1.16.0  # via x.in\ntheme==1.0  # via six\n")
    came(tmp_path, "requirements.txt")
    answer = envc("lock", cwd=tmp_path / "site")
    assert answer.stderr == (
        "warning: pinned before, and nothing asks for it now: theme; name it, or its extra, to "
        "have it\nuser: locked, 1 pin (pylock.user.toml)\n"
        "removed pins.user.toml: the lock has taken its place\n"
    )


def test_several_sources_are_one(tmp_path):
    write(tmp_path, "a.txt", "six==1.16.0\nnumpy\n")
    write(tmp_path, "b.in", "numpy\nreport\n")
    report = came(tmp_path, "a.txt", "b.in")
    assert report["requires"] == ["six==1.16.0", "numpy", "report"]


def test_an_overlay_begins_with_what_a_user_has(built, tmp_path, recipes):
    """What the base has, and nobody pins by name, is inherited; that is said as a move."""
    write(tmp_path, "requirements.in", "six\ntheme\nnotebook==7.0\n")
    write(
        tmp_path,
        "requirements.txt",
        f"theme==1.0 --hash={others.digest(recipes, 'theme', '1.0')}  # via -r requirements.in\n"
        "six==1.16.0  # via -r requirements.in\nnotebook==7.0  # via -r requirements.in\n"
        "--index-url https://x.example/simple\n",
    )
    words = ("--from", "requirements.txt", "--target", built.target, "--json")
    answer = envc("overlay", "init", "./mine", *words, cwd=tmp_path)
    assert answer.status == 0, answer.stderr
    assert answer.json["adds"] == ["notebook", "theme"]
    (move,) = answer.json["moves"]
    assert (move["project"], move["before"], move["after"]) == ("six", "1.16.0", "1.17.0")
    assert what_is_left(answer.json) == ["an index of its own"]
    document = tomllib.loads((tmp_path / "mine/overlay.toml").read_text())
    requires = ["six", "theme", "notebook==7.0"]
    assert document["overlay"] == {"name": "mine", "base": "user", "requires": requires}
    words = ("--from", "requirements.txt", "--target", built.target)
    write(tmp_path, "requirements.txt", "six==1.16.0\n")
    answer = envc("overlay", "init", "./other", *words, "--json", cwd=tmp_path)
    assert answer.json["moves"] == []
    code = "import six; print(six.__version__)"
    assert python(tmp_path / "other", code) == "1.16.0"


@pytest.mark.usefixtures("index")
def test_an_overlay_on_an_environment_begins_with_what_a_user_has(tmp_path):
    install(prefix(tmp_path / "base"), toy("numpy", "1.26.0"))
    write(tmp_path, "requirements.txt", "six==1.16.0\nnumpy\n-e ./mine\n")
    words = ("--on", tmp_path / "base", "--from", "requirements.txt", "--json")
    write_project(tmp_path / "mine", toy("mine", "1.0"), "")
    answer = envc("overlay", "init", "./mine-on", *words, cwd=tmp_path)
    assert answer.status == 0, answer.stderr
    assert (answer.json["adds"], answer.json["left_out"]) == (["mine", "six"], [])
    assert list(answer.json["editable"]) == ["mine"]


def test_an_overlay_refuses_other_files_and_is_not_made(built, tmp_path):
    write(tmp_path, "requirements.txt", f"theme==1.0 --hash=sha256:{'0' * 64}\n")
    words = ("--from", "requirements.txt", "--target", built.target)
    answer = envc("overlay", "init", "./mine", *words, cwd=tmp_path)
    assert answer.status == 5
    assert " help: take the hashes of the file that is meant into it, or remove them\n" in (
        answer.stderr
    )
    assert not (tmp_path / "mine/overlay.toml").exists()


@pytest.mark.parametrize("name", ["envc.toml", "pins.user.toml", "pylock.user.toml"])
def test_nothing_that_is_there_is_overwritten(name, tmp_path):
    write(tmp_path, f"site/{name}", "mine")
    write(tmp_path, "requirements.txt", "six==1.16.0\n")
    answer = envc("init", "site", "--from", "requirements.txt", cwd=tmp_path)
    assert answer.status == 2
    assert [path.name for path in (tmp_path / "site").iterdir()] == [name]
    assert (tmp_path / "site" / name).read_text() == "mine"


@pytest.mark.usefixtures("index")
def test_a_pins_file_that_was_edited_wrongly_is_named(tmp_path):
    write(tmp_path, "requirements.txt", "six==1.16.0\n")
    came(tmp_path, "requirements.txt")
    pins = tmp_path / "site/pins.user.toml"
    pins.write_text(pins.read_text().replace('"1.16.0"', '"one"'))
    answer = envc("lock", cwd=tmp_path / "site")
    assert answer.status == 2
    assert answer.stderr == (
        "error: 'one' is not a version\n"
        "   at: pins.user.toml:7 (pin[0].version)\n"
        " help: correct it\n"
    )


@pytest.mark.parametrize(
    ("name", "text", "told"),
    [
        ("requirements.txt", "six==\n", "requirements.txt:1"),
        ("requirements.txt", "six==1 --hash=md5:1\n", "'md5:1' is no hash"),
        ("requirements.txt", "six==1 --hash='\n", "cannot be read: No closing quotation"),
        ("requirements.txt", "-r missing.txt\n", "requirements.txt:1"),
        ("requirements.txt", "six\0\n", "no text has a NUL character"),
        ("environment.yml", "a: [", "environment.yml:1"),
        ("environment.yml", "- a\n", "this must be a mapping"),
        ("environment.yml", "dependencies: {}\n", "this must be a list"),
        ("environment.yml", "dependencies: [[a]]\n", "this must be a text"),
        ("environment.yml", "", "it is empty"),
        ("uv.lock", "version = 9\n", "uv.lock of format 9; envc reads 1"),
        ("uv.lock", "version = 1\npackage = 3\n", "package must be an array"),
        ("uv.lock", "version = 1\n[[package]]\nname = 'x y'\n", "'x y' is not a project name"),
        ("poetry.lock", "[metadata]\nlock-version = '3.0'\n", "lock-version 1 or 2"),
        (
            "poetry.lock",
            "[metadata]\nlock-version = '2.1'\n[[package]]\nname = 'x'\nversion = 'y'\n",
            "'y' is not a version",
        ),
        ("pdm.lock", "x = [\n", "not TOML"),
        ("pylock.toml", "lock-version = '1.0'\n", "not a lock file (PEP 751)"),
        ("pyproject.toml", "[build-system]\n", "there is neither [project]"),
        ("pyproject.toml", "[project]\ndependencies = ['x y']\n", "is not a requirement"),
        ("pyproject.toml", "[tool.poetry.dependencies]\nx = '1||2'\n", "has alternatives"),
        ("Pipfile.lock", "{}", "pipenv requirements --hash"),
        ("thing.json", "{}", "envc does not know what this file is"),
    ],
)
def test_bad_input_is_named_and_nothing_is_written(name, text, told, tmp_path):
    (tmp_path / name).write_text(text)
    answer = envc("init", "site", "--from", name, cwd=tmp_path)
    assert answer.status == 2, answer.stderr
    assert told in answer.stderr
    assert " help: " in answer.stderr or "nested" in answer.stderr
    assert not (tmp_path / "site").exists()


def test_folders_that_are_no_environment_say_what_to_name(tmp_path):
    write(tmp_path, "p/uv.lock", "")
    write(tmp_path, "p/pyproject.toml", "")
    answer = envc("init", "site", "--from", "p", cwd=tmp_path)
    assert answer.stderr == (
        "error: this folder is no virtual environment: it has no pyvenv.cfg\n"
        "   at: p\n help: name one of its files: uv.lock, pyproject.toml\n"
    )
    write(tmp_path, "c/conda-meta/history", "")
    answer = envc("init", "site", "--from", "c", cwd=tmp_path)
    assert "conda env export" in answer.stderr
    answer = envc("init", "site", "--from", "gone.txt", cwd=tmp_path)
    assert answer.status == 2
    assert "gone.txt" in answer.stderr


def test_the_python_that_it_is_for_is_looked_for(tmp_path, monkeypatch):
    other = "3.12" if PYTHON != "3.12" else "3.13"
    write(tmp_path, "env/pyvenv.cfg", f"home = /gone\nversion = {other}.1\n")
    (tmp_path / f"env/lib/python{other}/site-packages").mkdir(parents=True)
    monkeypatch.setenv("PATH", str(tmp_path / "bin"))
    told = [f"Python =={other}.*, which is not here"]
    assert what_is_left(came(tmp_path, "env")) == told
    assert spec(tmp_path)["core"] == {"python": PYTHON}
    (tmp_path / "site/envc.toml").unlink()
    python = write(tmp_path, f"bin/python{other}", "")
    python.chmod(0o755)
    assert what_is_left(came(tmp_path, "env")) == []
    assert spec(tmp_path)["core"] == {"python": other, "interpreter": str(python)}


def test_what_needs_a_build_permits_builds(tmp_path):
    write(tmp_path, "requirements.txt", "x @ git+https://x.example/x.git@main\n--no-binary y\ny\n")
    came(tmp_path, "requirements.txt")
    assert spec(tmp_path)["resolver"] == {"no-build": False, "no-binary": ["y"]}
