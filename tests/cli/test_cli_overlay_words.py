"""What names an overlay: a name in the user's storage, a folder, or a spec; in every command."""

import getpass
import os

import pytest

from support.sites import envc

pytestmark = pytest.mark.slow


@pytest.fixture
def place(built, tmp_path, monkeypatch):
    """The user's overlay `plots` in the storage; `tmp_path` is a folder without anything."""
    monkeypatch.setenv("ENVC_TARGET", str(built.target))
    monkeypatch.setenv("ENVC_STAGE", str(tmp_path / "scratch"))
    answer = envc("overlay", "init", "plots", cwd=tmp_path)
    assert answer.status == 0, answer.stderr
    yield built.storage / getpass.getuser() / "plots"
    for name in ("plots", "other"):
        remove(built.storage / getpass.getuser() / name)


def remove(folder):
    from envc.disk.folders import remove_folder

    if folder.exists():
        remove_folder(str(folder))


COMMANDS = [
    ("overlay", "sync"),
    ("overlay", "add", "polars"),
    ("overlay", "upgrade"),
    ("overlay", "adopt"),
    ("overlay", "pack"),
    ("check",),
    ("tree",),
    ("why", "numpy"),
    ("export", "--flat"),
    ("doctor",),
    ("verify",),
    ("repair",),
    ("generations",),
    ("gc", "--dry-run"),
    ("stage",),
]


@pytest.mark.parametrize("words", COMMANDS, ids=" ".join)
def test_a_command_knows_an_overlay_by_name_folder_and_spec(place, tmp_path, words):
    same_everywhere(place, tmp_path, words)


def test_lock_knows_it_where_there_is_a_site(place, built, tmp_path):
    same_everywhere(place, tmp_path, ("--site", built.folder, "lock"))


def same_everywhere(place, tmp_path, words):
    answers = [
        envc(*words, "--json", f"--overlay={word}", cwd=where)
        for word, where in [
            ("plots", tmp_path),
            (place, tmp_path),
            (f"{place}/overlay.toml", tmp_path),
            ("plots", place.parent),
            ("./plots/", place.parent),
            ("overlay.toml", place),
            (".", place),
        ]
    ]
    assert [answer.status for answer in answers] == [0] * 7, [each.stderr for each in answers]
    places = [str(place) in str(answer.json) for answer in answers[:3]]
    assert places in ([True] * 3, [False] * 3)  # some reports name no place


@pytest.mark.parametrize("option", ["--overlay", "--dir"])
def test_what_stands_here_comes_before_a_name(place, tmp_path, option):
    """An overlay's folder without a slash is a path, as it was before there were names."""
    made = envc("overlay", "init", "--dir", "plots", "--json", cwd=tmp_path).json
    assert made["folder"] == f"{tmp_path}/plots"
    found = envc("overlay", "sync", option, "plots", "--json", cwd=tmp_path).json
    assert found["folder"] == f"{tmp_path}/plots"
    assert envc("diff", "plots", str(place), "--json", cwd=tmp_path).json["equal"]
    found = envc("overlay", "sync", "--overlay", "plots", "--json", cwd="/").json
    assert found["folder"] == str(place)


def test_a_new_one_is_named_or_placed(place, tmp_path):
    made = envc("overlay", "init", "--overlay", "other", "--json", cwd=tmp_path).json
    assert made["folder"] == f"{place.parent}/other"
    made = envc("overlay", "init", "./here", "--json", cwd=tmp_path).json
    assert made["folder"] == f"{tmp_path}/here"
    assert envc("overlay", "remove", "polars", "--overlay", "here", cwd=tmp_path).status == 2


def test_older_forms_name_it_as_they_did(place, tmp_path):
    for words in (
        ("overlay", "sync", "--dir", place),
        ("overlay", "sync", "--dir", os.path.relpath(place)),
        ("check", f"{place}/overlay.toml"),
        ("gc", "--target", place),
        ("verify", "--target", place),
        ("stage", place),
        ("stage", "plots"),
        ("diff", place, f"{place}@1"),
    ):
        answer = envc(*words, cwd=None if ".." in str(words[-1]) else tmp_path)
        assert answer.status == 0, answer.stderr
    assert envc("overlay", "pack", "--dir", place, "-o", "packed", cwd=tmp_path).status == 0
    assert envc("stage", "packed", cwd=tmp_path).status == 0


def test_run_and_rollback_by_name(place, tmp_path):
    envc("overlay", "add", "polars", "--overlay", "plots", cwd=tmp_path)
    back = envc("rollback", "--overlay", "plots", "--json", cwd=tmp_path).json
    assert (back["target"], back["generation"]) == (str(place), 1)
    assert envc("diff", "plots@2", "plots", cwd=tmp_path).status == 1


@pytest.mark.parametrize("words", COMMANDS, ids=" ".join)
def test_what_names_no_overlay_is_told(place, tmp_path, words):
    answer = envc(*words, "--overlay", "plotz", cwd=tmp_path)
    assert (answer.status, answer.stderr) == (
        2,
        (
            "error: you have no overlay 'plotz'\n"
            f"   at: {place.parent}\n"
            " help: see `envc overlay list`, or make it with `envc overlay init plotz`\n"
        ),
    )
    answer = envc(*words, "--overlay", "Plots", cwd=tmp_path)
    assert (answer.status, answer.stderr) == (
        2,
        (
            "error: 'Plots' cannot be an overlay's name: lower-case letters, digits, - and _\n"
            " help: correct it; a path has a slash: ./Plots\n"
        ),
    )


def test_another_file_is_no_overlays_folder(place, tmp_path):
    (tmp_path / "alice.toml").write_text("")
    answer = envc("overlay", "sync", "--overlay", "alice.toml", cwd=tmp_path)
    assert (answer.status, answer.stderr) == (
        2,
        (
            "error: this file is not the overlay.toml of an overlay's folder\n"
            f"   at: {tmp_path}/alice.toml\n"
            " help: name the folder that the overlay is built in\n"
        ),
    )


def test_without_a_target_no_name_can_be_found(place, tmp_path, monkeypatch):
    monkeypatch.delenv("ENVC_TARGET")
    answer = envc("overlay", "sync", "--overlay", "plots", cwd=tmp_path)
    assert answer.status == 2
    assert "name the target with --target DIR, or set ENVC_TARGET" in answer.stderr
    assert envc("overlay", "sync", "--overlay", place, cwd=tmp_path).status == 0
