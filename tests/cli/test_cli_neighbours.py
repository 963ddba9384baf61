"""What one user leaves in the storage, or where another one looks, is nobody else's trouble."""

import os
import shutil

import pytest

from envc.disk.ownership import name_of_user
from support.sites import SITE_PACKAGES, envc, envc_process

pytestmark = pytest.mark.slow
STRANGER = 6
needs_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root gives files away")


@pytest.fixture
def storage(warm):
    """A storage with an overlay of one user, and a folder of another one's."""
    warm.edit('specs = ["overlays/*.toml"]', 'specs = ["overlays/*/*/overlay.toml"]')
    warm.done("lock")
    warm.materialize()
    user = os.environ.get("USER", "root")
    assert envc("overlay", "init", "--dir", warm.storage / user / "good", "--target", warm.target)
    return warm.storage


def overlay_of_a_stranger(warm, storage):
    folder = storage / "stranger" / "bad"
    answer = envc("overlay", "init", "--dir", folder, "--target", warm.target)
    assert answer.status == 0, answer.stderr
    for parent, folders, _ in os.walk(folder):
        for name in folders:
            if not os.path.islink(f"{parent}/{name}"):
                os.chmod(f"{parent}/{name}", 0o755)
    return folder


def pipe(path):
    path.unlink(missing_ok=True)
    os.mkfifo(path)


def endless(path):
    with path.open("wb") as file:
        file.truncate(40 << 30)


SPOILED = {
    "pipe for a lock": lambda folder: pipe(folder / "pylock.bad.toml"),
    "pipe for a spec": lambda folder: pipe(folder / "overlay.toml"),
    "pipe for a location": lambda folder: pipe(folder / "location.toml"),
    "pipe for a record": lambda folder: pipe(folder / "current" / "manifest.json"),
    "pipe for a stack": lambda folder: pipe(folder / "current" / SITE_PACKAGES / "_envc_stack.txt"),
    "other bytes for a stack": lambda folder: (
        folder / "current" / SITE_PACKAGES / "_envc_stack.txt"
    ).write_bytes(b"\xff\xfe\0"),
    "NUL in a location": lambda folder: (folder / "location.toml").write_text(
        'version = 1\nsite = "x"\ntarget = "/a\\u0000b"\n'
    ),
    "NUL in a record": lambda folder: (folder / "current" / "manifest.json").write_text(
        (folder / "current" / "manifest.json")
        .read_text()
        .replace('"interpreter": "', '"interpreter": "\\u0000')
    ),
    "other bytes for a spec": lambda folder: (folder / "overlay.toml").write_bytes(b"\xff\xfe\0"),
    "other bytes on the way to a spec": lambda folder: folder.rename(
        folder.parent / os.fsdecode(b"\xff\xfe")
    ),
    "endless spec": lambda folder: endless(folder / "overlay.toml"),
    "endless lock": lambda folder: endless(folder / "pylock.bad.toml"),
    "endless location": lambda folder: endless(folder / "location.toml"),
    "generation that is no number": lambda folder: (folder / "generations" / "²").mkdir(),
    "current of that": lambda folder: (
        (folder / "current").unlink(),
        (folder / "current").symlink_to("generations/²"),
    ),
    "folder for a spec": lambda folder: (
        (folder / "overlay.toml").unlink(),
        (folder / "overlay.toml").mkdir(),
    ),
}


@pytest.mark.parametrize("spoil", SPOILED)
def test_one_folder_stops_nobody(warm, storage, spoil):
    SPOILED[spoil](overlay_of_a_stranger(warm, storage))
    listed = envc("overlay", "list", "--all", "--target", warm.target, "--json")
    assert listed.status == 0, listed.stderr
    assert "good" in {entry["name"] for entry in listed.json["overlays"]}
    collected = warm.done("overlay", "collect", "--json").json
    assert "good" in {entry["name"] for entry in collected["overlays"]}
    assert warm.envc("check", "--json").status in {0, 1}


@pytest.mark.parametrize(
    "spoil", [name for name in SPOILED if name.split()[-1] in {"spec", "lock"}]
)
def test_no_spec_stops_a_check_of_all(warm, storage, spoil):
    """Specs are read where users have them, as a site's pattern may say."""
    specs = f'specs = ["{storage}/*/*/overlay.toml"]'
    warm.edit('specs = ["overlays/*/*/overlay.toml"]', specs)
    SPOILED[spoil](overlay_of_a_stranger(warm, storage))
    answer = warm.envc("check", "--json")
    assert answer.status in {0, 1}, answer.stderr
    (good,) = (each for each in answer.json["overlays"] if each["name"] == "good")
    assert good["ok"]
    for form in ("text", "sarif", "junit", "github", "html"):
        assert warm.envc("check", "--format", form).status == answer.status


@pytest.mark.parametrize("leads", ["/dev/zero", "pipe"])
def test_no_editable_project_does(warm, storage, leads, tmp_path):
    project = tmp_path / "project"
    project.mkdir()
    os.mkfifo(project / "pipe")
    (project / "pyproject.toml").symlink_to(leads)
    folder = overlay_of_a_stranger(warm, storage)
    with (folder / "overlay.toml").open("a") as spec:
        spec.write(f'\neditable = ["{project}"]\n')
    specs = f'specs = ["{storage}/*/*/overlay.toml"]'
    warm.edit('specs = ["overlays/*/*/overlay.toml"]', specs)
    assert warm.envc("check", "--json").status == 1


