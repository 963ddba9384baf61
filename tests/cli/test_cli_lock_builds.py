"""Projects without wheels: built once where the site is locked, and carried beside the lock."""

import os
import shutil
import tomllib
import zipfile
from dataclasses import replace
from pathlib import Path

import pytest

from support.backends import build_system
from support.sdists import Sdist, write_tar
from support.sites import PYTHON, PYTHON_FULL, SiteFolder, over_wheels, python
from support.wheels import Recipe, sha256_of

pytestmark = pytest.mark.slow  # most of them make a virtual environment

SPEC = over_wheels("""\
[layer.user]
requires = ["lark"]

[resolver]
no-build = false
""")

# What a backend of a test begins with; `MAKE` writes a wheel with one module of that text.
MAKE = """\
import os, sys, zipfile

def make(folder, text, requires=""):
    name = "lark-1.0-py3-none-any.whl"
    info = "lark-1.0.dist-info"
    members = {
        "lark.py": text,
        f"{info}/METADATA": f"Metadata-Version: 2.1\\nName: lark\\nVersion: 1.0\\n{requires}",
        f"{info}/WHEEL": "Wheel-Version: 1.0\\nRoot-Is-Purelib: true\\nTag: py3-none-any\\n",
        f"{info}/RECORD": "",
    }
    with zipfile.ZipFile(os.path.join(folder, name), "w") as archive:
        for path, content in members.items():
            archive.writestr(zipfile.ZipInfo(path, (1980, 1, 1, 0, 0, 0)), content)
    return name
"""


@pytest.fixture
def site(tmp_path, recipes):
    """A site that may build, over a folder that the test may write to."""
    house = tmp_path / "house"
    shutil.copytree(recipes, house)
    return SiteFolder(tmp_path / "world", house).write(SPEC)


def archive(house: Path, files):
    """Write lark's source distribution with these files."""
    members = {f"lark-1.0/{path}": text.encode() for path, text in files.items()}
    return write_tar(house / "lark-1.0.tar.gz", members)


def with_backend(house: Path, backend: str, requires: str = ""):
    """Write lark's source distribution, whose backend is `MAKE` and this."""
    files = {"backend.py": MAKE + backend, "pyproject.toml": build_system(requires)}
    return archive(house, files)


LARK = Recipe(name="lark", version="1.0", requires=["six"])


def wheel_of(site: SiteFolder) -> Path:
    (path,) = (site.folder / "wheelhouse").glob("*/*.whl")
    return path


def test_a_source_distribution_becomes_a_wheel_beside_the_lock(site):
    sdist = Sdist(LARK).build(site.wheels)
    answer = site.done("lock")
    assert answer.stderr == (
        "user: locked, 2 pins (pylock.user.toml)\n  built lark-1.0-py3-none-any.whl\n"
    )
    lock = tomllib.loads(site.lock_text("user"))
    (wheel,) = lock["packages"][0]["wheels"]
    digest = sha256_of(wheel_of(site))
    assert wheel["hashes"]["sha256"] == digest
    assert wheel["path"] == f"wheelhouse/{digest[:16]}/lark-1.0-py3-none-any.whl"
    assert lock["tool"]["envc"]["builds"] == [
        {
            "wheel": "lark-1.0-py3-none-any.whl",
            "wheel-digest": f"sha256:{digest}",
            "source": "wheels/lark-1.0.tar.gz",
            "source-digest": f"sha256:{sha256_of(sdist)}",
            "requires": [],
            "python-full": PYTHON_FULL,
        }
    ]
    site.materialize()
    tree = site.target / "user"
    assert python(tree, "import lark, six; print(lark.__version__)") == "1.0"


