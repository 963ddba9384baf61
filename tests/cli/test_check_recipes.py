"""The recipes in docs/ci: valid for their systems, and their shell lines do what they say."""

import hashlib
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from support.sites import SiteFolder

RECIPES = Path(__file__).resolve().parents[2] / "docs/ci"
BINARIES = os.path.dirname(sys.executable)

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(shutil.which("git") is None, reason="no git here"),
]


def recipe(name: str) -> Any:
    return yaml.safe_load((RECIPES / name).read_text())


@pytest.mark.parametrize(
    ("name", "schema"),
    [("github.yml", "vendor.github-workflows"), ("gitlab.yml", "vendor.gitlab-ci")],
)
def test_it_fits_the_published_schema(name: str, schema: str) -> None:
    words = ["-m", "check_jsonschema", "--builtin-schema", schema, "--data-transform"]
    transform = "gitlab-ci" if "gitlab" in schema else None
    words = words if transform else words[:-1]
    command = [sys.executable, *words, *([transform] if transform else []), str(RECIPES / name)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.fixture
def repository(warm: SiteFolder) -> Iterator[Path]:
    """A site in git: on `origin/main` all is well; the change in the checkout breaks alice."""
    warm.overlay("alice", 'requires = ["polars"]')
    warm.overlay("bob", 'requires = ["theme"]')
    for name in ("alice", "bob"):
        warm.done("lock", "--overlay", f"overlays/{name}.toml")
    (warm.folder / ".gitignore").write_text("wheels\n")
    git(warm.folder, "init", "-q")
    git(warm.folder, "add", "-A")
    git(warm.folder, "commit", "-q", "-m", "before")
    git(warm.folder, "update-ref", "refs/remotes/origin/main", "HEAD")
    yield warm.folder
    shutil.rmtree(warm.folder / ".git")


def break_alice(folder: Path) -> None:
    spec = folder / "envc.toml"
    spec.write_text(spec.read_text().replace("env = {", 'constraints = ["numpy<2"]\nenv = {'))
    done = subprocess.run([f"{BINARIES}/envc", "lock", "-q"], cwd=folder, check=False)
    assert done.returncode == 0


def git(folder: Path, *words: str) -> str:
    identity = ("-c", "user.name=ci", "-c", "user.email=ci@example.org")
    done = subprocess.run(
        ["git", *identity, "-C", str(folder), *words], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def shell(folder: Path, lines: str, **variables: str) -> subprocess.CompletedProcess[str]:
    """Run lines as the CI systems do: bash that ends at the first failure."""
    surroundings = {**os.environ, "PATH": f"{BINARIES}:{os.environ['PATH']}", **variables}
    return subprocess.run(
        ["bash", "-e", "-o", "pipefail", "-c", lines],
        cwd=folder,
        env=surroundings,
        capture_output=True,
        text=True,
        check=False,
    )


def github_steps() -> dict[str, str]:
    steps = recipe("github.yml")["jobs"]["check"]["steps"]
    return {step["name"]: step["run"] for step in steps if "run" in step}


def test_github_is_green_where_all_is_well(repository: Path, tmp_path: Path) -> None:
    summary = tmp_path / "summary"
    for name, lines in github_steps().items():
        if name != "Get envc":
            done = shell(
                repository, lines, GITHUB_BASE_REF="main", GITHUB_STEP_SUMMARY=str(summary)
            )
            assert done.returncode == 0, f"{name}: {done.stdout}{done.stderr}"
    assert (repository / "envc.sarif").stat().st_size > 0
    assert "<!doctype html>" in (repository / "envc-check.html").read_text()
    assert summary.read_text() == "against origin/main:\n"


def test_github_is_red_at_the_line_and_says_whom_it_breaks(
    repository: Path, tmp_path: Path
) -> None:
    break_alice(repository)
    summary = tmp_path / "summary"
    statuses: dict[str, int] = {}
    output = ""
    for name, lines in github_steps().items():
        if name != "Get envc":
            done = shell(
                repository, lines, GITHUB_BASE_REF="main", GITHUB_STEP_SUMMARY=str(summary)
            )
            statuses[name] = done.returncode
            output += done.stdout
    assert [name for name, status in statuses.items() if status] == ["Overlays and base fit"]
    assert "::error file=overlays/alice.toml,title=ENVC201 alice,line=6::" in output
    assert "broken       alice (overlays/alice.toml)" in summary.read_text()


@pytest.mark.parametrize("breaks", [False, True])
def test_gitlab(repository: Path, *, breaks: bool) -> None:
    job = recipe("gitlab.yml")["envc"]
    if breaks:
        break_alice(repository)
    head = git(repository, "rev-parse", "HEAD")
    done = shell(repository, "\n".join(job["script"]), CI_MERGE_REQUEST_DIFF_BASE_SHA=head)
    assert done.returncode == int(breaks), done.stdout + done.stderr
    assert ("1 broken" in done.stderr) == breaks
    for path in (*job["artifacts"]["paths"], job["artifacts"]["reports"]["junit"]):
        assert (repository / path).stat().st_size > 0
    alone = shell(repository, job["script"][-1])
    assert alone.returncode == int(breaks)


@pytest.mark.parametrize("name", ["github.yml", "gitlab.yml"])
@pytest.mark.parametrize("known", [True, False], ids=["known", "other"])
def test_only_the_file_that_is_known_is_run(tmp_path: Path, name: str, *, known: bool) -> None:
    content = b"#!/bin/sh\necho envc 0\n"
    (tmp_path / "served").write_bytes(content)
    digest = hashlib.sha256(content if known else b"").hexdigest()
    if name == "github.yml":
        lines = github_steps()["Get envc"]
    else:
        lines = "\n".join(recipe(name)["envc"]["before_script"])
    (tmp_path / "home").mkdir()
    done = shell(
        tmp_path,
        lines,
        ENVC_URL=(tmp_path / "served").as_uri(),
        ENVC_SHA256=digest,
        HOME=str(tmp_path / "home"),
        GITHUB_PATH=str(tmp_path / "path"),
    )
    assert (done.returncode == 0) == known, done.stderr
    installed = tmp_path / "home/.local/bin/envc"
    assert installed.exists() == known
    if known:
        assert subprocess.check_output([installed], text=True) == "envc 0\n"
