"""What an overlay's folder has lost: its spec is never replaced by an empty one, its pins stay."""

import os
import shutil
import subprocess
import tomllib
from pathlib import Path

import pytest

from support.sites import envc

pytestmark = pytest.mark.slow

VERBS = {
    "init": ("overlay", "init", "--dir"),
    "add": ("overlay", "add", "six", "--dir"),
    "remove": ("overlay", "remove", "theme", "--dir"),
    "sync": ("overlay", "sync", "--dir"),
    "upgrade": ("overlay", "upgrade", "--dir"),
    "adopt": ("overlay", "adopt", "--dir"),
    "pack": ("overlay", "pack", "--dir"),
    "pack-alone": ("overlay", "pack", "--alone", "--dir"),
    "stage": ("stage",),
    "shell": ("shell", "--overlay"),
}


@pytest.fixture(scope="module")
def template(built, tmp_path_factory):
    """An overlay with `theme`, in its second generation; to copy from."""
    folder = tmp_path_factory.mktemp("lost") / "alice"
    for words in (("init", "--target", built.target), ("add", "theme")):
        answer = envc("overlay", *words, "--dir", folder)
        assert answer.status == 0, answer.stderr
    return folder


@pytest.fixture
def alice(template, tmp_path):
    folder = tmp_path / "alice"
    shutil.copytree(template, folder, symlinks=True)
    return folder


def spec_of(folder: Path) -> Path:
    return folder / "overlay.toml"


def requires(folder: Path) -> list[str]:
    return tomllib.loads(spec_of(folder).read_text())["overlay"]["requires"]


def mend(folder: Path) -> str:
    copy = f"{folder}/generations/000002/site/overlay.toml"
    return f"install -m 644 {copy} {folder}/overlay.toml"


def lost(folder: Path, how: str) -> str:
    return (
        f"error: the overlay's spec {how}\n"
        f"   at: {folder}/overlay.toml\n"
        f" help: generation 2 was built from a copy of it: bring that back with `{mend(folder)}`\n"
    )


@pytest.mark.parametrize("words", VERBS.values(), ids=VERBS)
def test_no_command_goes_on_without_the_spec(alice, built, words, monkeypatch):
    monkeypatch.setenv("ENVC_TARGET", str(built.target))
    spec_of(alice).unlink()
    before = sorted(os.listdir(alice)), os.readlink(alice / "current")
    answer = envc(*words, alice)
    assert (answer.status, answer.stderr) == (2, lost(alice, "is missing"))
    assert (sorted(os.listdir(alice)), os.readlink(alice / "current")) == before


def test_run_makes_no_new_overlay_in_its_place(warm, monkeypatch):
    warm.materialize()
    monkeypatch.setenv("ENVC_TARGET", str(warm.target))
    folder = Path(envc("overlay", "init", "--json").json["folder"])
    spec_of(folder).rename(folder / "away")
    answer = envc("run", "--", "true")
    assert answer.status == 2
    assert "error: the overlay's spec is missing\n" in answer.stderr
    assert not spec_of(folder).exists()


def test_the_mend_works(alice):
    spec_of(alice).unlink()
    subprocess.run(mend(alice), shell=True, check=True)
    report = envc("overlay", "sync", "--dir", alice, "--json").json
    assert (report["changed"], report["adds"]) == (False, ["theme"])
    assert os.access(spec_of(alice), os.W_OK)


@pytest.mark.parametrize("text", ["", "\n"])
def test_a_spec_that_was_emptied(alice, text):
    spec_of(alice).write_text(text)
    answer = envc("overlay", "sync", "--dir", alice)
    assert (answer.status, answer.stderr) == (2, lost(alice, "is empty"))
    subprocess.run(mend(alice), shell=True, check=True)
    assert requires(alice) == ["theme"]


def test_a_spec_that_leads_nowhere(alice, tmp_path):
    spec_of(alice).unlink()
    spec_of(alice).symlink_to(tmp_path / "dotfiles/overlay.toml")
    answer = envc("overlay", "add", "six", "--dir", alice)
    how = f"leads to {tmp_path}/dotfiles/overlay.toml, which is not there"
    assert (answer.status, answer.stderr) == (2, lost(alice, how))
    subprocess.run(mend(alice), shell=True, check=True)
    assert requires(alice) == ["theme"]


def test_a_link_that_leads_nowhere_is_no_place_for_a_new_overlay(built, tmp_path):
    (tmp_path / "bob").mkdir()
    spec_of(tmp_path / "bob").symlink_to(tmp_path / "gone.toml")
    answer = envc("overlay", "init", "--dir", tmp_path / "bob", "--target", built.target)
    assert (answer.status, answer.stderr) == (
        2,
        (
            f"error: the overlay's spec leads to {tmp_path}/gone.toml, which is not there\n"
            f"   at: {tmp_path}/bob/overlay.toml\n"
            " help: bring back what it leads to, or remove it\n"
        ),
    )


