"""A user's own project in an overlay, used where it stands."""

import json
import shutil
import subprocess
import tomllib
from dataclasses import replace

import pytest

from envc.sites.site import read_lock
from envc.supply.declared import outdated_editables
from support.projects import write_project
from support.sites import SITE_PACKAGES, envc, envc_process, python
from support.wheels import Recipe

pytestmark = pytest.mark.slow

MINE = Recipe(
    name="mine", version="1.0.dev1", requires=["theme"], console_scripts={"mine": "mine:main"}
)
TEXT = "value = 1\ndef main():\n    print(value)\n"


@pytest.fixture
def mine(tmp_path):
    return write_project(tmp_path / "src" / "mine", MINE, TEXT)


def test_edits_show_at_once_and_commands_are_there(alice, mine):
    answer = envc("overlay", "add", "-e", mine, "--dir", alice)
    assert answer.status == 0, answer.stderr
    assert "\n  adds mine, theme\n" in answer.stderr
    assert f"\n  mine is edited in {mine}\n" in answer.stderr
    command = [f"{alice}/bin/mine"]
    assert subprocess.run(command, capture_output=True, check=True).stdout == b"1\n"
    package = mine / "src" / "mine" / "__init__.py"
    package.write_text(TEXT.replace("1", "22"))
    assert subprocess.run(command, capture_output=True, check=True).stdout == b"22\n"
    assert python(alice, "import mine; print(mine.__file__)") == str(package)
    assert not list((alice / "store").rglob("mine/__init__.py"))


def test_what_other_tools_see_of_it(alice, mine):
    assert envc("overlay", "add", "-e", mine, "--dir", alice).status == 0
    (listed,) = (alice / "current" / SITE_PACKAGES).glob("mine-*.dist-info/RECORD")
    assert "/direct_url.json,sha256=" in listed.read_text()
    (record,) = (alice / "current" / SITE_PACKAGES).glob("mine-*.dist-info/direct_url.json")
    assert json.loads(record.read_text()) == {
        "url": f"file://{mine}",
        "dir_info": {"editable": True},
    }
    lock = tomllib.loads((alice / "pylock.alice.toml").read_text())
    (package,) = (each for each in lock["packages"] if each["name"] == "mine")
    assert package["directory"] == {"path": str(mine), "editable": True}
    assert not {"version", "wheels"} & set(package)
    assert package["dependencies"] == [{"name": "theme"}]


def test_with_nothing_changed_nothing_is_done(alice, mine):
    assert envc("overlay", "add", "-e", mine, "--dir", alice).status == 0
    lock = (alice / "pylock.alice.toml").read_bytes()
    answer = envc("overlay", "add", "-e", mine, "--dir", alice)
    assert answer.stderr.startswith("alice on user: unchanged: on generation 2\n")
    assert (alice / "pylock.alice.toml").read_bytes() == lock
    assert tomllib.loads((alice / "overlay.toml").read_text())["overlay"]["editable"] == [str(mine)]


def test_new_requirements_of_it_are_noticed(alice, mine):
    assert envc("overlay", "add", "-e", mine, "--dir", alice).status == 0
    write_project(mine, Recipe(name="mine", version="1.1", requires=["polars"]), TEXT)
    report = envc("overlay", "sync", "--dir", alice, "--json").json
    assert (report["adds"], report["shadows"]) == (["mine", "polars"], ["numpy"])
    assert report["editable"] == {"mine": str(mine)}


def test_it_replaces_a_project_of_the_base(alice, tmp_path):
    """The base's pin has the very version of the editable project, and is hidden all the same."""
    own = write_project(tmp_path / "six", Recipe(name="six", version="1.17.0"), "own = True\n")
    report = envc("overlay", "add", "-e", own, "--dir", alice, "--json").json
    assert (report["adds"], report["shadows"]) == ([], ["six"])
    assert python(alice, "import six; print(six.own)") == "True"


