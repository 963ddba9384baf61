import json
import os
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
from cyclonedx.schema import SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator

from support.projects import write_project
from support.sites import SITE_PACKAGES, envc, python
from support.wheels import Recipe, sha256_of

UV = shutil.which("uv", path=str(Path(sys.executable).parent)) or shutil.which("uv")


def versions(lock: str) -> dict[str, str]:
    return {package["name"]: package["version"] for package in tomllib.loads(lock)["packages"]}


@pytest.fixture
def alice(built, tmp_path):
    """An overlay that replaces two projects of its base, and has one of its own."""
    folder = tmp_path / "alice"
    assert envc("overlay", "init", "--dir", folder, "--target", built.target).status == 0
    assert envc("overlay", "add", "polars", "--dir", folder).status == 0
    return folder


@pytest.mark.slow
def test_a_flat_stack_has_what_a_process_sees(built, alice):
    answer = envc("export", "--overlay", alice, "--flat")
    assert answer.status == 0, answer.stderr
    assert versions(answer.stdout) == {
        "numpy": "2.0.0",
        "pandas": "2.2.0",
        "polars": "1.0.0",
        "report": "1.0",
        "scipy": "1.14.0",
        "six": "1.17.0",
    }
    own = envc("export", "--overlay", alice).stdout
    assert versions(own) == {"numpy": "2.0.0", "polars": "1.0.0", "scipy": "1.14.0"}


def test_users_need_no_checkout(built, tmp_path, monkeypatch):
    answer = envc("export", "--layer", "system", cwd=tmp_path)
    assert (answer.status, answer.stderr.splitlines()[0]) == (
        2,
        "error: no site here: no envc.toml in this folder or any above it",
    )
    monkeypatch.setenv("ENVC_TARGET", str(built.target))
    assert versions(envc("export", "--layer", "system", cwd=tmp_path).stdout) == {"report": "1.0"}


def test_requirements_have_hashes(built):
    answer = envc("export", "--layer", "system", "--format", "requirements", cwd=built.folder)
    wheel = built.wheels / "report-1.0-py3-none-any.whl"
    assert (answer.status, answer.stdout) == (
        0,
        (
            "# Written by `envc export` from the locks. Install it with `pip install -r` this "
            "file.\n"
            f"report @ file://{built.folder}/wheels/{wheel.name} \\\n"
            f"    --hash=sha256:{sha256_of(wheel)}\n"
        ),
    )


@pytest.mark.slow
@pytest.mark.skipif(UV is None, reason="uv is not installed")
def test_uv_takes_the_requirements(built, tmp_path):
    path = tmp_path / "requirements.txt"
    words = ("export", "--flat", "--format", "requirements", "-o", path)
    assert envc(*words, cwd=built.folder).stderr == f"user on system: {path}\n"
    command = [UV, "pip", "install", "--dry-run", "--offline", "--no-index", "--target"]
    environment = {**os.environ, "UV_CACHE_DIR": str(tmp_path / "uv")}
    done = subprocess.run(
        [*command, tmp_path / "flat", "--require-hashes", "-r", path],
        capture_output=True,
        text=True,
        check=False,
        env=environment,
    )
    assert done.returncode == 0, done.stderr
    assert "Would install 5 packages" in done.stderr


@pytest.mark.slow
def test_a_bill_of_materials_is_valid(built, alice):
    text = envc("export", "--overlay", alice, "--flat", "--format", "cyclonedx").stdout
    assert JsonStrictValidator(SchemaVersion.V1_6).validate_str(text) is None
    document = json.loads(text)
    assert document["metadata"]["component"]["name"] == "alice on user on system"
    edges = {entry["ref"]: entry["dependsOn"] for entry in document["dependencies"]}
    assert edges["pkg:pypi/pandas@2.2.0"] == ["pkg:pypi/numpy@2.0.0", "pkg:pypi/six@1.17.0"]
    assert edges["pkg:pypi/six@1.17.0"] == []
    assert (
        text
        == envc("export", "--overlay", alice, "--flat", "--format", "cyclonedx", "--offline").stdout
    )


@pytest.mark.slow
def test_an_ordinary_environment(built, alice, tmp_path):
    flat = tmp_path / "flat"
    mine = write_project(tmp_path / "mine", Recipe(name="mine", version="1"), "value = 1\n")
    assert envc("overlay", "add", "-e", mine, "--dir", alice).status == 0
    report = envc("export", "--overlay", alice, "--to", flat, "--json").json
    assert (report["path"], report["projects"], report["format"]) == (str(flat), 7, "tree")
    code = "import sys, numpy, pandas, mine; print(numpy.__version__, pandas.__file__, mine.value)"
    numpy, pandas, value = python(flat, code).split()
    assert (numpy, value) == ("2.0.0", "1")
    assert pandas == f"{flat}/{SITE_PACKAGES}/pandas/__init__.py"
    assert not [name for name in os.listdir(flat / SITE_PACKAGES) if "envc" in name]
    assert (flat / SITE_PACKAGES / "mine-1.dist-info" / "direct_url.json").is_file()
    done = subprocess.run([flat / "bin" / "report"], capture_output=True, text=True, check=True)
    assert json.loads(done.stdout)["prefix"] == str(flat)
    links = {path.stat().st_nlink for path in flat.rglob("*.py")}
    assert links == {1}
    assert sorted(path.name for path in tmp_path.iterdir() if "flat" in path.name) == ["flat"]
    again = envc("export", "--overlay", alice, "--to", flat)
    assert (again.status, again.stderr) == (
        2,
        (
            "error: something stands there already\n"
            f"   at: {flat}\n"
            " help: name a folder that is not there\n"
        ),
    )
