"""An overlay on another one: a group's, and a member's on it, each in a folder of its own."""

import pytest

from support.sites import SiteFolder


@pytest.fixture
def group(warm: SiteFolder) -> SiteFolder:
    """The site, with the overlay `group` in teams/group and `carol` on it in teams/carol."""
    for name, base, requires in (
        ("group", 'base = "user"', '"polars"'),
        ("carol", 'base = "group"\nbase-dir = "../group"', '"theme"'),
    ):
        folder = warm.folder / "teams" / name
        folder.mkdir(parents=True)
        (folder / "overlay.toml").write_text(
            f'version = 1\n[overlay]\nname = "{name}"\n{base}\nrequires = [{requires}]\n'
        )
    return warm


def test_is_locked_against_the_overlay_below_it(group):
    group.done("lock", "--overlay", "teams/group/overlay.toml")
    report = group.done("lock", "--overlay", "teams/carol/overlay.toml", "--json").json
    assert report["layers"]["carol"]["pins"] == {"theme": "1.0"}


def test_is_checked_and_shown_with_all_that_it_stands_on(group):
    group.done("lock", "--overlay", "teams/group/overlay.toml")
    group.done("lock", "--overlay", "teams/carol/overlay.toml")
    verdict = group.done("check", "teams/carol/overlay.toml", "--json").json["overlays"][0]
    assert (verdict["ok"], verdict["adds"], verdict["findings"]) == (True, ["theme"], [])
    tree = group.done("tree", "--overlay", "teams/carol/overlay.toml", "--json").json
    assert tree["layers"] == ["carol", "group", "user", "system"]
    assert tree["projects"]["polars"]["layer"] == "group"


def test_a_base_without_a_lock_is_named(group):
    answer = group.envc("lock", "--overlay", "teams/carol/overlay.toml")
    assert (answer.status, answer.stderr) == (
        2,
        (
            "error: layer group has no lock\n"
            "   at: teams/group/pylock.group.toml\n"
            " help: write it with `envc lock --overlay teams/group/overlay.toml`\n"
        ),
    )


def test_a_folder_with_another_overlay_is_refused(group):
    path = group.folder / "teams/carol/overlay.toml"
    path.write_text(path.read_text().replace('base = "group"', 'base = "team"'))
    answer = group.envc("lock", "--overlay", "teams/carol/overlay.toml")
    assert (answer.status, answer.stderr) == (
        2,
        (
            "error: the overlay in ../group is called 'group', not 'team'\n"
            "   at: teams/carol/overlay.toml (overlay.base-dir)\n"
            " help: correct base, or base-dir\n"
        ),
    )


def test_a_circle_is_refused(group):
    path = group.folder / "teams/group/overlay.toml"
    path.write_text(path.read_text().replace('"user"', '"carol"\nbase-dir = "../carol"'))
    answer = group.envc("lock", "--overlay", "teams/carol/overlay.toml")
    assert (answer.status, answer.stderr) == (
        2,
        (
            "error: the overlays stand on each other in a circle: carol → group → carol\n"
            "   at: teams/carol/overlay.toml\n"
            " help: let one of them stand on a common layer\n"
        ),
    )