def test_where_nothing_may_be_replaced(warm, tmp_path):
    warm.edit("[overlays]", '[overlays]\nshadow = "never"')
    warm.materialize()
    own = write_project(tmp_path / "six", Recipe(name="six", version="1.17.0"), "")
    folder = tmp_path / "alice"
    assert envc("overlay", "init", "--dir", folder, "--target", warm.target).status == 0
    answer = envc("overlay", "add", "-e", own, "--dir", folder, "-q")
    assert (answer.status, answer.stderr) == (
        3,
        (
            f"error: {own} would replace six 1.17.0 of layer user, and overlays may replace "
            "nothing here\n"
            f"   at: {own} given on the command line\n"
            " help: remove the line, or ask the site's administrator to allow shadows\n"
        ),
    )


def test_it_is_removed_by_name_or_by_folder(alice, mine):
    for word in ("Mine", mine):
        assert envc("overlay", "add", "-e", mine, "--dir", alice).status == 0
        report = envc("overlay", "remove", word, "--dir", alice, "--json").json
        assert (report["adds"], report["editable"]) == ([], {})


def test_it_is_removed_as_it_was_added(alice, mine):
    for folder in (mine, "mine"):
        added = envc("overlay", "add", "-e", folder, "--dir", alice, cwd=mine.parent)
        assert added.status == 0, added.stderr
        words = ("overlay", "remove", "-e", folder, "--dir", alice, "--json")
        assert envc(*words, cwd=mine.parent).json["editable"] == {}
    answer = envc("overlay", "remove", "polars", "-e", "mine", "--dir", alice, cwd=mine.parent)
    assert answer.status == 2
    assert answer.stderr == (
        "error: the overlay has no requirement on polars\n"
        f"   at: {alice}/overlay.toml\n"
        " help: name a project of its `requires`\n"
        "error: the overlay has no project in ./mine\n"
        f"   at: {alice}/overlay.toml\n"
        " help: name a folder that stands in overlay.editable\n"
    )
    answer = envc("overlay", "remove", "--dir", alice)
    assert answer.status == 2
    assert answer.stderr == (
        "error: nothing to remove\n help: name a project, or a folder with -e\n"
    )