def test_a_second_lock_builds_nothing(site):
    Sdist(LARK).build(site.wheels)
    first = site.done("lock", "--json").json
    text, built = site.lock_text("user"), first["layers"]["user"]["built"]
    assert (first["changed"], built) == (True, ["lark-1.0-py3-none-any.whl"])
    shutil.rmtree(f"{os.environ['ENVC_CACHE_DIR']}/builds-v1")
    for words in ([], ["--check"], ["--upgrade"]):
        report = site.done("lock", "--json", *words).json
        assert (report["changed"], report["layers"]["user"]["built"]) == (False, built)
    assert site.lock_text("user") == text
    assert not Path(os.environ["ENVC_CACHE_DIR"], "builds-v1").exists()


@pytest.mark.parametrize("cache", ["kept", "lost"])
def test_a_wheel_that_was_lost_is_there_again(site, cache):
    Sdist(LARK).build(site.wheels)
    site.done("lock")
    path, text = wheel_of(site), site.lock_text("user")
    shutil.rmtree(site.folder / "wheelhouse")
    if cache == "lost":
        shutil.rmtree(f"{os.environ['ENVC_CACHE_DIR']}/builds-v1")
    assert site.done("lock").stderr.startswith("user: up to date")
    assert (wheel_of(site), site.lock_text("user")) == (path, text)


def test_check_builds_but_writes_nothing(site):
    Sdist(LARK).build(site.wheels)
    assert site.envc("lock", "--check").status == 1
    assert sorted(os.listdir(site.folder)) == ["envc.toml", "wheels"]


def test_a_layer_above_sees_what_the_built_wheel_requires(site):
    Sdist(LARK).build(site.wheels)
    site.edit("[resolver]", '[layer.top]\nbase = "user"\nrequires = ["report"]\n\n[resolver]')
    report = site.done("lock", "--json").json
    assert report["layers"]["top"]["pins"] == {"report": "1.0"}
    site.overlay("alice", 'requires = ["polars"]', base="top")
    site.done("lock", "--overlay", "overlays/alice.toml")


def test_an_overlay_carries_its_own_wheels(site, tmp_path):
    site.edit('"lark"', '"six"')
    Sdist(LARK).build(site.wheels)
    site.done("lock")
    site.overlay("alice", 'requires = ["lark"]')
    site.done("lock", "--overlay", "overlays/alice.toml")
    (path,) = (site.folder / "overlays/wheelhouse").glob("*/*.whl")
    assert path.name == "lark-1.0-py3-none-any.whl"
    site.materialize()
    folder = tmp_path / "alice"
    folder.mkdir()
    shutil.copy(site.folder / "overlays/alice.toml", folder / "overlay.toml")
    site.done("overlay", "sync", "--dir", folder, "--target", site.target)
    assert python(folder, "import lark; print(lark.__version__)") == "1.0"


def test_nothing_is_built_unless_the_site_says_so(site):
    Sdist(LARK).build(site.wheels)
    site.edit("no-build = false", "")
    answer = site.envc("lock")
    assert answer.status == 3
    assert "builds are not allowed" in answer.stderr
    site.edit("[resolver]", '[resolver]\nno-build = ["Lark"]')
    assert site.envc("lock").status == 3
    site.edit('["Lark"]', '["six"]')
    site.done("lock")


def test_a_wheel_of_the_index_is_taken_unless_the_site_wants_none(site):
    recipe = replace(LARK, files={"lark.py": "origin = 'index'"})
    recipe.build(site.wheels)
    Sdist(replace(recipe, files={"lark.py": "origin = 'source'"})).build(site.wheels)
    assert site.done("lock", "--json").json["layers"]["user"]["built"] == []
    site.edit("no-build = false", 'no-build = false\nno-binary = ["lark"]')
    assert site.done("lock", "--json").json["layers"]["user"]["built"] == [recipe.filename]


def test_metadata_that_only_the_backend_knows(site):
    with_backend(
        site.wheels,
        "def prepare_metadata_for_build_wheel(folder, config_settings=None):\n"
        "    os.mkdir(os.path.join(folder, 'lark-1.0.dist-info'))\n"
        "    with open(os.path.join(folder, 'lark-1.0.dist-info', 'METADATA'), 'w') as file:\n"
        "        file.write('Metadata-Version: 2.1\\nName: lark\\nVersion: 1.0\\n'\n"
        "                   'Requires-Dist: six\\n')\n"
        "    return 'lark-1.0.dist-info'\n"
        "def build_wheel(folder, config_settings=None, metadata_directory=None):\n"
        "    return make(folder, '', 'Requires-Dist: six\\n')\n",
    )
    assert set(site.done("lock", "--json").json["layers"]["user"]["pins"]) == {"lark", "six"}


