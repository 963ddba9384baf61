"""`TARGET/bin/envc`: for every user of the node, with nothing else installed."""

import os
import shutil
import subprocess
import sys

import pytest

from support.sites import envc_process

pytestmark = [pytest.mark.slow, pytest.mark.whole_kit]

NOBODY = 65534


def call(target, *words, **options):
    """Call a target's envc as somebody who has nothing: no home, no PATH but the system's."""
    return subprocess.run(
        [f"{target}/bin/envc", *words],
        env={"PATH": "/usr/bin:/bin", "HOME": "/nowhere"},
        cwd="/",
        capture_output=True,
        text=True,
        check=False,
        **options,
    )


def test_it_works_without_the_envc_that_materialized(warm):
    warm.materialize()
    done = call(warm.target, "generations", "--json")
    assert done.returncode == 0, done.stderr
    assert f'"target": "{warm.target}"' in done.stdout
    home = os.path.dirname(os.path.dirname(os.path.realpath(warm.target / "bin/envc")))
    code = "import sys; sys.path.insert(0, sys.argv[1]); import envc; print(envc.__file__)"
    found = subprocess.check_output(["/usr/bin/env", "python3", "-I", "-c", code, f"{home}/lib"])
    assert found.decode().startswith(str(warm.target))


def test_everybody_may_read_what_it_is_made_of(warm):
    before = os.umask(0o077)
    try:
        warm.materialize()
    finally:
        os.umask(before)
    for folder, folders, files in os.walk(warm.target / "envc"):
        assert all(os.stat(f"{folder}/{name}").st_mode & 0o005 == 0o005 for name in folders)
        assert all(os.stat(f"{folder}/{name}").st_mode & 0o004 for name in files)
    assert os.stat(f"{warm.target}/bin").st_mode & 0o005 == 0o005


def test_it_goes_along_when_the_target_is_moved(warm):
    warm.materialize()
    place = warm.root / "moved"
    warm.target.rename(place)
    done = call(place, "verify", "--fast")
    assert done.returncode == 0, done.stderr


def test_a_target_materialized_by_its_own_envc_keeps_it(warm):
    warm.materialize()
    before = os.readlink(warm.target / "bin/envc")
    warm.edit('OMP_NUM_THREADS = "1"', 'OMP_NUM_THREADS = "2"')
    done = call(warm.target, "materialize", "--site", str(warm.folder), "--json")
    assert done.returncode == 0, done.stderr
    assert '"changed": true' in done.stdout
    assert os.readlink(warm.target / "bin/envc") == before
    other = warm.root / "other"
    done = call(warm.target, "materialize", "--site", str(warm.folder), "--target", str(other))
    assert done.returncode == 0, done.stderr
    assert os.readlink(other / "bin/envc") == before
    shutil.rmtree(other / "generations", ignore_errors=True)


def test_a_command_of_an_earlier_release_is_replaced(warm):
    warm.materialize()
    (warm.target / "bin/envc").unlink()
    (warm.target / "bin/envc").write_text("#!/bin/sh\nexec /gone/python -m envc\n")
    (warm.target / "bin/envc").chmod(0o755)
    (warm.target / ".inputs.json").unlink()
    warm.materialize()
    assert call(warm.target, "generations").returncode == 0


def test_another_envc_renews_it(warm):
    warm.materialize()
    before = os.readlink(warm.target / "bin/envc")
    noted = (warm.target / ".inputs.json").read_text()
    assert '"envc": "' in noted
    (warm.target / ".inputs.json").write_text(noted.replace('"envc": "', '"envc": "older '))
    (warm.target / "bin/envc").unlink()
    (warm.target / "bin/envc").symlink_to(f"../envc/{'0' * 64}/bin/envc")
    answer = envc_process("materialize", "--target", warm.target, cwd=warm.folder)
    assert answer.status == 0
    assert os.readlink(warm.target / "bin/envc") == before


def test_what_a_killed_run_left_of_it_goes(warm):
    warm.materialize()
    home = os.path.dirname(os.path.realpath(warm.target / "bin/envc"))
    left = [f"{folder}/envc.0a1b2c.envc-tmp" for folder in (home, warm.target / "bin")]
    for path in left:
        shutil.copy(f"{home}/envc", path)
    (warm.target / "bin/envc").unlink()
    (warm.target / ".inputs.json").unlink()
    warm.materialize()
    assert not [path for path in left if os.path.exists(path)]


def test_what_runs_from_a_kit_makes_the_same_kit(warm, tmp_path):
    warm.materialize()
    home = os.path.dirname(os.path.dirname(os.path.realpath(warm.target / "bin/envc")))
    code = (
        "import sys; sys.path.insert(0, sys.argv[1])\n"
        "from envc.cluster.kit import kit_of_this_envc as kit\n"
        "print(kit(sys.argv[2]).digest)"
    )
    made = subprocess.check_output(
        [sys.executable, "-I", "-S", "-c", code, f"{home}/lib", tmp_path / "cache"], text=True
    )
    assert made == f"sha256:{os.path.basename(home)}\n"