def test_a_home_is_written_as_such(alice, tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    mine = write_project(tmp_path / "mine", MINE, TEXT)
    assert envc("overlay", "add", "-e", ".", "--dir", alice, cwd=mine).status == 0
    assert 'editable = ["~/mine"]' in (alice / "overlay.toml").read_text()


def test_a_folder_without_a_project(alice, tmp_path):
    answer = envc("overlay", "add", "-e", tmp_path, "--dir", alice)
    assert (answer.status, answer.stderr) == (
        2,
        (
            f"error: {tmp_path} is no project: it has neither pyproject.toml nor setup.py\n"
            f"   at: {tmp_path} given on the command line\n"
            " help: name the folder of a project, or remove the line\n"
        ),
    )


def test_one_project_in_two_folders(alice, mine, tmp_path):
    other = write_project(tmp_path / "other", MINE, TEXT)
    answer = envc("overlay", "add", "-e", mine, "-e", other, "--dir", alice, "-q")
    assert (answer.status, answer.stderr) == (
        2,
        (
            f"error: {other} and {mine} are both mine\n"
            f"   at: {other} given on the command line\n"
            " help: remove one of them\n"
        ),
    )


def test_a_project_that_others_may_write_is_refused(alice, mine):
    mine.chmod(0o777)
    answer = envc("overlay", "add", "-e", mine, "--dir", alice)
    assert (answer.status, answer.stderr) == (
        2,
        (
            "error: everybody may write to this folder, and so could replace what is in it\n"
            f"   at: {mine}\n"
            f" help: take that right away (chmod o-w {mine}), or choose another folder\n"
        ),
    )


def test_a_lock_that_does_not_say_which_wheel(alice, mine):
    assert envc("overlay", "add", "-e", mine, "--dir", alice).status == 0
    path = alice / "pylock.alice.toml"
    text = path.read_text()
    size = next(line for line in text.splitlines() if line.startswith("size = "))
    path.write_text(text.replace(f"{size}\n", "", 1))
    answer = envc("overlay", "sync", "--dir", alice)
    assert (answer.status, answer.stderr) == (
        2,
        (
            "error: mine is an editable project, and this lock does not say which wheel leads "
            "to it\n"
            f"   at: {path} (packages[0].tool.envc)\n"
            " help: lock it with envc\n"
        ),
    )


def test_ci_judges_it_without_the_project(warm, tmp_path):
    """What is collected has the wheel that leads to the project, and needs nothing else of it."""
    warm.edit('specs = ["overlays/*.toml"]', 'specs = ["overlays/*/*/overlay.toml"]')
    warm.materialize()
    mine = write_project(tmp_path / "mine", MINE, TEXT)
    assert envc("overlay", "init", "plots", "--target", warm.target).status == 0
    (folder,) = warm.storage.glob("*/plots")
    assert envc("overlay", "add", "-e", mine, "--dir", folder).status == 0
    assert warm.done("overlay", "collect", "--json").json["overlays"][0]["locked"]
    shutil.rmtree(mine)
    shutil.rmtree(folder)
    (verdict,) = warm.done("check", "--json").json["overlays"]
    assert (verdict["ok"], verdict["adds"]) == (True, ["mine", "theme"])


def codes_of(answer) -> list[str]:
    (verdict,) = answer.json["overlays"]
    return [finding["code"] for finding in verdict["findings"]]


def test_what_it_declares_otherwise_by_now_is_named(warm, tmp_path):
    warm.materialize()
    assert envc("overlay", "init", "plots", "--target", warm.target).status == 0
    (folder,) = warm.storage.glob("*/plots")
    mine = write_project(tmp_path / "mine", MINE, TEXT)
    assert envc("overlay", "add", "-e", mine, "--dir", folder).status == 0
    run = ("run", "--overlay", folder, "--", "python", "-c", "import mine")
    answer = envc_process(*run, cwd=tmp_path)
    assert (answer.status, answer.stderr) == (0, "")
    listed = ("overlay", "list", "--target", warm.target, "--json")
    check = ("check", folder / "overlay.toml", "--json")
    assert codes_of(warm.done(*check)) == []

    changed = Recipe(name="mine", version="1.1", requires=["polars", "Theme"])
    write_project(mine, changed, TEXT)
    said = (
        f"mine in {mine} has changed since overlay plots was locked: it requires polars; is "
        "version 1.1"
    )
    sync = f"`envc overlay sync --dir {folder}`"
    answer = envc_process(*run, cwd=tmp_path)
    told = f"warning: {said}; {sync} locks and builds it anew\n"
    assert (answer.status, answer.stderr) == (0, told)
    (entry,) = envc(*listed).json["overlays"]
    assert (entry["state"], entry["why"]) == ("spec changed", f"{said}; run {sync}")
    answer = warm.envc(*check)
    (finding,) = answer.json["overlays"][0]["findings"]
    assert (answer.status, finding["code"], finding["message"], finding["mend"]) == (
        1,
        "ENVC410",
        said,
        f"lock it: envc lock --overlay {folder}/overlay.toml",
    )

    assert envc("overlay", "sync", "--dir", folder).status == 0
    assert (envc_process(*run, cwd=tmp_path).stderr, codes_of(warm.envc(*check))) == (
        "",
        ["ENVC203", "ENVC204"],
    )
    assert envc(*listed).json["overlays"][0]["state"] == "current"


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("['theme']", "['Theme==1.0']", ["requires Theme==1.0", "no longer requires theme"]),
        ("dependencies = ['theme']", "dynamic = ['dependencies']", []),
        ("dependencies = ['theme']", "", ["no longer requires theme"]),
        ("[project]", "[project]\nrequires-python = '>=3.9'", ["requires Python >=3.9"]),
        ('"1.0.dev1"', '"1.0.DEV1"', []),
        ("[project]", "[project", []),
    ],
)
def test_what_counts_as_declared_otherwise(alice, mine, old, new, said):
    assert envc("overlay", "add", "-e", mine, "--dir", alice).status == 0
    path = mine / "pyproject.toml"
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new))
    lock = read_lock(str(alice / "pylock.alice.toml"), "alice")
    found = outdated_editables(lock.lock, str(alice))
    assert [change for each in found for change in each.changes] == said


