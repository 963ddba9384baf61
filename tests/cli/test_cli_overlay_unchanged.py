"""`envc overlay sync` where nothing is to be done, and what makes it look again."""

import json
import os
import shutil
import sys

import pytest

from support.sites import envc_process

# What only the long way needs: it parses, resolves and plans.
DEAR = {"pydantic", "resolvelib", "packaging.requirements", "envc.overlays.edit"}


@pytest.fixture
def overlay(warm):
    warm.materialize()
    folder = warm.storage / "alice"
    folder.mkdir()
    (folder / "overlay.toml").write_text(
        'version = 1\n\n[overlay]\nname = "alice"\nbase = "user"\nrequires = ["six"]\n'
    )
    sync(warm, folder)
    return folder


def sync(warm, folder, *words):
    words = ("--dir", folder, "--target", warm.target, "--json", *words)
    return warm.done("overlay", "sync", *words).json


@pytest.mark.slow
def test_nothing_to_do_is_told_as_it_was_when_it_was_done(warm, overlay):
    (overlay / ".inputs.json").rename(overlay / "aside")
    long = sync(warm, overlay)
    (overlay / "aside").rename(overlay / ".inputs.json")
    assert sync(warm, overlay) == long
    assert long["changed"] is False


@pytest.mark.slow
def test_nothing_to_do_parses_nothing(warm, overlay):
    words = ["overlay", "sync", "--dir", str(overlay), "--target", str(warm.target), "-q"]
    program = (
        "import sys; from envc.cli.main import main; status = main(sys.argv[1:]); "
        "import json; print(json.dumps([status, sorted(sys.modules)]))"
    )
    import subprocess

    done = subprocess.check_output([sys.executable, "-c", program, *words], cwd=warm.folder)
    status, modules = json.loads(done)
    assert status == 0
    assert not DEAR & set(modules)


@pytest.mark.slow
@pytest.mark.parametrize(
    "lost", [".inputs.json", "location.toml", "pylock.alice.toml", "by-lock", "bin", "pyvenv.cfg"]
)
def test_what_is_lost_comes_back(warm, overlay, lost):
    before = sorted(os.listdir(overlay))
    place = overlay / lost
    if place.is_dir() and not place.is_symlink():
        for name in os.listdir(place):
            (place / name).unlink()
        place.rmdir()
    else:
        place.unlink()
    sync(warm, overlay)
    assert sorted(os.listdir(overlay)) == before
    assert sync(warm, overlay)["changed"] is False


@pytest.mark.slow
def test_a_tree_that_is_gone_is_built_again(warm, overlay):
    tree = overlay / "generations/000001"
    os.chmod(tree, 0o755)
    tree.rename(overlay / "generations/aside")
    report = sync(warm, overlay)
    assert report["changed"] is True
    assert (overlay / "bin/python").exists()


@pytest.mark.slow
def test_a_base_that_moved_on_is_stood_on(warm, overlay):
    warm.edit('"scipy==1.11.0"', '"scipy==1.14.0"')
    warm.done("lock")
    warm.materialize()
    report = sync(warm, overlay)
    assert (report["changed"], report["generation"]) == (True, 2)
    assert report["base_changes"]["changed"]["scipy"] == ["1.11.0", "1.14.0"]
    assert sync(warm, overlay)["base_changes"] is None


@pytest.mark.slow
def test_what_the_site_forbids_since_is_refused(warm, overlay):
    warm.edit('base = "system"\n', 'base = "system"\nmode = "managed"\n')
    warm.materialize()
    words = ("--dir", overlay, "--target", warm.target)
    assert warm.envc("overlay", "sync", *words).status == 2


@pytest.mark.slow
def test_an_edited_spec_is_read(warm, overlay):
    path = overlay / "overlay.toml"
    path.write_text(path.read_text().replace('["six"]', "[]"))
    assert sync(warm, overlay)["adds"] == []


@pytest.mark.slow
def test_what_pip_installed_is_told_each_time(warm, overlay):
    site_packages = next((overlay / "generations/000001/lib").glob("python*/site-packages"))
    (site_packages / "mine-1.0.dist-info").mkdir()
    for _ in range(2):
        words = ("overlay", "sync", "--dir", overlay, "--target", warm.target)
        answer = envc_process(*words, cwd=warm.folder)
        assert "installed by hand: mine 1.0" in answer.stderr


def test_a_tree_that_was_removed_is_built_again_and_told_as_it_is(warm, overlay):
    before = json.loads((overlay / "current/manifest.json").read_text())["generation"]
    broken = (overlay / "current").resolve()
    for folder, _, _ in os.walk(broken):
        os.chmod(folder, 0o755)
    shutil.rmtree(broken / "lib")
    assert sync(warm, overlay)["generation"] == before + 1
    for _ in range(2):
        again = sync(warm, overlay)
        assert (again["generation"], again["changed"]) == (before + 1, False)
