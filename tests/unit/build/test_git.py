"""git runs with the configuration of the caller, which nobody else could have written."""

import subprocess

import pytest

from envc.build.git import git_environment
from envc.disk.ownership import is_left_alone


@pytest.mark.parametrize("name", [".gitconfig", ".config/git/config"])
@pytest.mark.parametrize("exposed", [False, True])
def test_configuration_that_others_could_change_is_not_read(tmp_path, monkeypatch, name, exposed):
    file = tmp_path / name
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text("[core]\n\tsshCommand = theirs\n")
    file.chmod(0o666 if exposed else 0o644)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.delenv("GIT_CONFIG_GLOBAL", raising=False)
    is_left_alone.cache_clear()
    command = ["git", "config", "--global", "core.sshCommand"]
    told = subprocess.run(
        command, env=git_environment(), capture_output=True, text=True, check=False, cwd=tmp_path
    )
    assert told.stdout == ("" if exposed else "theirs\n")