def given(folder):
    """Give a folder, and all that is in it, to a stranger."""
    for parent, folders, names in os.walk(folder):
        for name in (*folders, *names):
            os.chown(f"{parent}/{name}", STRANGER, STRANGER, follow_symlinks=False)
    os.chown(folder, STRANGER, STRANGER)


@needs_root
@pytest.mark.parametrize(
    "words", [("run", "--", "true"), ("shell",), ("stage",), ("overlay", "sync")]
)
def test_what_a_stranger_put_where_ones_own_would_be_is_not_used(warm, storage, words, monkeypatch):
    monkeypatch.setenv("ENVC_TARGET", str(warm.target))
    user = storage / "root"
    shutil.rmtree(user, ignore_errors=True)
    folder = user / "root"
    assert envc("overlay", "init", "--dir", folder).status == 0
    given(user)
    answer = envc_process(*words, cwd=warm.root)
    assert answer.status == 2
    assert "it belongs to user man" in answer.stderr or "belongs to user 6" in answer.stderr


@needs_root
def test_who_names_a_path_names_its_owner(warm, storage):
    folder = overlay_of_a_stranger(warm, storage)
    given(folder.parent)
    assert envc_process("run", "--overlay", folder, "--", "true", cwd=warm.root).status == 0


def test_an_overlay_in_a_folder_that_all_share_is_not_used(warm, storage):
    folder = overlay_of_a_stranger(warm, storage)
    folder.chmod(0o1777)
    answer = envc_process("run", "--", "true", cwd=folder)
    assert answer.status == 2
    assert "everybody may write to this folder" in answer.stderr


@pytest.mark.parametrize(
    "words", [("check",), ("lock",), ("materialize", "--target", "x"), ("tree",)]
)
def test_a_site_that_is_only_found_must_be_ones_own(warm, words):
    warm.done("lock")
    warm.folder.chmod(0o1777)
    below = warm.folder / "below"
    below.mkdir()
    answer = envc_process(*words, cwd=below)
    assert answer.status == 2
    assert "the site that is found here is not safe: everybody may write" in answer.stderr
    assert f"--site {warm.folder}" in answer.stderr
    assert envc_process("tree", "--site", warm.folder, cwd=below).status == 0


@needs_root
def test_many_overlays_of_one_user_hide_nobody_elses(warm, storage):
    for number in range(60):
        folder = storage / "bob" / f"plots{number}"
        folder.mkdir(parents=True)
        (folder / "overlay.toml").write_text(
            f'version = 1\n[overlay]\nname = "plots{number}"\nbase = "user"\n'
        )
        for path in (folder / "overlay.toml", folder):
            os.chown(path, STRANGER, -1)
    user = os.environ.get("USER", "root")
    folder = storage / "zoe" / "late"
    assert envc("overlay", "init", "--dir", folder, "--target", warm.target).status == 0
    listed = envc("overlay", "list", "--all", "--target", warm.target)
    lines = [line for line in listed.stdout.splitlines() if not line.startswith(" ")]
    name = name_of_user(STRANGER)
    assert [line.split()[0] for line in lines if "plots" not in line] == [
        "and",
        f"{user}/good",
        f"{user}/late",
    ]
    assert f"and 10 more of {name}; --json has them all" in lines
    assert sum(line.startswith(f"{name}/plots") for line in lines) == 50


@needs_root
def test_doctor_says_of_a_strangers_overlay_what_run_says(warm, storage):
    folder = overlay_of_a_stranger(warm, storage)
    place = storage / os.environ.get("USER", "root") / "plots"
    shutil.copytree(folder, place, symlinks=True)
    os.chown(place, STRANGER, -1)
    there = ("--target", warm.target)
    name = name_of_user(STRANGER)
    refused = ("error", f"it belongs to user {name}, who could change what is in it ({place})")
    whose = f"its owner, user {name}, whom you trust by naming it"
    trusted = ("ok", f"nobody else can replace it, but {whose}")
    for word, answer in (("plots", refused), (place, trusted)):
        ran = envc_process("run", "--overlay", word, *there, "--", "true", cwd=warm.root)
        assert ("it belongs to user" in ran.stderr) is (answer == refused), ran
        found = envc("doctor", "--overlay", word, *there, "--json").json["diagnoses"]
        (told,) = (each for each in found if each["name"] == "overlay: permissions")
        assert (told["state"], told["what"]) == answer


@pytest.mark.parametrize("kind", ["link", pytest.param("stranger", marks=needs_root), "exposed"])
def test_doctor_says_of_the_stage_what_stage_says(warm, storage, tmp_path, monkeypatch, kind):
    stage = tmp_path / "stage"
    (tmp_path / "theirs").mkdir()
    if kind == "link":
        stage.symlink_to(tmp_path / "theirs")
    else:
        stage.mkdir()
        if kind == "stranger":
            os.chown(stage, STRANGER, -1)
        else:
            stage.chmod(0o777)
    monkeypatch.setenv("ENVC_STAGE", str(stage))
    overlay = storage / os.environ.get("USER", "root") / "good"
    refused = envc("stage", overlay)
    assert refused.status == 2
    found = envc("doctor", "--target", warm.target, "--json").json["diagnoses"]
    (told,) = (each for each in found if each["name"] == "stage")
    assert told["state"] == "error"
    assert refused.stderr.startswith(f"error: {told['what'].rpartition(' (')[0]}\n")
    assert told["mend"] in refused.stderr