def test_metadata_that_only_a_build_tells(site):
    with_backend(
        site.wheels,
        "def build_wheel(folder, config_settings=None, metadata_directory=None):\n"
        "    return make(folder, '', 'Requires-Dist: six\\n')\n",
    )
    assert set(site.done("lock", "--json").json["layers"]["user"]["pins"]) == {"lark", "six"}


def test_a_build_gets_what_it_requires_from_the_sites_indexes(site):
    Recipe(name="tool", version="1.0").build(site.wheels)
    Recipe(name="tool", version="2.0").build(site.wheels)
    Recipe(name="gear", version="1.0", requires=["six"]).build(site.wheels)
    with_backend(
        site.wheels,
        "import tool\n"
        "def get_requires_for_build_wheel(config_settings=None):\n"
        "    return ['gear']\n"
        "def build_wheel(folder, config_settings=None, metadata_directory=None):\n"
        "    import gear, six\n"
        "    return make(folder, f'tool = {tool.__version__!r}')\n",
        requires='"tool<2"',
    )
    site.done("lock")
    (build,) = tomllib.loads(site.lock_text("user"))["tool"]["envc"]["builds"]
    assert build["requires"] == ["gear==1.0", "six==1.17.0", "tool==1.0"]


TOOL = """\
import os, zipfile

def build_wheel(folder, config_settings=None, metadata_directory=None):
{imports}
    with open({log!r}, "a") as log:
        log.write("{name}\\n")
    name = "{name}-1.0-py3-none-any.whl"
    info = "{name}-1.0.dist-info"
    members = {{
        "{name}.py": "",
        f"{{info}}/METADATA": "Metadata-Version: 2.1\\nName: {name}\\nVersion: 1.0\\n",
        f"{{info}}/WHEEL": "Wheel-Version: 1.0\\nRoot-Is-Purelib: true\\nTag: py3-none-any\\n",
        f"{{info}}/RECORD": "",
    }}
    with zipfile.ZipFile(os.path.join(folder, name), "w") as archive:
        for path, content in members.items():
            archive.writestr(zipfile.ZipInfo(path, (1980, 1, 1, 0, 0, 0)), content)
    return name
"""


def tool(house: Path, log: Path, name: str, *needs: str, stated: bool = True):
    """A tool without a wheel, which needs others when it is built; it notes that in `log`."""
    imports = "\n".join(f"    import {need}" for need in needs) or "    pass"
    info = f"Metadata-Version: 2.2\nName: {name}\nVersion: 1.0\n"
    files = {
        "PKG-INFO": info if stated else f"{info}Dynamic: Requires-Dist\n",
        "backend.py": TOOL.format(name=name, imports=imports, log=str(log)),
        "pyproject.toml": build_system(", ".join(f'"{need}"' for need in needs)),
    }
    members = {f"{name}-1.0/{path}": text.encode() for path, text in files.items()}
    write_tar(house / f"{name}-1.0.tar.gz", members)


@pytest.mark.parametrize("stated", [True, False], ids=["stated", "only-a-build-tells"])
def test_what_a_build_requires_is_built_as_well_each_once(site, tmp_path, stated):
    log = tmp_path / "log"
    tool(site.wheels, log, "cog", stated=stated)
    tool(site.wheels, log, "gear", "cog", stated=stated)
    tool(site.wheels, log, "lark", "gear", "cog", stated=stated)
    site.done("lock")
    assert log.read_text().splitlines() == ["cog", "gear", "lark"]
    (build,) = tomllib.loads(site.lock_text("user"))["tool"]["envc"]["builds"]
    assert build["requires"] == ["cog==1.0", "gear==1.0"]


