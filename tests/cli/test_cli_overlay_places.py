"""Where errors of an overlay lie: lines of files that exist, and a storage that takes no folder."""

import os

import pytest

from envc.errors import OutsideError
from envc.host import storage
from support.sites import envc

SPEC = """\
version = 1
[overlay]
name = "alice"
base = "user"
# a comment
requires = [
    "theme",
]
constraints = ["numpy<2"]
"""


@pytest.fixture
def alice(built, tmp_path):
    folder = tmp_path / "alice"
    folder.mkdir()
    (folder / "overlay.toml").write_text(SPEC)
    answer = envc("overlay", "sync", "--dir", folder, "--target", built.target)
    assert answer.status == 0, answer.stderr
    return folder


def test_what_is_given_is_told_as_given_and_what_stands_there_by_its_line(alice):
    answer = envc("overlay", "add", "numpy>=2", "solver", "--dir", alice)
    assert answer.status == 3
    assert "numpy>=2 given on the command line requires numpy>=2\n" in answer.stderr
    assert f"{alice}/overlay.toml:9 (overlay.constraints[0])" in answer.stderr
    assert "overlay.toml:8" not in answer.stderr
    assert (alice / "overlay.toml").read_text() == SPEC


def test_a_file_that_is_not_there_was_given(alice):
    answer = envc("overlay", "add", "mine @ file:///gone/mine-1-py3-none-any.whl", "--dir", alice)
    assert answer.status == 2
    assert "   at: mine @ file:///gone/mine-1-py3-none-any.whl given on the command line\n" in (
        answer.stderr
    )


def test_an_editable_project_that_is_not_there_was_given(alice):
    answer = envc("overlay", "add", "-e", "/gone", "--dir", alice)
    assert answer.status == 2
    assert "   at: /gone given on the command line\n" in answer.stderr


def test_a_line_that_a_removal_would_move_is_named_where_it_stands(alice):
    spec = SPEC.replace('    "theme",\n', '    "theme",\n    "solver",\n    "nowhere",\n')
    (alice / "overlay.toml").write_text(spec)
    answer = envc("overlay", "remove", "theme", "--dir", alice)
    assert answer.status == 3
    assert f"{alice}/overlay.toml:9 (overlay.requires[2]) requires nowhere\n" in answer.stderr


def test_what_replaces_a_line_is_told_as_given(alice):
    answer = envc("overlay", "add", "theme>=9", "--dir", alice)
    assert answer.status == 3
    assert "   at: theme>=9 given on the command line\n" in answer.stderr


def test_a_base_that_is_none_was_given(built, tmp_path):
    words = ("--dir", tmp_path / "bob", "--target", built.target)
    answer = envc("overlay", "init", *words, "--base", "nothing")
    assert (answer.status, answer.stderr) == (
        2,
        (
            "error: base 'nothing' is no layer of site canopy\n"
            "   at: --base nothing\n"
            " help: use system, user\n"
        ),
    )
    answer = envc("overlay", "init", "--dir", tmp_path / "system", "--target", built.target)
    assert (answer.status, answer.stderr) == (
        2,
        (
            "error: 'system' is the name of a layer of site canopy\n"
            f"   at: {tmp_path}/system\n"
            " help: choose another name\n"
        ),
    )


def test_a_storage_that_is_not_there_is_the_administrators_to_make(warm, tmp_path):
    (tmp_path / "file").write_text("")
    warm.edit(f'storage = "{warm.storage}"', f'storage = "{tmp_path}/file/shared"')
    answer = warm.done("materialize", "--target", warm.target, "--json")
    (warning,) = answer.json["warnings"]
    assert warning in answer.stderr
    assert warning.startswith("the storage for overlays cannot be looked at: Not a directory")
    answer = envc("overlay", "init", "--target", warm.target)
    user = storage.user_name()
    root = f"{tmp_path}/file/shared"
    assert (answer.status, answer.stderr) == (
        4,
        (
            f"error: user {user} cannot make a folder in {tmp_path}/file\n"
            f"   at: {root}/{user}/{user}\n"
            f" help: have an administrator run `install -d -o {user} {root}/{user}`, or "
            f"`install -d -m 1777 {root}`, which lets each user make a folder\n"
        ),
    )


def test_materialize_and_doctor_look_at_the_storage(warm):
    warm.storage.rmdir()
    report = warm.materialize()
    (warning,) = report["warnings"]
    assert warning == (
        f"the storage for overlays is not there: {warm.storage}; have an administrator run "
        f"`install -d -o USER {warm.storage}/USER`, or `install -d -m 1777 {warm.storage}`, "
        "which lets each user make a folder"
    )
    found = envc("doctor", "--target", warm.target, "--json").json
    (told,) = [each for each in found["diagnoses"] if each["name"] == "target: storage"]
    assert (found["ok"], told["state"]) == (True, "warning")
    assert told["what"] == f"the storage for overlays is not there: {warm.storage}"


