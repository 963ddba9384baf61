import getpass
import os
import tomllib

import pytest

from support.sites import envc, python

FIELDS = {
    "name",
    "folder",
    "target",
    "base",
    "base_closure",
    "generation",
    "digest",
    "changed",
    "inherits",
    "adds",
    "shadows",
    "lifts",
    "hides",
    "files",
}
VERSIONS = "import numpy, scipy; print(numpy.__version__, scipy.__version__)"


@pytest.fixture
def folder(tmp_path):
    return tmp_path / "alice"


@pytest.fixture
def alice(built, folder):
    """A new overlay on the built site: to write to."""
    answer = envc("overlay", "init", "--dir", folder, "--target", built.target)
    assert answer.status == 0, answer.stderr
    return folder


def test_a_new_overlay_sees_its_base(built, folder):
    answer = envc("overlay", "init", "--dir", folder, "--target", built.target)
    assert (answer.status, answer.stdout) == (0, "")
    assert answer.stderr == (
        "alice on user: switched to generation 1\n"
        f"  inherits 5 projects from {built.target}\n"
        f"  run {folder}/bin/python\n"
    )
    assert python(folder, VERSIONS) == "1.26.4 1.11.0"
    assert tomllib.loads((folder / "overlay.toml").read_text())["overlay"] == {
        "name": "alice",
        "base": "user",
        "requires": [],
    }


def test_json_has_a_field_for_everything(built, folder):
    words = ("overlay", "init", "--dir", folder, "--target", built.target, "--json")
    report = envc(*words).json
    assert set(report) >= FIELDS
    assert (report["name"], report["base"], report["changed"]) == ("alice", "user", True)


def test_init_needs_a_new_folder_and_a_usable_name(built, alice, tmp_path):
    answer = envc("overlay", "init", "--dir", alice, "--target", built.target)
    assert (answer.status, answer.stderr) == (
        2,
        (
            "error: there is an overlay already\n"
            f"   at: {alice}/overlay.toml\n"
            f" help: build it with `envc overlay sync --dir {alice}`\n"
        ),
    )
    answer = envc("overlay", "init", "--dir", tmp_path / "My Layer", "--target", built.target)
    assert (answer.status, answer.stderr) == (
        2,
        (
            "error: 'My Layer' cannot be an overlay's name: lower-case letters, digits, - and _\n"
            f"   at: {tmp_path}/My Layer\n"
            " help: choose another folder name\n"
        ),
    )


def test_init_on_another_layer(built, folder):
    words = ("overlay", "init", "--dir", folder, "--target", built.target, "--base")
    assert envc(*words, "system", "--json").json["inherits"] == 1
    answer = envc("overlay", "init", "--dir", f"{folder}2", "--base", "x", "--target", built.target)
    assert answer.status == 2
    assert answer.stderr.startswith("error: base 'x' is no layer of site canopy\n")
    assert not os.path.exists(f"{folder}2")


def test_where_the_target_is_not_known(folder):
    answer = envc("overlay", "init", "--dir", folder)
    assert (answer.status, answer.stderr) == (
        2,
        (
            "error: where the common layers are materialized is not known\n"
            f"   at: {folder}\n"
            " help: name the target with --target DIR, or set ENVC_TARGET\n"
        ),
    )


def test_the_target_of_the_surroundings(built, folder, monkeypatch):
    monkeypatch.setenv("ENVC_TARGET", str(built.target))
    assert envc("overlay", "init", "--dir", folder).status == 0


def test_a_target_with_nothing_in_it(folder, tmp_path):
    answer = envc("overlay", "init", "--dir", folder, "--target", tmp_path)
    assert (answer.status, answer.stderr) == (
        2,
        (
            "error: nothing is materialized here\n"
            f"   at: {tmp_path}\n"
            f" help: run `envc materialize --target {tmp_path}`, or name another target\n"
        ),
    )


def test_by_default_it_stands_in_the_sites_storage(warm):
    warm.materialize()
    report = envc("overlay", "init", "plots", "--target", warm.target, "--json").json
    assert report["folder"] == f"{warm.storage}/{getpass.getuser()}/plots"


