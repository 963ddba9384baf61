import pytest

VERDICT_FIELDS = {"name", "spec", "ok", "inherits", "adds", "shadows", "lifts", "findings"}
FINDING_FIELDS = {"code", "severity", "message", "projects", "mend"}


def test_an_overlay_that_fits(warm):
    warm.overlay("alice", 'requires = ["polars"]')
    warm.done("lock", "--overlay", "overlays/alice.toml")
    answer = warm.done("check")
    assert answer.stdout == (
        "ok   alice (overlays/alice.toml)\n"
        "     inherits 3; adds polars; shadows numpy; lifts scipy\n"
    )
    assert answer.stderr == "1 overlay ok\n"
    assert warm.done("check", "-v").stdout == (
        "ok   alice (overlays/alice.toml)\n"
        "     inherits 3; adds polars; shadows numpy; lifts scipy\n"
        "     note ENVC203: shadows numpy 1.26.4 of layer user with 2.0.0\n"
        "       at: overlays/alice.toml\n"
        "     note ENVC204: lifts scipy 1.11.0 of layer user with 1.14.0\n"
        "       at: overlays/alice.toml\n"
    )


def test_json_has_a_field_for_everything(warm):
    warm.overlay("alice", 'requires = ["polars"]')
    warm.overlay("bob", 'requires = ["solver", "numpy>=2"]')
    answer = warm.envc("check", "--json")
    assert (answer.status, answer.stderr) == (1, "")
    report = answer.json
    assert set(report) == {"ok", "overlays"}
    assert report["ok"] is False
    assert [verdict["name"] for verdict in report["overlays"]] == ["alice", "bob"]
    for verdict in report["overlays"]:
        assert set(verdict) >= VERDICT_FIELDS
        for finding in verdict["findings"]:
            assert set(finding) >= FINDING_FIELDS
            assert finding["severity"] in {"error", "warning", "note"}
    alice, bob = report["overlays"]
    assert (alice["ok"], alice["inherits"]) == (True, 3)
    assert (alice["adds"], alice["shadows"], alice["lifts"]) == (["polars"], ["numpy"], ["scipy"])
    assert bob["ok"] is False
    assert warm.envc("check", "--format", "json").stdout == answer.stdout


def test_a_conflict_names_requirement_file_line_and_mend(warm):
    warm.edit("env = {", 'constraints = ["numpy<2"]\nenv = {')
    warm.done("lock")
    warm.overlay("alice", "requires = [", '    "polars",', "]")
    answer = warm.envc("check")
    assert (answer.status, answer.stderr) == (1, "1 overlay checked, 1 in conflict\n")
    head, first, *rest = answer.stdout.splitlines()
    assert head == "FAIL alice (overlays/alice.toml)"
    assert first.startswith(
        "     error ENVC201: no set of releases meets the requirements of overlay alice on target "
        "host ("
    )
    assert rest == [
        (
            "         polars 1.0.0 requires numpy>=2 (overlays/alice.toml:7 (overlay.requires[0]) "
            "requires polars)"
        ),
        "         envc.toml:23 (layer.user.constraints[0]) constrains numpy<2",
        "         layer user has numpy 1.26.4",
        "         the newest release of numpy is 2.0.0",
        "       at: overlays/alice.toml:7 (overlay.requires[0])",
        (
            "     mend: remove 'polars' at overlays/alice.toml:7 (overlay.requires[0]), "
            "or have 'numpy<2' at envc.toml:23 (layer.user.constraints[0]) relaxed"
        ),
        "     warning ENVC301: the overlay has no lock; it was resolved in memory",
        "       at: overlays/alice.toml",
        "     mend: lock it: envc lock --overlay overlays/alice.toml",
    ]


def test_a_refused_shadow_is_a_finding_of_its_own(warm):
    warm.edit('specs = ["overlays/*.toml"]', 'specs = ["overlays/*.toml"]\nshadow = "never"')
    warm.overlay("alice", 'requires = ["numpy>=2"]')
    findings = warm.envc("check", "--json").json["overlays"][0]["findings"]
    assert [(f["code"], f["projects"]) for f in findings if f["severity"] == "error"] == [
        ("ENVC202", ["numpy", "scipy"]),
        ("ENVC202", ["numpy", "scipy"]),
    ]


def states(warm):
    (overlay,) = warm.done("check", "--json").json["overlays"]
    return [f["code"] for f in overlay["findings"] if f["severity"] != "note"]


def test_the_state_of_the_lock_is_told(warm):
    path = warm.overlay("alice", 'requires = ["six"]')
    assert states(warm) == ["ENVC301"]
    warm.done("lock", "--overlay", path)
    assert states(warm) == []
    warm.overlay("alice", 'requires = ["six>=1"]')
    assert states(warm) == ["ENVC302"]
    warm.done("lock", "--overlay", path)
    warm.edit('"pandas"', '"pandas>=2"')
    assert states(warm) == ["ENVC302"]
    warm.edit('"pandas>=2"', '"pandas", "six<1.17"')
    warm.done("lock")
    assert states(warm) == ["ENVC303"]


def test_an_unreadable_overlay_does_not_hide_the_others(warm):
    warm.overlay("alice", 'requires = ["six"]')
    warm.overlay("bob", 'requires = ["six >"]', "colour = 1")
    warm.overlay("carol", base="nowhere")
    warm.overlay("dave")
    (warm.folder / "overlays/pylock.dave.toml").write_text("x")
    answer = warm.envc("check", "--json")
    assert answer.status == 1
    found = {
        verdict["name"]: [(f["code"], f["where"]) for f in verdict["findings"]]
        for verdict in answer.json["overlays"]
    }
    assert found == {
        "alice": [("ENVC301", "overlays/alice.toml")],
        "bob": [
            ("ENVC101", "overlays/bob.toml:6 (overlay.requires[0])"),
            ("ENVC101", "overlays/bob.toml:7 (overlay.colour)"),
        ],
        "carol": [("ENVC102", "overlays/carol.toml (overlay.base)")],
        "dave": [("ENVC304", "overlays/pylock.dave.toml")],
    }


def test_only_the_specs_that_are_named(warm):
    warm.overlay("alice")
    path = warm.overlay("bob")
    assert [v["name"] for v in warm.done("check", path, "--json").json["overlays"]] == ["bob"]


def test_no_overlays_are_ok(warm):
    answer = warm.done("check")
    assert (answer.stdout, answer.stderr) == (
        "",
        "no overlay to check: name a spec, or set overlays.specs in envc.toml\n",
    )


def test_a_spec_that_is_not_there(warm):
    answer = warm.envc("check", "overlays/nobody.toml")
    assert answer.status == 1
    assert answer.stdout == (
        "FAIL nobody (overlays/nobody.toml)\n"
        "     error ENVC101: cannot be read: No such file or directory\n"
        "       at: overlays/nobody.toml\n"
        "     mend: correct the path\n"
    )


@pytest.mark.parametrize("state", ["without a lock", "with a lock"])
def test_an_index_that_does_not_answer_is_no_verdict(warm, state):
    path = warm.overlay("alice", 'requires = ["polars"]')
    if state == "with a lock":
        warm.done("lock", "--overlay", path)
    (warm.folder / "wheels").unlink()
    answer = warm.envc("check")
    assert answer.status == (0 if state == "with a lock" else 4)