def test_the_copy_of_the_current_generation_comes_first(alice):
    assert envc("rollback", "--target", alice).status == 0
    spec_of(alice).unlink()
    answer = envc("overlay", "sync", "--dir", alice)
    assert "generation 1 was built from a copy of it" in answer.stderr


def test_where_no_generation_has_a_copy(alice):
    spec_of(alice).unlink()
    for copy in alice.glob("generations/*/site/overlay.toml"):
        copy.unlink()
    answer = envc("overlay", "init", "--dir", alice)
    assert answer.status == 2
    assert answer.stderr.endswith(
        " help: no generation has a copy: write it anew, or choose another folder\n"
    )


def test_in_its_own_folder_it_is_still_the_one_that_is_meant(alice):
    spec_of(alice).unlink()
    answer = envc("overlay", "sync", cwd=alice)
    assert answer.status == 2
    assert "error: the overlay's spec is missing\n" in answer.stderr


def test_a_packed_overlay_has_its_spec_in_the_file(alice, tmp_path):
    assert envc("overlay", "pack", "--alone", "--dir", alice).status == 0
    spec_of(alice).unlink()
    answer = envc("overlay", "sync", "--dir", alice)
    assert (answer.status, answer.stderr) == (
        2,
        (
            "error: the overlay's spec is missing\n"
            f"   at: {alice}/overlay.toml\n"
            f" help: `envc stage {alice}` unpacks it, and prints a folder that has a copy\n"
        ),
    )
    place = Path(envc("stage", alice, "--to", tmp_path / "scratch").stdout.strip())
    shutil.copy(spec_of(place), alice)
    assert requires(alice) == ["theme"]


def test_an_overlay_on_it_says_where_the_copy_is(alice, built):
    carol = alice.parent / "carol"
    carol.mkdir()
    spec_of(carol).write_text(
        'version = 1\n[overlay]\nname = "carol"\nbase = "alice"\nbase-dir = "../alice"\n'
    )
    spec_of(alice).unlink()
    answer = envc("overlay", "sync", "--dir", carol, "--target", built.target)
    assert (answer.status, answer.stderr) == (2, lost(alice, "is missing"))


def test_it_is_listed_and_diagnosed(warm, monkeypatch):
    warm.materialize()
    monkeypatch.setenv("ENVC_TARGET", str(warm.target))
    folder = Path(envc("overlay", "init", "--json").json["folder"])
    spec_of(folder).unlink()
    (entry,) = envc("overlay", "list", "--json").json["overlays"]
    assert (entry["folder"], entry["state"]) == (str(folder), "unreadable")
    assert "generations/000001/site/overlay.toml" in entry["why"]
    found = {d["name"]: d for d in envc("doctor", "--overlay", folder, "--json").json["diagnoses"]}
    assert found["overlay: spec"]["state"] == "error"
    assert found["overlay: sources"]["state"] == "ok"
    assert envc("verify", "--target", folder).status == 0


def test_what_ci_has_of_it_is_not_pruned(warm, monkeypatch):
    warm.materialize()
    monkeypatch.setenv("ENVC_TARGET", str(warm.target))
    folder = Path(envc("overlay", "init", "--json").json["folder"])
    warm.done("overlay", "collect")
    spec_of(folder).unlink()
    report = warm.done("overlay", "collect", "--prune", "--json").json
    assert report["left_out"] == {str(folder): "the overlay's spec is missing"}
    assert report["gone"] == []
    assert list(warm.folder.glob("overlays/*/*/overlay.toml"))


def test_pins_stay_where_the_lock_was_lost(alice):
    path = alice / "pylock.alice.toml"
    text = path.read_bytes()
    path.unlink()
    report = envc("overlay", "sync", "--dir", alice, "--json").json
    assert (report["changed"], path.read_bytes()) == (False, text)


def test_the_base_is_found_where_the_location_was_lost(alice, built):
    text = (alice / "location.toml").read_bytes()
    (alice / "location.toml").unlink()
    report = envc("overlay", "sync", "--dir", alice, "--json").json
    assert (report["changed"], report["target"]) == (False, str(built.target))
    assert (alice / "location.toml").read_bytes() == text


@pytest.mark.parametrize("verb", ["init", "sync"])
def test_of_what_was_removed_but_for_its_trees_nothing_is_begun(alice, verb):
    """As `rm -rf` leaves it, which cannot empty folders that are read-only."""
    for entry in alice.iterdir():
        if entry.is_symlink() or entry.is_file():
            entry.unlink()
        elif entry.name != "generations":
            shutil.rmtree(entry)
    for generation in (alice / "generations").iterdir():
        shutil.rmtree(generation / "site")
    answer = envc(*VERBS[verb], alice)
    assert answer.status == 2
    assert "the overlay's spec is missing" in answer.stderr
    assert "write it anew, or choose another folder" in answer.stderr
    assert not spec_of(alice).exists()
