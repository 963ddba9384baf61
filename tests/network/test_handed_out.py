"""`envc.pyz` as it is handed out, on an interpreter that has nothing else: `make test-network`."""

import os
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from envc.index import default_index

ROOT = Path(__file__).resolve().parents[2]
# Read before the fixtures hide the person's configuration from the tests.
INDEX = default_index().url or ""
SYSTEMS = shutil.which("python3.11", path="/usr/bin") or getattr(sys, "_base_executable", "")
SPEC = f"""\
version = 1
[site]
name = "small"
[core]
python = "{{}}"
interpreter = "{SYSTEMS}"
[layer.system]
requires = ["humanize"]
"""

pytestmark = [pytest.mark.network, pytest.mark.slow]


def test_from_the_one_file_to_a_program_in_an_overlay(tmp_path: Path) -> None:
    build = [sys.executable, ROOT / "compiler/dist/build.py", tmp_path]
    told = [SYSTEMS, "-c", "import platform; print(platform.python_version())"]
    version = subprocess.run(told, check=True, capture_output=True, text=True).stdout.strip()
    subprocess.run([*build, "--python", version], check=True, env=os.environ)
    assert (tmp_path / "envc.pyz").stat().st_size < 13_000_000  # with five Pythons 25 MB
    (wheel,) = tmp_path.glob("envc-*.whl")
    with zipfile.ZipFile(wheel) as archive:
        names = {name.partition(".data/data/share/")[2] for name in archive.namelist()}
    assert names >= {"man/man1/envc-lock.1", "bash-completion/completions/envc"}
    (tmp_path / "envc.toml").write_text(SPEC.format(version.rpartition(".")[0]))

    def run(*words: object) -> str:
        alone = {"HOME": str(tmp_path / "home"), "PATH": "/usr/bin:/bin", "ENVC_INDEX_URL": INDEX}
        kept = {
            name: os.environ[name] for name in ("PIP_CERT", "SSL_CERT_FILE") if name in os.environ
        }
        done = subprocess.run(
            list(map(str, words)),
            cwd=tmp_path,
            env=alone | kept,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        return done.stdout

    envc = (SYSTEMS, tmp_path / "envc.pyz")
    run(*envc, "lock")
    run(*envc, "materialize", "--target", "target")
    carried = tmp_path / "target/bin/envc"  # what users have
    run(carried, "overlay", "init", "--dir", "alice", "--target", "target")
    run(carried, "overlay", "add", "six", "--dir", "alice")
    program = "import six, humanize; print(humanize.intcomma(1234567))"
    assert run(tmp_path / "alice/bin/python", "-c", program) == "1,234,567\n"
    assert run(*envc, "run", "--overlay", "alice", "--", "python", "-c", program) == "1,234,567\n"
