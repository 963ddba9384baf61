"""Nobody's code runs as somebody else because that one locks, checks or syncs an overlay."""

import hashlib
import os
import re
import shutil
import subprocess
import tarfile
import tempfile

import pytest

from support.sites import envc, envc_process

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
    assert f" help: {mend}\n" in answer.stderr


def test_nothing_is_built_for_an_overlay_in_a_strangers_folder(warm, theirs, ran):
    warm.materialize()
    own = warm.storage / "man" / "e1"
    assert envc("overlay", "init", "--dir", own, "--target", warm.target).status == 0
    written(own, SOURCES["editable"](theirs))
    given(own.parent)
    answer = warm.envc("lock", "--overlay", own / "overlay.toml")
    assert (answer.status, ran.exists()) == (2, False)
    assert "would be built for an overlay of user man" in answer.stderr


@pytest.fixture
def collected(warm):
    """A fresh lock of a stranger's overlay in the site, which names a wheel beside it."""
    warm.edit('specs = ["overlays/*.toml"]', 'specs = ["overlays/*/*/overlay.toml"]')
    warm.materialize()
    own = warm.storage / "man" / "e1"
    assert envc("overlay", "init", "--dir", own, "--target", warm.target).status == 0
    assert envc("overlay", "add", "polars", "--dir", own).status == 0
    wheel = next(iter(warm.wheels.glob("polars-*.whl")))
    (own / "wheelhouse").mkdir()
    shutil.copy(wheel, own / "wheelhouse" / wheel.name)
    named(own, f"wheelhouse/{wheel.name}")
    given(own.parent)
    assert warm.done("overlay", "collect", "--json").json["left_out"] == {}
    shutil.rmtree(warm.storage / "man")
    return warm.folder / "overlays" / "man" / "e1"


def named(folder, path, digest=None):
    """Let the lock name its wheel by that path."""
    (lock,) = folder.glob("pylock.*.toml")
    text = re.sub(r'(?:url|path) = "[^"]*polars[^"]*"', f'path = "{path}"', lock.read_text())
    lock.write_text(re.sub(r'sha256 = "[^"]*"', f'sha256 = "{digest}"', text) if digest else text)


def told(warm):
    """What a check that knows nothing from before says of unknown contents."""
    with tempfile.TemporaryDirectory(dir=warm.root) as cache:
        answer = envc_process(
            "check", "--json", cwd=warm.folder, environment={"ENVC_CACHE_DIR": cache}
        )
    (verdict,) = answer.json["overlays"]
    unknown = [f for f in verdict["findings"] if f["code"] == "ENVC410"]
    return [(f["message"], f["where"], f["mend"]) for f in unknown]


def test_a_lock_is_not_followed_out_of_its_folder(warm, collected, tmp_path):
    """What is said of a file does not tell whether it is there, or what is in it."""
    assert told(warm) == []
    secret = tmp_path / "polars-1.0-py3-none-any.whl"
    answers = []
    for content in (None, b"", b"secret"):
        if content is not None:
            secret.write_bytes(content)
        for path in (secret, os.path.relpath(secret, collected)):
            named(collected, path, hashlib.sha256(content or b"").hexdigest())
            answers.append(told(warm))
    assert len(answers[0]) == 1
    assert all(answer == answers[0] for answer in answers)


@pytest.mark.parametrize("spoil", ["link", "sparse", "sparse of the size", "pipe", "another's"])
def test_what_is_beside_a_lock_is_read_as_its_owners(warm, collected, tmp_path, spoil):
    (wheel,) = (collected / "wheelhouse").iterdir()
    text = wheel.read_bytes()
    match spoil:
        case "another's":
            os.chown(wheel, STRANGER + 1, STRANGER + 1)
        case "link":
            wheel.unlink()
            (tmp_path / "there").write_bytes(text)
            wheel.symlink_to(tmp_path / "there")
        case "pipe":
            wheel.unlink()
            os.mkfifo(wheel)
        case _:
            os.truncate(wheel, 8 << 40)
    if spoil == "sparse of the size":
        (lock,) = collected.glob("pylock.*.toml")
        lock.write_text(re.sub(r"size = \d+", f"size = {8 << 40}", lock.read_text()))
    assert len(told(warm)) == 1
