"""Requirements that name a file, a folder or a repository instead of a release."""

import os
import shutil
import subprocess
import tarfile
import tomllib
from dataclasses import replace
from pathlib import Path

import pytest

from envc.disk.untar import untar
from support.index_server import IndexServer
from support.sdists import Sdist
from support.sites import SiteFolder, over_wheels, python
from support.wheels import Recipe, sha256_of

pytestmark = pytest.mark.slow  # most of them build

SPEC = over_wheels("""\
[layer.user]
requires = ["REQUIREMENT"]

[resolver]
no-build = false
""")

LARK = Recipe(name="lark", version="1.0", requires=["six"], files={"lark.py": "origin = 1\n"})


@pytest.fixture
def site(tmp_path, recipes):
    return SiteFolder(tmp_path / "world", recipes).write(SPEC)


def asking(site: SiteFolder, requirement: str) -> SiteFolder:
    site.edit("REQUIREMENT", requirement)
    return site


def package_of(site: SiteFolder, name: str = "lark"):
    packages = tomllib.loads(site.lock_text("user"))["packages"]
    return next(package for package in packages if package["name"] == name)


def builds_of(site: SiteFolder):
    return tomllib.loads(site.lock_text("user"))["tool"]["envc"].get("builds", [])


def unpacked(recipe: Recipe, folder: Path) -> Path:
    """The recipe's source distribution as a folder."""
    path = Sdist(recipe).build(folder.parent / "archives")
    with tarfile.open(path) as archive:
        folder.mkdir(parents=True, exist_ok=True)
        untar(archive, str(folder), 1 << 20)
    (found,) = folder.iterdir()
    return found


def test_a_wheel_by_its_path(site):
    wheel = LARK.build(site.folder / "vendor")
    asking(site, f"lark @ ./vendor/{wheel.name}").done("lock")
    (locked,) = package_of(site)["wheels"]
    assert (locked["path"], "index" in package_of(site)) == (f"vendor/{wheel.name}", False)
    assert locked["hashes"]["sha256"] == sha256_of(wheel)
    assert builds_of(site) == []
    site.materialize()
    assert python(site.target / "user", "import lark, six; print(lark.origin)") == "1"
    assert site.done("lock", "--json").json["changed"] is False


@pytest.mark.parametrize("policy", ["disallow", "explicit"])
def test_who_names_a_wheel_has_chosen_its_version(site, policy):
    wheel = replace(LARK, version="1.1.dev3").build(site.folder / "vendor")
    site.edit("no-build = false", f'prereleases = "{policy}"')
    asking(site, f"lark @ ./vendor/{wheel.name}").done("lock")
    assert package_of(site)["version"] == "1.1.dev3"
    assert site.done("why", "lark", "--json").json["version"] == "1.1.dev3"


def test_a_wheel_by_its_file_url_keeps_extras_and_marker(site, tmp_path):
    recipe = replace(LARK, requires=["six; extra == 'more'"], extras=["more"])
    wheel = recipe.build(tmp_path / "elsewhere")
    asking(site, f"lark[more] @ file://{wheel} ; python_version > '3'").done("lock")
    assert {p["name"] for p in tomllib.loads(site.lock_text("user"))["packages"]} == {"lark", "six"}
    assert package_of(site)["wheels"][0]["path"] == str(wheel)


def test_a_source_distribution_by_its_path_is_built(site):
    sdist = Sdist(LARK).build(site.folder / "vendor")
    asking(site, f"lark @ ./vendor/{sdist.name}").done("lock")
    (build,) = builds_of(site)
    assert build["source"] == f"vendor/{sdist.name}"
    assert build["source-digest"] == f"sha256:{sha256_of(sdist)}"
    site.materialize()
    assert python(site.target / "user", "import lark; print(lark.origin)") == "1"


def test_a_folder_is_built(site):
    unpacked(LARK, site.folder / "vendor").rename(site.folder / "lark")
    asking(site, "lark @ ./lark").done("lock")
    (build,) = builds_of(site)
    assert (build["source"], "requested" in build) == ("lark", False)
    text = site.lock_text("user")
    assert site.done("lock", "--upgrade", "--json").json["changed"] is False
    backend = site.folder / "lark/backend.py"
    backend.write_text(backend.read_text().replace("origin = 1", "origin = 2"))
    assert site.envc("lock", "--check").status == 1
    assert site.envc("materialize", "--target", site.target).stderr == (
        "error: the lock of layer user is stale: a file or folder that envc.toml names has changed "
        "since\n"
        "   at: pylock.user.toml\n"
        " help: write it anew with `envc lock`\n"
    )
    (old,) = wheelhouse(site)
    report = site.done("lock", "--json").json
    assert (report["changed"], report["removed"]) == (True, [old])
    assert site.lock_text("user") != text
    assert site.done("lock", "--json").json["changed"] is False
    shutil.rmtree(site.folder / "lark")  # nobody can tell any more; the lock has what it was
    assert site.done("lock", "--json").json["changed"] is False