def test_a_base_that_moved_on_is_checked_with_the_wheel_of_the_lock(warm, tmp_path):
    """So CI judges an upgrade, though the project is not there and nothing is built."""
    mine = write_project(tmp_path / "mine", replace(MINE, requires=["theme", "numpy<2"]), TEXT)
    spec = warm.overlay("plots", f'editable = ["{mine}"]')
    warm.done("lock", "--overlay", spec)
    shutil.rmtree(mine)
    warm.edit('"pandas"', '"pandas", "notebook"')
    warm.done("lock")
    (verdict,) = warm.done("check", "--json").json["overlays"]
    assert (verdict["ok"], verdict["adds"]) == (True, ["mine", "theme"])
    assert [finding["code"] for finding in verdict["findings"]] == ["ENVC303"]
    warm.edit('"numpy<2"', '"numpy>=2"')
    warm.edit('"scipy==1.11.0"', '"scipy==1.14.0"')
    warm.done("lock")
    (verdict,) = warm.done("check", "--json").json["overlays"]
    assert (verdict["ok"], verdict["shadows"]) == (True, ["numpy"])


def test_it_is_locked_with_the_site(warm, tmp_path):
    warm.done("lock")
    mine = write_project(tmp_path / "mine", MINE, TEXT)
    spec = warm.overlay("plots", f'editable = ["{mine}"]')
    report = warm.done("lock", "--overlay", spec, "--json").json
    assert report["layers"]["plots"]["pins"] == {"mine": "1.0.dev1", "theme": "1.0"}
    assert warm.done("lock", "--overlay", spec, "--check", "--json").json["changed"] is False
    write_project(mine, Recipe(name="mine", version="2"), TEXT)
    assert warm.envc("lock", "--overlay", spec, "--check").status == 1


def test_its_development_version_is_no_prerelease_of_an_index(warm, tmp_path):
    with (warm.folder / "envc.toml").open("a") as spec:
        spec.write('[resolver]\nprereleases = "disallow"\n')
    warm.done("lock")
    mine = write_project(tmp_path / "mine", MINE, TEXT)
    path = warm.overlay("plots", f'editable = ["{mine}"]')
    report = warm.done("lock", "--overlay", path, "--json").json
    assert report["layers"]["plots"]["pins"] == {"mine": "1.0.dev1", "theme": "1.0"}
    assert warm.done("why", "mine", "--overlay", path, "--json").json["version"] == "1.0.dev1"


def test_an_overlay_on_it_sees_it(built, alice, mine, tmp_path):
    assert envc("overlay", "add", "-e", mine, "--dir", alice).status == 0
    bob = tmp_path / "bob"
    bob.mkdir()
    (bob / "overlay.toml").write_text(
        'version = 1\n[overlay]\nname = "bob"\nbase = "alice"\nbase-dir = "../alice"\n'
        'requires = ["notebook"]\n'
    )
    answer = envc("overlay", "sync", "--dir", bob, "--target", built.target)
    assert answer.status == 0, answer.stderr
    assert python(bob, "import mine; print(mine.__file__)") == f"{mine}/src/mine/__init__.py"
    done = subprocess.run([f"{bob}/bin/mine"], capture_output=True, text=True, check=False)
    assert done.stdout == "1\n", done.stderr


def test_a_project_that_cannot_be_built(alice, mine):
    (mine / "backend.py").write_text("def build_editable(*_):\n    raise SystemExit('no luck')\n")
    answer = envc("overlay", "add", "-e", mine, "--dir", alice, "-q")
    assert answer.status == 4
    assert answer.stderr.startswith("error: mine cannot be built:\n")
    assert "  no luck\n" in answer.stderr
    (mine / "backend.py").write_text("")
    answer = envc("overlay", "add", "-e", mine, "--dir", alice, "-q")
    assert answer.status == 4
    lines = answer.stderr.splitlines()
    assert lines[:2] == ["error: mine cannot be built:", "  HookMissing: build_editable"]
    assert lines[3] == (
        " help: see the whole log, and correct the project; its backend has to know PEP 660"
    )


def test_nothing_to_add(alice):
    answer = envc("overlay", "add", "--dir", alice)
    assert (answer.status, answer.stderr) == (
        2,
        "error: nothing to add\n help: name a requirement, or a folder with -e\n",
    )