@pytest.mark.parametrize("storage", ["overlays", "~/overlays", "${PLACE}/overlays"])
def test_a_storage_that_is_elsewhere_from_each_folder(warm, monkeypatch, storage):
    monkeypatch.setenv("PLACE", "here")
    warm.edit(f'storage = "{warm.storage}"', f'storage = "{storage}"')
    what = f"the storage for overlays is {storage!r}, which is no absolute path"
    mend = (
        "have overlays.storage in envc.toml begin with / or with a variable, as in $HOME/overlays"
    )
    warned = [] if "$" in storage else [what]
    assert [each.partition(":")[0] for each in warm.materialize()["warnings"]] == warned
    answer = envc("overlay", "init", "--target", warm.target)
    assert (answer.status, answer.stderr) == (
        2,
        f"error: {what}\n   at: {warm.target}/location.toml (storage)\n help: {mend}\n",
    )


def test_a_storage_by_a_variable_that_is_not_set(warm, monkeypatch):
    warm.edit(f'storage = "{warm.storage}"', 'storage = "${NOWHERE}/shared"')
    assert warm.materialize()["warnings"] == []
    monkeypatch.delenv("NOWHERE", raising=False)
    for words in (("init",), ("list",)):
        answer = envc("overlay", *words, "--target", warm.target)
        assert (answer.status, answer.stderr) == (
            2,
            (
                "error: the storage for overlays is '${NOWHERE}/shared', and NOWHERE is not set\n"
                f"   at: {warm.target}/location.toml (storage)\n"
                " help: set NOWHERE, or have overlays.storage in envc.toml name a folder\n"
            ),
        )
    assert warm.envc("overlay", "collect").status == 2
    doctor = envc("doctor", "--target", warm.target)
    assert "NOWHERE is not set" in doctor.stdout
    monkeypatch.setenv("NOWHERE", str(warm.root))
    assert envc("overlay", "list", "--target", warm.target).status == 0


@pytest.mark.parametrize(
    ("mode", "what"),
    [
        pytest.param(0o1777, None, id="everybody may, each their own"),
        pytest.param(0o775, None, id="a group may"),
        pytest.param(0o555, "lets no user make a folder in it", id="nobody may"),
        pytest.param(0o777, "lets everybody replace what others have in it", id="not sticky"),
    ],
)
def test_what_a_storage_lets_users_do(tmp_path, mode, what):
    tmp_path.chmod(mode)
    trouble = storage.trouble_with(str(tmp_path))
    tmp_path.chmod(0o755)
    assert (trouble.what if trouble is not None else None) == (
        f"the storage for overlays {what}" if what else None
    )


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a folder away")
def test_folders_that_were_made_for_users_are_enough(tmp_path):
    tmp_path.chmod(0o755)
    trouble = storage.trouble_with(str(tmp_path))
    assert trouble is not None
    assert trouble.what == "the storage for overlays lets no user make a folder in it"
    (tmp_path / "alice").mkdir()
    os.chown(tmp_path / "alice", 12345, -1)
    assert storage.trouble_with(str(tmp_path)) is None


def mend_for(folder, root):
    with pytest.raises(OutsideError) as caught:
        storage.refuse_unwritable(str(folder), root)
    return caught.value.faults[0].mend


def test_the_mend_names_what_is_in_the_way(tmp_path):
    user = storage.user_name()
    (tmp_path / user).write_text("")
    folder = tmp_path / user / "plots"
    assert mend_for(folder, str(tmp_path)) == (
        f"have an administrator run `install -d -o {user} {tmp_path}/{user}`, or `install -d -m "
        f"1777 {tmp_path}`, which lets each user make a folder"
    )
    assert mend_for(folder, "/elsewhere") == (
        f"choose another folder, or have it made: `install -d -o {user} {folder}`"
    )
    assert mend_for(folder, "$NOT_SET_ANYWHERE") == mend_for(folder, None)


def test_a_user_without_a_name(monkeypatch):
    def nameless():
        raise KeyError("getpwuid(): uid not found")

    monkeypatch.setattr("getpass.getuser", nameless)
    assert storage.user_name() == str(os.geteuid())


@pytest.mark.parametrize("below", ["", "src", "src/deep/er"])
def test_ones_own_overlay_is_the_nearest_upwards(alice, below, monkeypatch):
    (alice / below).mkdir(parents=True, exist_ok=True)
    monkeypatch.chdir(alice / below)
    assert envc("overlay", "sync", "--json").json["folder"] == str(alice)


def test_one_that_others_could_have_put_above_is_passed_over(built, tmp_path, monkeypatch):
    (tmp_path / "shared/mine").mkdir(parents=True)
    (tmp_path / "shared/overlay.toml").write_text(SPEC)
    (tmp_path / "shared").chmod(0o1777)
    monkeypatch.chdir(tmp_path / "shared/mine")
    words = ("--target", built.target, "--json")
    assert (
        envc("overlay", "sync", *words)
        .json["error"]["faults"][0]["where"]
        .startswith(str(built.storage))
    )