def test_what_no_build_is_given_does_not_make_a_lock_stale(site):
    folder = unpacked(LARK, site.folder / "vendor").rename(site.folder / "lark")
    asking(site, "lark @ ./lark").done("lock")
    for name in (".tox", ".nox", ".hg", ".git", "__pycache__"):
        (folder / name).mkdir()
        (folder / name / "state").write_text("of a tool")
    (folder / ".venv").write_text("a file that names a folder")
    assert site.envc("lock", "--check").status == 0


def test_a_wheel_that_has_changed_is_locked_anew(site):
    wheel = LARK.build(site.folder / "vendor")
    asking(site, f"lark @ ./vendor/{wheel.name}").done("lock")
    assert site.done("lock", "--json").json["changed"] is False
    replace(LARK, files={"lark.py": "origin = 2\n"}).build(site.folder / "vendor")
    assert site.done("lock", "--json").json["changed"] is True
    assert package_of(site)["wheels"][0]["hashes"]["sha256"] == sha256_of(wheel)


def test_a_changed_folder_of_an_overlay_is_noticed(site):
    asking(site, "six").done("lock")
    unpacked(LARK, site.folder / "vendor").rename(site.folder / "overlays-lark")
    spec = site.overlay("alice", 'requires = ["lark @ ../overlays-lark"]')
    site.done("lock", "--overlay", spec)
    assert codes_of(site, spec) == []
    backend = site.folder / "overlays-lark/backend.py"
    backend.write_text(backend.read_text().replace("origin = 1", "origin = 2"))
    assert codes_of(site, spec) == ["ENVC410"]  # the lock is stale, and a check builds nothing
    assert site.done("lock", "--overlay", spec, "--json").json["changed"] is True


def codes_of(site: SiteFolder, spec: Path) -> list[str]:
    (verdict,) = site.envc("check", spec, "--json").json["overlays"]
    return [finding["code"] for finding in verdict["findings"]]


def wheelhouse(site: SiteFolder) -> list[str]:
    found = (site.folder / "wheelhouse").glob("*/*")
    return sorted(str(path.relative_to(site.folder)) for path in found)


def test_the_wheelhouse_loses_what_no_lock_names(site):
    folder = unpacked(LARK, site.folder / "vendor").rename(site.folder / "lark")
    asking(site, "lark @ ./lark").done("lock")
    (old,) = wheelhouse(site)
    (site.folder / "wheelhouse/README").write_text("ours")
    (site.folder / "wheelhouse/mine").mkdir()
    (site.folder / "wheelhouse/mine/lark-1.0-py3-none-any.whl").touch()
    (site.folder / "pylock.of-another-tool.toml").write_text(f'path = "{old}" but torn [')
    backend = folder / "backend.py"
    backend.write_text(backend.read_text().replace("origin = 1", "origin = 2"))
    site.done("lock")
    others = ["wheelhouse/mine/lark-1.0-py3-none-any.whl"]
    (new,) = set(wheelhouse(site)) - {old, *others}
    (site.folder / "pylock.of-another-tool.toml").unlink()
    up_to_date = "user: up to date, 2 pins (pylock.user.toml)\n  built lark-1.0-py3-none-any.whl\n"
    assert site.done("lock", "--check").stderr == up_to_date
    assert wheelhouse(site) == sorted([old, new, *others])
    assert site.done("lock").stderr == f"{up_to_date}removed {old}: no lock names it\n"
    assert wheelhouse(site) == sorted([new, *others])
    assert (site.folder / "wheelhouse/README").read_text() == "ours"


APP = Recipe(name="app", version="2.0", files={"app.py": ""})


def test_the_url_of_a_release_is_taken_where_the_spec_names_it_too(site, tmp_path):
    """uv takes no URL from a release either, unless it is the spec's own."""
    house, listed = tmp_path / "house", tmp_path / "listed"
    wheel, other = LARK.build(house), replace(LARK, version="2.0").build(house)
    with IndexServer(house) as server:
        url = f"http://{server.host}/files/{wheel.name}"
        replace(APP, requires=[f"lark @ {url}"]).build(listed)
        six = Recipe(name="six", version="1.0", files={"six.py": ""})
        six.build(listed)
        site.edit('path = "wheels"', f'path = "{listed}"')
        site.edit('"REQUIREMENT"', f'"app", "lark @ {url}"')
        site.done("lock")
        assert package_of(site)["wheels"][0]["url"] == url
        assert f"app 2.0 requires lark @ {url}" in site.done("why", "lark").stdout
        site.edit(f"lark @ {url}", f"lark @ {url.replace(wheel.name, other.name)}")
        answer = site.envc("lock")
    assert answer.status == 3
    assert (
        "only a line of a spec may name the URL of lark, and none names that one" in answer.stderr
    )