@pytest.mark.slow
def test_add_and_remove(alice):
    path = alice / "overlay.toml"
    path.write_text(path.read_text().replace("requires = []", "requires = [  # mine\n]"))
    answer = envc("overlay", "add", "polars>=1", "--dir", alice)
    assert answer.status == 0, answer.stderr
    assert answer.stderr.startswith("about to write 0.2 MB and ")
    assert "left\nalice on user: switched to generation 2\n" in answer.stderr
    assert (
        "\n  adds polars\n"
        "  replaces numpy 1.26.4 -> 2.0.0 (polars 1.0.0 needs it)\n"
        "  also moves scipy 1.11.0 -> 1.14.0 (numpy 2 needs it)\n"
    ) in answer.stderr
    assert python(alice, VERSIONS) == "2.0.0 1.14.0"
    assert "# mine" in path.read_text()
    assert tomllib.loads(path.read_text())["overlay"]["requires"] == ["polars>=1"]
    again = envc("overlay", "add", "polars>=1", "--dir", alice)
    assert again.stderr.startswith("alice on user: unchanged: on generation 2\n")
    report = envc("overlay", "remove", "Polars>=1", "--dir", alice, "--json").json
    assert (report["adds"], report["shadows"], report["lifts"]) == ([], [], [])
    assert report["generation"] == 1
    assert python(alice, VERSIONS) == "1.26.4 1.11.0"


def test_adding_what_cannot_be_leaves_everything_as_it_was(alice):
    files = {name: (alice / name).read_bytes() for name in ("overlay.toml", "pylock.alice.toml")}
    current = os.readlink(alice / "current")
    answer = envc("overlay", "add", "solver", "numpy>=2", "--dir", alice)
    assert answer.status == 3
    assert "\n  solver 1.0 requires numpy<2\n" in answer.stderr
    assert files == {name: (alice / name).read_bytes() for name in files}
    assert os.readlink(alice / "current") == current


def test_adding_what_is_no_requirement(alice):
    answer = envc("overlay", "add", "polars >", "also bad==", "--dir", alice)
    assert (answer.status, answer.stdout) == (2, "")
    assert answer.stderr.count("error: ") == 2
    assert answer.stderr.count(" help: correct it\n") == 2


def test_removing_what_is_not_there(alice):
    answer = envc("overlay", "remove", "polars", "--dir", alice)
    assert (answer.status, answer.stderr) == (
        2,
        (
            "error: the overlay has no requirement on polars\n"
            f"   at: {alice}/overlay.toml\n"
            " help: name a project of its `requires`\n"
        ),
    )


def test_sync_of_a_spec_written_by_hand(built, folder):
    folder.mkdir()
    (folder / "overlay.toml").write_text(
        'version = 1\n[overlay]\nname = "alice"\nbase = "user"\nrequires = ["theme"]\n'
    )
    words = ("overlay", "sync", "--dir", folder, "--target", built.target, "--json")
    report = envc(*words).json
    assert (report["adds"], report["changed"]) == (["theme"], True)
    assert envc("overlay", "sync", "--dir", folder, "--json").json["changed"] is False


def test_sync_of_a_faulty_spec_tells_every_fault(alice):
    (alice / "overlay.toml").write_text(
        'version = 1\n[overlay]\nname = "Alice"\nbase = "user"\nrequires = ["a >"]\n'
    )
    answer = envc("overlay", "sync", "--dir", alice)
    assert answer.status == 2
    assert f"   at: {alice}/overlay.toml:3 (overlay.name)\n" in answer.stderr
    assert f"   at: {alice}/overlay.toml:5 (overlay.requires[0])\n" in answer.stderr


def test_where_there_is_no_overlay(tmp_path):
    answer = envc("overlay", "sync", "--dir", tmp_path)
    assert (answer.status, answer.stderr) == (
        2,
        (
            "error: there is no overlay here\n"
            f"   at: {tmp_path}\n"
            f" help: correct the path, or make it: `envc overlay init {tmp_path}`\n"
        ),
    )


def test_in_its_own_folder_no_dir_is_needed(alice):
    assert envc("overlay", "sync", "--json", cwd=alice).json["folder"] == str(alice)


def test_a_folder_that_everybody_may_replace_is_refused(built, tmp_path):
    exposed = tmp_path / "exposed"
    exposed.mkdir()
    exposed.chmod(0o777)
    answer = envc("overlay", "init", "--dir", exposed / "alice", "--target", built.target)
    assert (answer.status, answer.stderr) == (
        2,
        (
            "error: everybody may write to this folder, and so could replace what is in it\n"
            f"   at: {exposed}\n"
            f" help: take that right away (chmod o-w {exposed}), or choose another folder\n"
        ),
    )
    exposed.chmod(0o1777)
    assert envc("overlay", "init", "--dir", exposed / "alice", "--target", built.target).status == 0


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a folder away")
def test_somebody_elses_folder_is_refused(alice):
    os.chown(alice, 12345, -1)
    answer = envc("overlay", "sync", "--dir", alice)
    assert (answer.status, answer.stderr) == (
        2,
        (
            "error: the folder belongs to user 12345, and envc runs as user 0\n"
            f"   at: {alice}\n"
            " help: run envc as its owner, or choose another folder\n"
        ),
    )
