"""The recipes in docs/ci: valid for their systems, and their shell lines do what they say."""

import hashlib
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from support.sites import SiteFolder

ROOT = Path(__file__).resolve().parents[2]
RECIPES = ROOT / "docs/ci"
BINARIES = os.path.dirname(sys.executable)

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(shutil.which("git") is None, reason="no git here"),
]


def recipe(name: str) -> Any:
    return yaml.safe_load((RECIPES / name).read_text())


@pytest.mark.parametrize(
    ("name", "schema"),
    [
        ("github.yml", "vendor.github-workflows"),
        ("check/action.yml", "vendor.github-actions"),
        ("gitlab.yml", "vendor.gitlab-ci"),
    ],
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


def action_steps() -> dict[str, str]:
    return {step["name"]: step["run"] for step in recipe("check/action.yml")["runs"]["steps"]}


def component() -> tuple[Any, Any]:
    """What the component takes, and its job."""
    head, body = yaml.safe_load_all((RECIPES / "component.yml").read_text())
    return head["spec"]["inputs"], body["envc"]


def hooks() -> dict[str, Any]:
    return {
        hook["id"]: hook for hook in yaml.safe_load((ROOT / ".pre-commit-hooks.yaml").read_text())
    }


def test_step_component_and_hooks_say_no_where_it_breaks(repository: Path, tmp_path: Path) -> None:
    inputs, job = component()
    variables = {
        "ENVC_SITE": ".",
        "AGAINST": "HEAD",
        "CI_MERGE_REQUEST_DIFF_BASE_SHA": git(repository, "rev-parse", "HEAD"),
        "GITHUB_STEP_SUMMARY": str(tmp_path / "summary"),
        "RUNNER_TEMP": str(tmp_path),
    }
    assert {"url", "sha256", "site"} <= inputs.keys()
    lines = {
        "component": "\n".join(job["script"]),
        **{name: each for name, each in action_steps().items() if name != "Get envc"},
        **{name: hook["entry"] for name, hook in hooks().items()},
    }
    said = {name: shell(repository, each, **variables) for name, each in lines.items()}
    assert {name: done.stderr for name, done in said.items() if done.returncode} == {}
    break_alice(repository)
    no = {name for name, each in lines.items() if shell(repository, each, **variables).returncode}
    assert no == {"component", "Overlays and base fit", "envc-check"}
    assert "broken       alice (overlays/alice.toml)" in (tmp_path / "summary").read_text()


@pytest.mark.parametrize(
    ("path", "hook"),
    [
        ("envc.toml", {"envc-lock", "envc-check"}),
        ("sites/a/pylock.user.toml", {"envc-lock", "envc-check"}),
        ("overlays/alice.toml", {"envc-check"}),
        ("README.md", set()),
    ],
)
def test_hooks_run_for_what_they_look_at(path: str, hook: set[str]) -> None:
    assert {name for name, each in hooks().items() if re.search(each["files"], path)} == hook


@pytest.mark.parametrize("name", ["github.yml", "gitlab.yml", "check/action.yml", "component.yml"])
@pytest.mark.parametrize("known", [True, False], ids=["known", "other"])
def test_only_the_file_that_is_known_is_run(tmp_path: Path, name: str, *, known: bool) -> None:
    content = b"#!/bin/sh\necho envc 0\n"
    (tmp_path / "served").write_bytes(content)
    digest = hashlib.sha256(content if known else b"").hexdigest()
    if name == "github.yml":
        lines = github_steps()["Get envc"]
    elif name == "check/action.yml":
        lines = action_steps()["Get envc"]
    elif name == "component.yml":
        lines = "\n".join(component()[1]["before_script"])
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
        RUNNER_TEMP=str(tmp_path),
    )
    assert (done.returncode == 0) == known, done.stderr
    installed = tmp_path / "home/.local/bin/envc"
    assert installed.exists() == known
    if known:
        assert subprocess.check_output([installed], text=True) == "envc 0\n"