def test_nothing_is_built_unless_the_site_says_so(site):
    (site.folder / "lark").mkdir()
    asking(site, "lark @ ./lark").edit("no-build = false", "")
    answer = site.envc("lock")
    assert (answer.status, answer.stderr) == (
        2,
        (
            "error: lark would have to be built, and the site does not allow it\n"
            "   at: envc.toml:14 (layer.user.requires[0])\n"
            ' help: name a wheel, or have the site say no-build = false (or ["…"]) in [resolver]\n'
        ),
    )


def test_a_wheel_and_a_source_distribution_by_their_urls(site, tmp_path):
    wheel = LARK.build(tmp_path / "house")
    owl = Sdist(replace(LARK, name="owl", files={"owl.py": ""})).build(tmp_path / "house")
    with IndexServer(tmp_path / "house") as server:
        base = f"http://{server.host}/files"
        site.edit('"REQUIREMENT"', f'"lark @ {base}/{wheel.name}", "owl @ {base}/{owl.name}"')
        site.done("lock")
        (locked,) = package_of(site)["wheels"]
        assert (locked["url"], locked["size"]) == (f"{base}/{wheel.name}", wheel.stat().st_size)
        assert builds_of(site)[0]["source"] == f"{base}/{owl.name}"
        text = site.lock_text("user")
        site.materialize()
    (site.folder / "pylock.user.toml").unlink()
    answer = site.envc("lock", "--offline")
    assert answer.status == 4  # what a URL leads to is for the lock to say, and there is none
    (site.folder / "pylock.user.toml").write_text(text)
    assert (
        site.done("lock", "--offline", "--upgrade-package", "six", "--json").json["changed"]
        is False
    )


def test_a_url_whose_digest_is_another(site, tmp_path):
    wheel = LARK.build(tmp_path / "house")
    with IndexServer(tmp_path / "house") as server:
        url = f"http://{server.host}/files/{wheel.name}"
        asking(site, f"lark @ {url}#sha256={'0' * 64}")
        answer = site.envc("lock")
    assert answer.status == 5
    assert f"expected sha256:{'0' * 64}, got sha256:{sha256_of(wheel)}" in answer.stderr


def git(folder: Path, *words: str) -> str:
    environment = {
        **os.environ,
        **{
            f"GIT_{who}_{what}": "a@b"
            for who in ("AUTHOR", "COMMITTER")
            for what in ("NAME", "EMAIL")
        },
        "GIT_CONFIG_GLOBAL": os.devnull,
    }
    command = ["git", "-C", str(folder), *words]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
    return done.stdout.strip()


@pytest.fixture
def repository(tmp_path):
    """A repository with lark in a folder below it; its branch is `main`, its tag `v1`."""
    if shutil.which("git") is None:
        pytest.skip("git is not here")
    folder = tmp_path / "repository"
    folder.mkdir()
    git(folder, "init", "-q", "-b", "main")
    unpacked(LARK, tmp_path / "unpacked").rename(folder / "python")
    git(folder, "add", ".")
    git(folder, "commit", "-q", "-m", "one")
    git(folder, "tag", "v1")
    return folder


def go_on(repository: Path) -> str:
    """A further commit on the branch; its name."""
    later = unpacked(replace(LARK, files={"lark.py": "origin = 2\n"}), repository.parent / "later")
    shutil.copy(later / "backend.py", repository / "python")
    git(repository, "commit", "-q", "-a", "-m", "two")
    return git(repository, "rev-parse", "HEAD")


def test_a_branch_stays_at_its_commit_until_it_may_move(site, repository):
    first = git(repository, "rev-parse", "HEAD")
    url = f"file://{repository}"
    asking(site, f"lark @ git+{url}@main#subdirectory=python").done("lock")
    (build,) = builds_of(site)
    assert build["source"] == f"git+{url}@{first}#subdirectory=python"
    assert build["requested"] == f"{url}@main#subdirectory=python"
    text = site.lock_text("user")
    second = go_on(repository)
    site.done("lock", "--upgrade-package", "six")
    assert site.lock_text("user") == text
    site.done("lock", "--upgrade-package", "lark")
    assert builds_of(site)[0]["source"] == f"git+{url}@{second}#subdirectory=python"
    site.materialize()
    assert python(site.target / "user", "import lark; print(lark.origin)") == "2"


