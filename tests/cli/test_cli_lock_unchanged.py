"""`envc lock` where nothing changed, and where anything did."""

import os
import sys

import pytest

from support.sites import SiteFolder, envc, envc_process

UP_TO_DATE = (
    "system: up to date, 1 pin (pylock.system.toml)\nuser: up to date, 4 pins (pylock.user.toml)\n"
)


@pytest.fixture
def locked(site: SiteFolder) -> SiteFolder:
    site.done("lock")
    return site


def test_paths_are_told_from_where_the_person_is(locked):
    below = locked.folder / "deep"
    below.mkdir()
    for cwd, path in (
        (locked.root, "site/pylock.user.toml"),
        (below, f"{locked.folder}/pylock.user.toml"),
    ):
        report = envc("lock", "--site", locked.folder, "--json", cwd=cwd).json
        assert report["layers"]["user"]["path"] == path


def test_a_changed_spec_is_locked_anew(locked):
    locked.edit('"pandas"', '"pandas", "six<1.17"')
    assert locked.done("lock", "--json").json["layers"]["user"]["pins"]["six"] == "1.16.0"


@pytest.mark.parametrize("layer", ["system", "user"])
def test_a_lock_that_is_gone_is_written_again(locked, layer):
    before = locked.lock_text(layer)
    os.unlink(locked.folder / f"pylock.{layer}.toml")
    assert f"{layer}: locked" in locked.done("lock").stderr
    assert locked.lock_text(layer) == before


def test_a_lock_that_was_edited_is_read(locked):
    (locked.folder / "pylock.user.toml").write_text("nonsense")
    assert locked.envc("lock").status == 2


def test_one_layer_is_judged_by_its_base_too(locked):
    locked.done("lock", "--layer", "user")
    locked.edit('requires = ["report"]', 'requires = ["report<1"]')
    locked.edit('requires = ["report<1"]', 'requires = ["report"]')
    path = locked.folder / "pylock.system.toml"
    path.write_text(path.read_text() + "\n")
    assert locked.envc("lock", "--layer", "user", "--check").status == 1


def test_another_interpreter_under_the_same_name_is_asked(site, tmp_path):
    interpreter = tmp_path / "python"
    interpreter.symlink_to(sys.executable)
    site.edit("[[index]]", f'interpreter = "{interpreter}"\n\n[[index]]')
    site.done("lock")
    assert site.done("lock").stderr == UP_TO_DATE
    interpreter.unlink()
    interpreter.write_text("#!/bin/sh\nexit 3\n")
    interpreter.chmod(0o755)
    assert envc_process("lock", cwd=site.folder).status == 2


def test_a_stale_lock_that_was_only_checked_stays_stale(locked):
    locked.edit('"pandas"', '"pandas", "six<1.17"')
    for _ in range(2):
        assert locked.envc("lock", "--check").status == 1
