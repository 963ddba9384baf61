import shutil

import pytest

from support.sites import PYTHON, envc, envc_process

pytestmark = pytest.mark.slow


@pytest.fixture
def world(warm):
    """The site with two generations: the second has another six."""
    warm.materialize()
    warm.edit('"pandas"', '"pandas", "six<1.17"')
    warm.done("lock")
    assert warm.materialize()["generation"] == 2
    return warm


def test_two_generations(world):
    answer = envc("diff", f"{world.target}@1", world.target)
    assert (answer.status, answer.stdout) == (1, "user:\n  six 1.17.0 -> 1.16.0\n")
    answer = envc("diff", f"{world.target}@2", world.target)
    assert (answer.status, answer.stdout) == (0, "")
    assert answer.stderr == f"{world.target}@2 and {world.target} have the same projects\n"


def test_two_locks_whatever_their_layers(built, world):
    answer = envc("diff", "pylock.system.toml", "pylock.user.toml", cwd=world.folder)
    assert (answer.status, answer.stdout) == (
        1,
        "user:\n  +numpy 1.26.4\n  +pandas 2.2.0\n  +scipy 1.11.0\n  +six 1.16.0\n  -report 1.0\n",
    )
    report = envc(
        "diff", built.folder / "pylock.user.toml", "pylock.user.toml", "--json", cwd=world.folder
    ).json
    assert report["python"] == [PYTHON, PYTHON]
    assert report["layers"] == {
        "user": {"added": {}, "removed": {}, "changed": {"six": ["1.17.0", "1.16.0"]}}
    }


def test_a_lock_that_does_not_tell_its_python(built, tmp_path):
    path = tmp_path / "pylock.flat.toml"
    assert envc("export", "--flat", "-o", path, cwd=built.folder).status == 0
    answer = envc("diff", path, built.folder / "pylock.user.toml")
    assert (answer.status, answer.stdout) == (1, "user:\n  -report 1.0\n")


def test_what_is_neither(tmp_path):
    answer = envc("diff", tmp_path, tmp_path)
    assert (answer.status, answer.stderr) == (
        2,
        (
            "error: nothing is materialized here\n"
            f"   at: {tmp_path}\n"
            " help: name a lock file, a target's or an overlay's folder, or DIR@N for its "
            "generation N\n"
        ),
    )


def test_a_generation_that_is_not_there(world):
    answer = envc("diff", f"{world.target}@1", f"{world.target}@7")
    assert answer.status == 2
    assert answer.stderr.startswith("error: there is no generation 7 here\n")


def test_desktop_and_cluster_have_the_same_projects(site, tmp_path):
    """One site and one overlay, two machines with targets, paths and locations of their own."""
    site.edit(
        "[layer.system]",
        '[[target]]\nname = "desktop"\nplatform = "linux-x86_64"\nlibc = "glibc-2.17"\n\n'
        '[[target]]\nname = "cluster"\nplatform = "linux-x86_64"\nlibc = "glibc-2.28"\n\n'
        '[[target]]\nname = "laptop"\nplatform = "macos-arm64"\n\n[layer.system]',
    )
    site.done("lock")
    folders = []
    for machine in ("desktop", "cluster"):
        home = tmp_path / machine
        shutil.copytree(site.folder, home / "site", symlinks=True)
        words = ("materialize", "--target", home / "opt")
        answer = envc(*words, cwd=home / "site")
        assert answer.status == 0, answer.stderr
        folder = home / "storage" / "plots"
        assert envc("overlay", "init", "--dir", folder, "--target", home / "opt").status == 0
        folders.append(folder)
    spec, lock = "overlay.toml", "pylock.plots.toml"
    assert envc("overlay", "add", "polars", "--dir", folders[0]).status == 0
    shutil.copy(folders[0] / spec, folders[1] / spec)
    shutil.copy(folders[0] / lock, folders[1] / lock)
    assert envc("overlay", "sync", "--dir", folders[1]).status == 0
    assert (folders[0] / lock).read_bytes() == (folders[1] / lock).read_bytes()
    answer = envc_process("diff", *folders, "--json", cwd=tmp_path)
    assert (answer.status, answer.json["equal"]) == (0, True)
    assert envc("overlay", "add", "theme", "--dir", folders[1]).status == 0
    answer = envc("diff", *folders)
    assert (answer.status, answer.stdout) == (1, "plots:\n  +theme 1.0\n")
