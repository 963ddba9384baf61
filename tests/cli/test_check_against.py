"""`envc check --against`: whom does a change of the site break?"""

import shutil
import subprocess

import pytest

from support.sites import SiteFolder


@pytest.fixture
def changed(warm: SiteFolder) -> SiteFolder:
    """A site with six overlays, and beside it, in `before`, the state that it came from."""
    warm.overlay("adds", 'requires = ["theme"]')
    warm.overlay("shadows", 'requires = ["polars"]')
    warm.overlay("asks", 'requires = ["six==1.17.0"]')
    warm.overlay("fails", 'requires = ["six<1"]')
    warm.overlay("mended", 'requires = ["notebook", "six<1.17"]', 'shadow = "never"')
    shutil.copytree(warm.folder, warm.root / "before", symlinks=True)
    warm.overlay("later", 'requires = ["six"]')
    warm.edit('"pandas"', '"pandas", "six<1.17"')
    warm.edit("env = {", 'constraints = ["numpy<2"]\nenv = {')
    warm.done("lock")
    return warm


KINDS = {
    "adds": "unaffected",
    "asks": "re-lock",
    "fails": "still-broken",
    "later": "new",
    "mended": "mended",
    "shadows": "broken",
}
COUNTS = dict.fromkeys(("unaffected", "re-lock", "broken", "still-broken", "mended", "new"), 1)


def kinds(answer):
    return {each["name"]: each["kind"] for each in answer.json["against"]["overlays"]}


def test_every_overlay_is_classified_and_summed_up(changed):
    answer = changed.envc("check", "--against", changed.root / "before", "--json")
    assert answer.status == 1
    assert kinds(answer) == KINDS
    assert answer.json["against"]["counts"] == COUNTS
    told = {each["name"]: each for each in answer.json["against"]["overlays"]}
    assert told["asks"]["changes"] == ["adds six 1.17.0", "begins to shadow six"]
    assert told["shadows"]["why"][0].startswith("ENVC201: no set of releases")


def test_the_text_tells_what_changes_and_why(changed):
    before = changed.root / "before"
    answer = changed.envc("check", "--against", before)
    told = answer.stdout.partition(f"against {before}:\n")[2].splitlines()
    assert told[:3] == [
        "re-lock      asks (overlays/asks.toml)",
        "             adds six 1.17.0",
        "             begins to shadow six",
    ]
    assert not any(line.startswith("unaffected") for line in told)
    assert answer.stderr.splitlines()[-1] == (
        f"against {before}: 1 unaffected, 1 re-lock, 1 broken, 1 still-broken, 1 mended, 1 new"
    )


def test_only_the_overlays_that_are_named(changed):
    before = changed.root / "before"
    answer = changed.envc("check", "overlays/asks.toml", "--against", before, "--json")
    assert kinds(answer) == {"asks": "re-lock"}


def test_where_none_of_them_is_in_the_other_state_all_are_new(changed):
    before = changed.root / "before"
    answer = changed.envc("check", "overlays/later.toml", "--against", before, "--json")
    assert kinds(answer) == {"later": "new"}
    changed.edit('specs = ["overlays/*.toml"]', 'specs = ["elsewhere/*.toml"]')
    answer = changed.envc("check", "--against", before, "--json")
    assert (answer.status, kinds(answer)) == (0, {})


def git(folder, *words):
    identity = ("-c", "user.name=ci", "-c", "user.email=ci@example.org")
    done = subprocess.run(
        ["git", *identity, "-C", str(folder), *words], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr


@pytest.mark.skipif(shutil.which("git") is None, reason="no git here")
def test_a_revision_of_the_site(changed):
    shutil.copytree(changed.folder, changed.root / "after", symlinks=True)
    for state in ("before", "after"):
        shutil.rmtree(changed.folder / "overlays")
        shutil.copytree(
            changed.root / state,
            changed.folder,
            symlinks=True,
            dirs_exist_ok=True,
            ignore=shutil.ignore_patterns("wheels"),
        )
        if state == "before":
            (changed.folder / ".gitignore").write_text("wheels\n")
            git(changed.folder, "init", "-q")
            git(changed.folder, "add", "-A")
            git(changed.folder, "commit", "-q", "-m", "before")
    assert kinds(changed.envc("check", "--against", "HEAD", "--json")) == KINDS


@pytest.mark.parametrize("state", ["nowhere", "--output=x"])
def test_a_state_that_there_is_not(changed, state):
    answer = changed.envc("check", f"--against={state}")
    assert (answer.status, answer.stdout) == (2, "")
    assert answer.stderr == (
        f"error: {state!r} is neither a folder nor a git revision of this site\n"
        f"   at: {changed.folder}\n"
        " help: name a folder with a site, or a revision such as origin/main\n"
    )
