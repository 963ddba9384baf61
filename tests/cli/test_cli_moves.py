"""What moves is told with its versions, before and after, and why; where nothing does, nothing."""

import pytest

from support.sites import envc


def moved(stderr):
    return [line.strip() for line in stderr.splitlines() if " -> " in line]


def test_lock_tells_what_moves_and_why(warm):
    warm.edit('"numpy<2"', '"numpy>=2"')
    warm.edit('"scipy==1.11.0"', '"scipy"')
    answer = warm.done("lock")
    assert moved(answer.stderr) == [
        "numpy 1.26.4 -> 2.0.0 (you asked for it)",
        "scipy 1.11.0 -> 1.14.0 (numpy 2 needs it)",
    ]
    assert moved(warm.done("lock").stderr) == []


def test_the_report_has_what_moves(warm):
    warm.edit('"scipy==1.11.0"', '"scipy"')
    assert warm.done("lock", "--json").json["layers"]["user"]["moves"] == []
    report = warm.done("lock", "--upgrade-package", "scipy", "--json").json
    assert report["layers"]["user"]["moves"] == [
        {"project": "scipy", "before": "1.11.0", "after": "1.14.0", "reason": "you asked for it"}
    ]


def test_an_upgrade_of_everything_says_so(warm):
    warm.edit('"scipy==1.11.0"', '"scipy"')
    warm.done("lock")
    answer = warm.done("lock", "--upgrade")
    assert moved(answer.stderr) == ["scipy 1.11.0 -> 1.14.0 (you let all move)"]


def test_a_new_lock_moves_nothing(site):
    assert moved(site.done("lock").stderr) == []


@pytest.mark.slow
def test_an_overlay_tells_what_it_sees_otherwise_than_its_base(alice):
    """Of what it replaces it tells always, of the reason when that has moved."""
    answer = envc("overlay", "add", "--dir", alice, "polars")
    assert moved(answer.stderr) == [
        "replaces numpy 1.26.4 -> 2.0.0 (polars 1.0.0 needs it)",
        "also moves scipy 1.11.0 -> 1.14.0 (numpy 2 needs it)",
    ]
    standing = ["replaces numpy 1.26.4 -> 2.0.0", "also moves scipy 1.11.0 -> 1.14.0"]
    for verb in ("sync", "upgrade"):
        answer = envc("overlay", verb, "--dir", alice)
        assert (answer.status, moved(answer.stderr)) == (0, standing)
    report = envc("overlay", "sync", "--dir", alice, "--json").json
    assert report["replaced"] == {"numpy": ["1.26.4", "2.0.0"], "scipy": ["1.11.0", "1.14.0"]}
    answer = envc("overlay", "remove", "--dir", alice, "polars")
    assert moved(answer.stderr) == [
        "numpy 2.0.0 -> 1.26.4 (layer user has it)",
        "scipy 1.14.0 -> 1.11.0 (layer user has it)",
    ]
    assert envc("overlay", "sync", "--dir", alice, "--json").json["moves"] == []


@pytest.mark.slow
def test_what_a_constraint_of_the_base_moves_nobody_asked_for(warm, tmp_path):
    folder = tmp_path / "plots"
    warm.edit('    "pandas",\n', "")
    warm.done("lock")
    warm.materialize()
    warm.done("overlay", "init", "--dir", folder, "--target", warm.target)
    warm.done("overlay", "add", "--dir", folder, "six")
    warm.edit("env = {", 'constraints = ["six<1.17"]\nenv = {')
    warm.done("lock")
    warm.materialize()
    answer = envc("overlay", "sync", "--dir", folder)
    assert moved(answer.stderr) == ["six 1.17.0 -> 1.16.0 (a constraint of the base)"]