def test_builds_that_need_each_other_have_no_end(site, tmp_path):
    tool(site.wheels, tmp_path / "log", "gear", "lark")
    tool(site.wheels, tmp_path / "log", "lark", "gear")
    answer = site.envc("lock")
    assert (answer.status, answer.stderr) == (
        4,
        (
            "error: lark 1.0 cannot be built: builds that need each other have no end: lark 1.0 → "
            "gear 1.0 → lark 1.0\n"
            "   at: lark 1.0\n"
            " help: have an index, or a folder of wheels, offer a wheel of one of them\n"
        ),
    )


def test_builds_wait_for_no_more_than_some_others(site, tmp_path):
    for number in range(12):
        tool(site.wheels, tmp_path / "log", f"t{number}", f"t{number + 1}")
    tool(site.wheels, tmp_path / "log", "lark", "t0")
    answer = site.envc("lock")
    assert answer.status == 4
    assert "cannot be built: builds that need each other have no end: " in answer.stderr


def test_a_build_sees_no_secret_and_none_of_the_persons_folders(site, monkeypatch):
    monkeypatch.setenv("ENVC_INDEX_SITE_PASSWORD", "s3cret")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "s3cret")
    monkeypatch.setenv("PYTHONPATH", str(site.root))
    monkeypatch.setenv("CC", "a-compiler")
    monkeypatch.setenv("CFLAGS", "-O3")
    with_backend(
        site.wheels,
        "def build_wheel(folder, config_settings=None, metadata_directory=None):\n"
        "    names = sorted(os.environ)\n"
        "    kept = [os.environ[n] for n in ('CC', 'SOURCE_DATE_EPOCH', 'TZ')]\n"
        "    kept.append(os.environ['CFLAGS'].split()[0])\n"
        "    return make(folder, repr([names, os.environ['HOME'], kept, oct(os.umask(0))]))\n",
    )
    previous = os.umask(0o077)
    try:
        site.done("lock")
    finally:
        os.umask(previous)
    with zipfile.ZipFile(wheel_of(site)) as wheel:
        names, home, kept, umask = eval(wheel.read("lark.py"))
    assert not {"ENVC_INDEX_SITE_PASSWORD", "AWS_SECRET_ACCESS_KEY", "PYTHONPATH"} & set(names)
    assert home != os.environ["HOME"]
    assert (kept, umask) == (["a-compiler", "315532800", "UTC", "-O3"], "0o22")


def log_of() -> Path:
    (path,) = Path(os.environ["ENVC_CACHE_DIR"], "builds-v1").glob("*/log.txt")
    return path


FAILED = (
    " help: see the whole log; install what the build lacks, ask for a version that has wheels, "
    "or leave it out with no-build\n"
)


def test_a_build_that_fails_shows_the_end_of_its_log(site):
    with_backend(
        site.wheels,
        "def build_wheel(folder, config_settings=None, metadata_directory=None):\n"
        "    print(*(f'step {n}' for n in range(100)), sep='\\n', flush=True)\n"
        "    sys.exit('there is no compiler')\n",
    )
    answer = site.envc("lock")
    assert (answer.status, answer.stdout) == (4, "")
    steps = "".join(f"  step {number}\n" for number in range(89, 100))
    assert answer.stderr == (
        f"error: lark 1.0 cannot be built:\n{steps}  there is no compiler\n"
        f"   at: {log_of()}\n{FAILED}"
    )
    assert log_of().read_text().startswith("step 0\n")


def test_a_backend_that_is_not_there(site):
    archive(site.wheels, {"pyproject.toml": build_system()})
    answer = site.envc("lock")
    assert (answer.status, answer.stdout) == (4, "")
    assert answer.stderr.startswith(
        "error: lark 1.0 cannot be built:\n  the build backend cannot be imported\n"
    )
    assert answer.stderr.endswith(FAILED)