@pytest.mark.parametrize("reference", ["@v1", ""])
def test_a_tag_and_the_default_branch(site, repository, reference):
    first = git(repository, "rev-parse", "HEAD")
    second = go_on(repository)
    asking(site, f"lark @ git+file://{repository}{reference}#subdirectory=python").done("lock")
    expected = first if reference else second
    assert f"@{expected}#" in builds_of(site)[0]["source"]
    shutil.rmtree(repository)
    text = site.lock_text("user")
    shutil.rmtree(site.folder / "wheelhouse")
    site.done("lock", "--offline")
    assert site.lock_text("user") == text


def test_a_reference_that_is_not_there(site, repository):
    asking(site, f"lark @ git+file://{repository}@v9")
    answer = site.envc("lock")
    assert (answer.status, answer.stderr) == (
        2,
        (
            "error: the repository has no v9\n"
            f"   at: file://{repository}\n"
            " help: name a branch, a tag or a commit of it\n"
        ),
    )


def test_a_repository_that_is_not_there_tells_no_secret(site, tmp_path):
    asking(site, "lark @ git+http://ann:s3cret@127.0.0.1:9/lark.git@main")
    for words in ((), ("-vv",), ("--json",)):
        answer = site.envc("lock", *words)
        assert answer.status == 4
        assert "http://127.0.0.1:9/lark.git" in answer.stderr
        assert "s3cret" not in answer.stdout + answer.stderr


@pytest.mark.parametrize(
    ("requirement", "reason"),
    [
        (
            "lark @ ftp://host/lark-1.0-py3-none-any.whl",
            "ftp://host/lark-1.0-py3-none-any.whl is nothing that envc can install",
        ),
        ("lark @ ./nothing.whl", "there is no {folder}/nothing.whl"),
        ("owl @ ./lark-1.0-py3-none-any.whl", "lark-1.0-py3-none-any.whl is of project lark"),
        ("lark @ ./README", "'README' is the name of neither a wheel nor a source distribution"),
    ],
)
def test_what_names_nothing_that_can_be_installed(site, requirement, reason):
    LARK.build(site.folder)
    (site.folder / "README").touch()
    answer = asking(site, requirement).envc("lock")
    assert (answer.status, answer.stderr) == (
        2,
        (
            f"error: {requirement.split()[0]} cannot be had as it is asked for: "
            f"{reason.format(folder=site.folder)}\n"
            "   at: envc.toml:14 (layer.user.requires[0])\n"
            " help: name a wheel, a source distribution, a folder, or a repository as "
            "git+https://…\n"
        ),
    )


def test_only_requirements_may_name_a_url(site):
    asking(site, "six")
    site.edit("requires =", 'constraints = ["six @ ./six"]\nrequires =')
    answer = site.envc("lock")
    assert (answer.status, answer.stderr) == (
        2,
        (
            "error: 'six @ ./six' names a URL, which only `requires` may\n"
            "   at: envc.toml:14 (layer.user.constraints[0])\n"
            " help: correct it\n"
        ),
    )


def test_an_overlay_replaces_what_its_base_has_by_a_wheel_of_the_same_version(site, tmp_path):
    asking(site, "six").done("lock")
    wheel = Recipe(name="six", version="1.17.0", files={"six.py": "mine = 1\n"}).build(
        site.folder / "overlays"
    )
    site.overlay("alice", f'requires = ["six @ ./{wheel.name}"]')
    answer = site.done("lock", "--overlay", "overlays/alice.toml")
    assert answer.stderr == ("alice: locked, 1 pin (overlays/pylock.alice.toml)\n  replaces six\n")
    site.edit("[layer.user]", '[overlays]\nshadow = "never"\n\n[layer.user]')
    answer = site.envc("lock", "--overlay", "overlays/alice.toml")
    assert answer.status == 3
    assert "would replace six 1.17.0 of layer user" in answer.stderr


def test_a_check_takes_no_release_of_an_index_for_what_a_url_names(site):
    asking(site, "numpy").done("lock")
    Recipe(name="six", version="9.0").build(site.folder / "overlays")
    site.overlay("alice", 'requires = ["six @ ./six-9.0-py3-none-any.whl"]')
    site.edit("[layer.user]", '[overlays]\nspecs = ["overlays/*.toml"]\n\n[layer.user]')
    (overlay,) = site.envc("check", "--json").json["overlays"]
    (finding,) = [found for found in overlay["findings"] if found["severity"] == "error"]
    assert finding["message"] == (
        "six is named by a URL: what it contains shows only when it is built, and a check builds "
        "nothing"
    )
    site.done("lock", "--overlay", "overlays/alice.toml")
    (overlay,) = site.done("check", "--json").json["overlays"]
    assert (overlay["ok"], overlay["adds"]) == (True, ["six"])
