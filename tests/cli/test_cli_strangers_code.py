"""Nobody's code runs as somebody else because that one locks, checks or syncs an overlay."""

import os
import shutil
import subprocess
import tarfile

import pytest

from support.sites import envc

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(os.geteuid() != 0, reason="only root gives files away"),
]
STRANGER = 6
PROJECT = """\
[project]
name = "theirs"
version = "1.0"

[build-system]
requires = []
build-backend = "backend"
backend-path = ["."]
"""


def given(folder):
    for parent, folders, names in os.walk(folder):
        for name in (*folders, *names):
            os.chown(f"{parent}/{name}", STRANGER, STRANGER, follow_symlinks=False)
    os.chown(folder, STRANGER, STRANGER)


@pytest.fixture
def ran(tmp_path):
    """What is there as soon as the project's code has run."""
    return tmp_path / "ran"


@pytest.fixture
def theirs(tmp_path, ran):
    project = tmp_path / "stranger" / "theirs"
    project.mkdir(parents=True)
    (project / "pyproject.toml").write_text(PROJECT)
    (project / "backend.py").write_text(f"open({str(ran)!r}, 'w').close()\n")
    return project


def sdist_of(project):
    path = project.parent / "theirs-1.0.tar.gz"
    with tarfile.open(path, "w:gz") as archive:
        archive.add(project, "theirs-1.0")
    return path


def repository_of(project):
    author = ["-c", "user.name=x", "-c", "user.email=x@example.org"]
    for words in (["init", "-q"], ["add", "."], [*author, "commit", "-qm", "x"]):
        subprocess.run(["git", *words], cwd=project, check=True)
    return project


SOURCES = {
    "editable": lambda project: f'editable = ["{project}"]\n',
    "folder": lambda project: f'requires = ["theirs @ file://{project}"]\n',
    "archive": lambda project: f'requires = ["theirs @ file://{sdist_of(project)}"]\n',
    "repository": lambda project: f'requires = ["theirs @ git+file://{repository_of(project)}"]\n',
}


def written(folder, lines):
    """The overlay's spec, with these lines instead of what it requires."""
    spec = folder / "overlay.toml"
    kept = [line for line in spec.read_text().splitlines() if not line.startswith("requires")]
    spec.write_text("\n".join(kept) + "\n" + lines)
    return spec


@pytest.mark.parametrize("kind", SOURCES)
def test_what_a_stranger_could_change_is_not_built(warm, tmp_path, theirs, ran, kind):
    warm.materialize()
    folder = tmp_path / "mine"
    assert envc("overlay", "init", "--dir", folder, "--target", warm.target).status == 0
    spec = written(folder, SOURCES[kind](theirs))
    given(theirs.parent)
    for words in (
        ("lock", "--overlay", spec, "--site", warm.folder),
        ("lock", "--check", "--overlay", spec, "--site", warm.folder),
        ("overlay", "sync", "--dir", folder),
    ):
        answer = envc(*words)
        assert answer.status == 2, answer.stderr
        assert "would be built, which runs its code, and is of user" in answer.stderr
        assert "copy it into a folder of your own" in answer.stderr
        assert not ran.exists()


@pytest.mark.parametrize("name", ["pyproject.toml", "setup.py"])
def test_a_file_that_decides_is_no_strangers_either(warm, tmp_path, theirs, ran, name):
    warm.materialize()
    folder = tmp_path / "mine"
    assert envc("overlay", "init", "--dir", folder, "--target", warm.target).status == 0
    (theirs / name).touch()
    os.chown(theirs / name, STRANGER, STRANGER)
    answer = envc("overlay", "add", "-e", theirs, "--dir", folder)
    assert (answer.status, ran.exists()) == (2, False)
    assert f"at: {theirs / name}\n" in answer.stderr


def test_nothing_is_built_for_an_overlay_that_was_collected(warm, theirs, ran):
    """Its spec is root's by now, and whoever wrote it still says what is built: by a URL, too."""
    warm.edit('specs = ["overlays/*.toml"]', 'specs = ["overlays/*/*/overlay.toml"]')
    warm.materialize()
    own = warm.storage / "man" / "e1"
    assert envc("overlay", "init", "--dir", own, "--target", warm.target).status == 0
    written(own, SOURCES["editable"](theirs))  # which is root's own
    given(own.parent)
    assert warm.done("overlay", "collect", "--json").json["left_out"] == {}
    shutil.rmtree(own)
    collected = warm.folder / "overlays" / "man" / "e1" / "overlay.toml"
    (finding,) = warm.envc("check", "--json").json["overlays"][0]["findings"]
    mend = f"have user man lock it, as its owner: envc overlay sync --dir {own}"
    assert (finding["code"], finding["mend"]) == ("ENVC410", mend)
    answer = warm.envc("lock", "--check", "--overlay", collected)
    assert (answer.status, ran.exists()) == (2, False)
    assert "would be built for an overlay of user man" in answer.stderr
    assert f" mend: {mend}\n" in answer.stderr


def test_nothing_is_built_for_an_overlay_in_a_strangers_folder(warm, theirs, ran):
    warm.materialize()
    own = warm.storage / "man" / "e1"
    assert envc("overlay", "init", "--dir", own, "--target", warm.target).status == 0
    written(own, SOURCES["editable"](theirs))
    given(own.parent)
    answer = warm.envc("lock", "--overlay", own / "overlay.toml")
    assert (answer.status, ran.exists()) == (2, False)
    assert "would be built for an overlay of user man" in answer.stderr