@pytest.mark.parametrize(
    ("requires", "expected"),
    [
        (
            '"nothing"',
            "error: no set of releases meets the requirements of the build of lark 1.0",
        ),
        (
            '"tool >"',
            (
                "error: lark 1.0 cannot be built: it requires 'tool >', which is no requirement\n"
                "   at: lark 1.0\n"
                " help: ask for a version that has wheels, or tell its authors\n"
            ),
        ),
        (
            "1",
            (
                "error: lark 1.0 cannot be built: its pyproject.toml is not one: "
                "[build-system] has no list `requires`, or keys of a wrong type\n"
                "   at: lark 1.0\n"
                " help: ask for a version that has wheels, or tell its authors\n"
            ),
        ),
    ],
)
def test_build_requirements_that_cannot_be_met(site, requires, expected):
    archive(site.wheels, {"pyproject.toml": build_system(requires)})
    answer = site.envc("lock")
    assert (answer.status, answer.stdout) == (4, "")
    assert answer.stderr.startswith(expected)


def test_a_wheel_of_another_project(site):
    with_backend(
        site.wheels,
        "def prepare_metadata_for_build_wheel(folder, config_settings=None):\n"
        "    os.mkdir(os.path.join(folder, 'x.dist-info'))\n"
        "    with open(os.path.join(folder, 'x.dist-info', 'METADATA'), 'w') as file:\n"
        "        file.write('Metadata-Version: 2.1\\nName: lark\\nVersion: 1.0\\n')\n"
        "    return 'x.dist-info'\n"
        "def build_wheel(folder, config_settings=None, metadata_directory=None):\n"
        "    os.rename(os.path.join(folder, make(folder, '')), os.path.join(folder, 'owl.whl'))\n"
        "    return 'owl.whl'\n",
    )
    answer = site.envc("lock")
    assert (answer.status, answer.stderr) == (
        4,
        (
            "error: lark 1.0 cannot be built: its backend wrote owl.whl\n"
            "   at: lark-1.0.tar.gz\n"
            " help: ask for a version that has wheels, or tell its authors\n"
        ),
    )


def test_a_wheel_that_does_not_fit_a_target(site):
    site.edit(
        "[layer.user]",
        f'[[target]]\nname = "mac"\nplatform = "macos-arm64"\npython-full = "{PYTHON_FULL}"\n\n'
        "[layer.user]",
    )
    with_backend(
        site.wheels,
        "def build_wheel(folder, config_settings=None, metadata_directory=None):\n"
        "    name = 'lark-1.0-py3-none-linux_x86_64.whl'\n"
        "    os.rename(os.path.join(folder, make(folder, '')), os.path.join(folder, name))\n"
        "    return name\n",
    )
    answer = site.envc("lock")
    assert (answer.status, answer.stderr) == (
        4,
        (
            "error: lark 1.0 has no wheel for target mac (macos-arm64, macos-14.0, "
            f"Python {PYTHON}), and the one that was built is lark-1.0-py3-none-linux_x86_64.whl\n"
            "   at: lark-1.0.tar.gz\n"
            " help: ask for a version that has wheels, or lock on a machine of that kind\n"
        ),
    )


def test_a_source_distribution_that_leaves_its_folder(site):
    info = b"Metadata-Version: 2.4\nName: lark\nVersion: 1.0\n"
    write_tar(site.wheels / "lark-1.0.tar.gz", {"lark-1.0/PKG-INFO": info, "../escaped": b"x"})
    answer = site.envc("lock")
    assert (answer.status, answer.stderr.splitlines()[0]) == (
        5,
        "error: lark-1.0.tar.gz is not a source distribution that can be unpacked: "
        "'../escaped' would be extracted to "
        + answer.stderr.partition("extracted to ")[2].splitlines()[0],
    )
    assert "which is outside the destination" in answer.stderr


def test_a_source_distribution_without_a_project(site):
    archive(site.wheels, {"README": "nothing"})
    answer = site.envc("lock")
    assert answer.status == 4
    assert answer.stderr.startswith(
        "error: lark 1.0 cannot be built: it has neither pyproject.toml nor setup.py\n"
    )
