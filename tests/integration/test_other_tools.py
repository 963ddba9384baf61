"""A common lock is a standard one: uv installs from it."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from support.sites import SITE_PACKAGES

pytestmark = pytest.mark.slow

UV = shutil.which("uv", path=str(Path(sys.executable).parent)) or shutil.which("uv")


@pytest.mark.skipif(UV is None, reason="uv is not installed")
def test_uv_installs_a_common_lock(built, tmp_path):
    environment = tmp_path / "venv"
    for words in (
        ["venv", environment, "--python", sys.executable],
        ["pip", "sync", "--preview", "--python", environment, "pylock.user.toml"],
    ):
        command = [UV, "--offline", "--no-config", "--cache-dir", tmp_path / "cache", *words]
        done = subprocess.run(
            command, cwd=built.folder, capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stderr
    names = {path.name for path in (environment / SITE_PACKAGES).glob("*.dist-info")}
    assert names == {
        "numpy-1.26.4.dist-info",
        "pandas-2.2.0.dist-info",
        "scipy-1.11.0.dist-info",
        "six-1.17.0.dist-info",
    }
