import os
import pwd
import shutil
import threading

import pytest

from envc.model.codes import CODES
from envc.supply import contents
from support.index_server import IndexServer
from support.sites import PYTHON, envc
from support.wheels import Recipe

OWNER = pwd.getpwuid(os.getuid()).pw_name
VERDICT_FIELDS = {"name", "spec", "ok", "inherits", "adds", "shadows", "lifts", "findings"}
FINDING_FIELDS = {"code", "severity", "message", "projects", "mend"}


def test_an_overlay_that_fits(warm):
    warm.overlay("alice", 'requires = ["polars"]')
    warm.done("lock", "--overlay", "overlays/alice.toml")
    answer = warm.done("check")
    assert answer.stdout == (
        f"ok   alice (overlays/alice.toml, {OWNER}'s)\n"
        "     inherits 3; adds polars; replaces numpy; also moves scipy\n"
    )
    assert answer.stderr == "1 overlay ok\n"
    assert warm.done("check", "-v").stdout == (
        f"ok   alice (overlays/alice.toml, {OWNER}'s)\n"
        "     inherits 3; adds polars; replaces numpy; also moves scipy\n"
        "     note ENVC203: replaces numpy 1.26.4 of layer user -> 2.0.0\n"
        "       at: overlays/alice.toml:6 (overlay.requires[0])\n"
        "     note ENVC204: also moves scipy 1.11.0 of layer user -> 1.14.0\n"
        "       at: overlays/alice.toml\n"
    )


def test_json_has_a_field_for_everything(warm):
    warm.overlay("alice", 'requires = ["polars"]')
    warm.overlay("bob", 'requires = ["solver", "numpy>=2"]')
    answer = warm.envc("check", "--json")
    assert (answer.status, answer.stderr) == (1, "")
    report = answer.json
    assert set(report) == {"ok", "overlays", "checked", "reused", "received_bytes", "against"}
    assert (report["checked"], report["reused"], report["against"]) == (2, 0, None)
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
    again = warm.envc("check", "--format", "json").json
    assert again == report | {"checked": 0, "reused": 2}
    assert [verdict["owner"] for verdict in again["overlays"]] == [OWNER, OWNER]


def test_a_conflict_names_requirement_file_line_and_mend(warm):
    warm.edit("env = {", 'constraints = ["numpy<2"]\nenv = {')
    warm.done("lock")
    warm.overlay("alice", "requires = [", '    "polars",', "]")
    answer = warm.envc("check")
    assert (answer.status, answer.stderr) == (1, "1 overlay checked, 1 in conflict\n")
    lines = answer.stdout.splitlines()
    assert lines[0] == f"FAIL alice (overlays/alice.toml, {OWNER}'s)"
    assert lines[1].startswith("     error ENVC201: no set of releases meets the requirements of")
    text = " ".join(line.strip() for line in lines)
    for part in (
        "overlays/alice.toml:7 (overlay.requires[0]) requires polars",
        "envc.toml:23 (layer.user.constraints[0]) constrains numpy<2",
        "at: overlays/alice.toml:7 (overlay.requires[0]) help: ",
    ):
        assert part in text
    assert max(map(len, lines)) <= 80
    assert lines[-3:] == [
        "     warning ENVC301: the overlay has no lock; it was resolved in memory",
        "       at: overlays/alice.toml",
        "     help: lock it: envc lock --overlay overlays/alice.toml",
    ]


def test_a_refused_shadow_is_a_finding_of_its_own(warm):
    warm.edit('specs = ["overlays/*.toml"]', 'specs = ["overlays/*.toml"]\nshadow = "never"')
    warm.overlay("alice", 'requires = ["numpy>=2"]')
    findings = warm.envc("check", "--json").json["overlays"][0]["findings"]
    refused = [f for f in findings if f["severity"] == "error"]
    assert {f["code"] for f in refused} == {"ENVC202"}
    assert all("numpy" in f["projects"] for f in refused)


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
    assert states(warm) == ["ENVC307"]
    warm.edit('"pandas>=2"', '"pandas", "six<1.17"')
    warm.done("lock")
    assert codes_of(warm.done("check", "--json")) == ["ENVC303"]
    for _ in range(2):  # judged, and from the cache
        assert (
            "note ENVC303: the base was upgraded since; it still fits"
            in warm.done("check", "-v").stdout
        )
        assert states(warm) == []


def test_a_lock_that_has_to_move_on_another_base_is_a_warning(warm):
    path = warm.overlay("alice", 'requires = ["polars"]')
    warm.done("lock", "--overlay", path)
    warm.edit('"scipy==1.11.0"', '"scipy"')
    warm.edit('"pandas"', '"pandas", "six<1.17"')
    warm.edit('"numpy<2"', '"numpy"')
    warm.done("lock", "--upgrade")
    for _ in range(2):
        assert states(warm) == ["ENVC303"]


def test_a_stale_lock_below_is_not_the_overlays_fault(warm):
    path = warm.overlay("alice", 'requires = ["six"]')
    warm.done("lock", "--overlay", path)
    warm.edit('"pandas"', '"pandas>=2"')
    answer = warm.done("check")
    assert answer.stdout.splitlines()[2:] == [
        "     warning ENVC307: the lock of layer user is stale: envc.toml or its base has",
        "       changed since",
        "       at: pylock.user.toml",
        "     help: write it anew with `envc lock`",
    ]
    assert states(warm) == ["ENVC307"]  # from the cache, too
    warm.done("lock")
    assert codes_of(warm.done("check", "--json")) == ["ENVC303"]
    warm.done("lock", "--overlay", path)
    assert codes_of(warm.done("check", "--json")) == []


def test_a_stale_lock_of_an_overlay_that_another_stands_on(warm):
    lower, upper = (warm.folder / name for name in ("lower", "upper"))
    for folder, base in ((lower, '"user"'), (upper, '"lower"\nbase-dir = "../lower"')):
        folder.mkdir()
        text = f'version = 1\n[overlay]\nname = "{folder.name}"\nbase = {base}\n'
        (folder / "overlay.toml").write_text(text)
        warm.done("lock", "--overlay", folder / "overlay.toml")
    spec = lower / "overlay.toml"
    spec.write_text(spec.read_text() + 'requires = ["six"]\n')
    (verdict,) = warm.done("check", "upper/overlay.toml", "--json").json["overlays"]
    (finding,) = verdict["findings"]
    assert (finding["code"], finding["where"]) == ("ENVC307", "lower/pylock.lower.toml")
    assert finding["mend"] == "write it anew with `envc lock --overlay lower/overlay.toml`"
    warm.done("lock", "--overlay", "lower/overlay.toml")
    (verdict,) = warm.done("check", "upper/overlay.toml", "--json").json["overlays"]
    assert [each["code"] for each in verdict["findings"]] == ["ENVC303"]


def twice(warm, recipes):
    """The site on wheels of which two install one file differently: each is asked for by another.

    The lock's answer.
    """
    (warm.folder / "wheels").unlink()
    shutil.copytree(recipes, warm.folder / "wheels")
    for name, text in (("gui", "gui = 1\n"), ("headless", "gui = 0\n")):
        files = {"draw/__init__.py": "", "draw/version.py": text}
        Recipe(name=f"draw-{name}", version="1.0", files=files).build(warm.folder / "wheels")
        asks = Recipe(name=f"asks-{name}", version="1.0", requires=(f"draw-{name}",))
        asks.build(warm.folder / "wheels")
    warm.edit('"pandas",', '"pandas", "asks-gui", "asks-headless",')
    return warm.done("lock")


def test_two_projects_of_a_base_that_install_one_file(warm, recipes):
    answer = twice(warm, recipes)
    path = f"lib/python{PYTHON}/site-packages/draw/version.py"
    way_out = "overrides = [\"draw-headless; python_version < '3'\"]"
    told, *_ = answer.stderr.splitlines()
    assert told == (
        f"warning: layer user cannot be built: draw-gui and draw-headless both install {path}, "
        f"with different content; keep one of them: {way_out} in [layer.user] takes draw-headless "
        "out of it; or pin a release without this file"
    )
    warm.overlay("alice", 'requires = ["six"]')
    warm.done("lock", "--overlay", "overlays/alice.toml")
    for _ in range(2):  # judged, and from the cache
        answer = warm.envc("check", "--json")
        assert (answer.status, codes_of(answer)) == (1, ["ENVC103"])
    refused = warm.envc("materialize", "--target", warm.target)
    assert (refused.status, refused.stderr.count("both install")) == (5, 1)
    warm.edit("env = {", f"{way_out}\nenv = {{")
    assert "warning" not in warm.done("lock").stderr
    assert codes_of(warm.done("check", "--json")) == ["ENVC303"]
    warm.materialize()


def test_two_projects_of_an_overlay_that_install_one_file(warm, recipes):
    twice(warm, recipes)
    warm.overlay("alice", 'requires = ["draw-gui", "draw-headless"]', base="system")
    told, *_ = warm.done("lock", "--overlay", "overlays/alice.toml").stderr.splitlines()
    assert told.startswith(
        "warning: overlay alice cannot be built: draw-gui and draw-headless both"
    )
    assert told.endswith(
        "; take draw-gui or draw-headless out of it, or pin a release without this file"
    )
    answer = warm.envc("check", "--json")
    assert (answer.status, codes_of(answer)) == (1, ["ENVC401"])


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
    nothing = "no overlay to check: nothing matches overlays/*.toml (overlays.specs); name a spec"
    told = warm.done("check")
    assert told.stdout == ""
    assert told.stderr == f"{nothing}, or copy users' here with `envc overlay collect`\n"
    warm.edit(f'storage = "{warm.storage}"\n', "")
    assert warm.done("check").stderr == f"{nothing}, or correct that\n"
    warm.edit('specs = ["overlays/*.toml"]\n', "")
    assert warm.done("check").stderr == (
        "no overlay to check: name a spec, or set overlays.specs in envc.toml\n"
    )


def test_a_spec_that_is_not_there(warm):
    answer = warm.envc("check", "overlays/nobody.toml")
    assert answer.status == 1
    assert answer.stdout == (
        "FAIL nobody (overlays/nobody.toml)\n"
        "     error ENVC101: cannot be read: No such file or directory\n"
        "       at: overlays/nobody.toml\n"
        "     help: correct the path\n"
    )


def test_an_index_that_does_not_answer_is_no_verdict(warm):
    warm.overlay("alice", 'requires = ["polars"]')
    (warm.folder / "wheels").unlink()
    assert warm.envc("check").status == 4


def test_contents_that_cannot_be_had_are_never_an_ok(warm, monkeypatch):
    path = warm.overlay("alice", 'requires = ["polars"]')
    warm.done("lock", "--overlay", path)
    (warm.folder / "wheels").unlink()
    monkeypatch.setenv("ENVC_CACHE_DIR", str(warm.root / "empty"))  # locking has looked into some
    answer = warm.envc("check", "--json")
    findings = answer.json["overlays"][0]["findings"]
    unknown = [f for f in findings if f["code"] == "ENVC410"]
    assert answer.status == 1
    assert [f["message"] for f in unknown] == [
        (
            "what numpy, pandas, polars, report, scipy and 1 more would install is not known: "
            "the wheel is not there"
        )
    ]
    monkeypatch.setenv("ENVC_TARGET", str(warm.target))  # its store has the base's
    findings = warm.envc("check", "--json").json["overlays"][0]["findings"]
    unknown = [f["projects"] for f in findings if f["code"] == "ENVC410"]
    assert unknown == [["numpy", "polars", "scipy"]]


def test_a_folder_of_wheels_has_what_the_index_lost(warm, recipes):
    path = warm.overlay("alice", 'requires = ["polars"]')
    warm.done("lock", "--overlay", path)
    (warm.folder / "wheels").unlink()
    assert warm.envc("check", "--from", recipes).status == 0
    assert warm.envc("check").status == 0  # what is known of a wheel is kept


def codes_of(answer):
    (overlay,) = answer.json["overlays"]
    return [f["code"] for f in overlay["findings"]]


def test_wheels_that_are_in_no_store_are_read_in_part_and_once(warm, recipes, tmp_path):
    with IndexServer(recipes) as server:
        text = (warm.folder / "envc.toml").read_text()
        (warm.folder / "envc.toml").write_text(
            text.replace('path = "wheels"', f'url = "{server.url}"')
        )
        warm.done("lock")
        warm.overlay("alice", 'requires = ["polars"]')
        server.requests.clear()
        first = warm.envc("check", "--json")
        wheels = [r for r in server.requests if r.path.endswith(".whl")]
        assert codes_of(first) == ["ENVC203", "ENVC204", "ENVC301"]
        assert {r.status for r in wheels} == {206}
        bodies = sum(r.size_bytes for r in server.requests)
        assert first.json["received_bytes"] == bodies > 0
        server.requests.clear()
        second = warm.envc("check", "--json")
        assert (second.json["checked"], second.json["received_bytes"]) == (0, 0)
        assert server.requests == []
        assert second.json["overlays"] == first.json["overlays"]


@pytest.mark.parametrize("ranges", ["off", "broken"])
def test_a_server_without_ranges_gives_whole_wheels(warm, recipes, ranges):
    with IndexServer(recipes, ranges=ranges) as server:
        text = (warm.folder / "envc.toml").read_text()
        (warm.folder / "envc.toml").write_text(
            text.replace('path = "wheels"', f'url = "{server.url}"')
        )
        warm.done("lock")
        warm.overlay("alice", 'requires = ["polars"]')
        assert codes_of(warm.envc("check", "--json")) == ["ENVC203", "ENVC204", "ENVC301"]


def test_a_server_that_is_silent_costs_nobody_elses_verdict(warm, recipes, monkeypatch):
    monkeypatch.setattr(contents, "PATIENCE", contents.Patience(seconds=2, of_a_user=3))
    with IndexServer(recipes) as server:
        warm.edit('path = "wheels"', f'url = "{server.url}"')
        warm.done("lock")
        for name in ("alice", "bob", "carol"):
            warm.overlay(name, f'requires = ["{"theme" if name == "bob" else "polars"}"]')
        server.held |= {f"/files/{path.name}" for path in recipes.glob("polars-*.whl")}
        verdicts = {each["name"]: each for each in warm.envc("check", "--json").json["overlays"]}
    for thread in threading.enumerate():  # those that were given up; a fork wants none beside it
        if thread is not threading.main_thread():
            thread.join(60)
    assert verdicts["bob"]["ok"]
    for name in ("alice", "carol"):
        (unknown,) = (f for f in verdicts[name]["findings"] if f["code"] == "ENVC410")
        assert "who has the wheel took too long to give it" in unknown["message"]


def counters(answer):
    return answer.json["checked"], answer.json["reused"]


def test_a_changed_base_is_checked_again_only_where_it_touches(warm):
    warm.overlay("adds", 'requires = ["theme"]')
    warm.overlay("asks", 'requires = ["six"]')
    warm.overlay("shadows", 'requires = ["polars"]')
    assert counters(warm.envc("check", "--json")) == (3, 0)
    warm.edit('"pandas"', '"pandas", "six<1.17"')
    warm.done("lock")
    answer = warm.envc("check", "--json")
    assert counters(answer) == (1, 2)
    assert counters(warm.envc("check", "--json")) == (0, 3)
    os.unlink(f"{os.environ['ENVC_CACHE_DIR']}/check-v1.sqlite")
    cold = warm.envc("check", "--json")
    assert counters(cold) == (3, 0)
    assert cold.json["overlays"] == answer.json["overlays"]


def test_what_a_site_says_of_one_project_is_seen(warm, recipes):
    """A verdict on what is not locked rests on the whole of [resolver]."""
    wheels = warm.folder / "wheels"
    wheels.unlink()
    shutil.copytree(recipes, wheels)
    Recipe(name="theme", version="2.0rc1").build(wheels)
    warm.overlay("alice", 'requires = ["theme>1"]')
    assert codes_of(warm.envc("check", "--json")) == ["ENVC301"]
    with (warm.folder / "envc.toml").open("a") as spec:
        spec.write('[resolver]\nprerelease = { theme = "disallow" }\n')
    warm.done("lock")
    assert codes_of(warm.envc("check", "--json")) == ["ENVC201", "ENVC301"]


def test_a_lock_that_appears_or_a_release_is_seen(warm, recipes):
    path = warm.overlay("alice", 'requires = ["theme"]')
    assert codes_of(warm.envc("check", "--json")) == ["ENVC301"]
    warm.done("lock", "--overlay", path)
    answer = warm.envc("check", "--json")
    assert (counters(answer), codes_of(answer)) == ((1, 0), [])


def test_many_overlays_are_judged_by_many_processes(warm):
    for number in range(30):
        warm.overlay(f"user{number:02d}", f'requires = ["{"theme" if number % 2 else "polars"}"]')
    many = warm.envc("check", "--json")
    assert counters(many) == (30, 0)
    alone = warm.envc("check", "overlays/user00.toml", "--json")
    assert alone.json["overlays"][0] == many.json["overlays"][0]
    assert [v["name"] for v in many.json["overlays"]] == [f"user{n:02d}" for n in range(30)]


def test_the_site_and_an_overlay_treat_findings_otherwise(warm):
    warm.overlay("alice", 'requires = ["polars"]', "[check]", IGNORED)
    assert codes_of(warm.envc("check", "--json")) == ["ENVC204", "ENVC301"]
    path = warm.folder / "envc.toml"
    path.write_text(path.read_text() + '\n[check]\nerror = ["ENVC301"]\nignore = ["ENVC204"]\n')
    answer = warm.envc("check", "-v")
    assert answer.status == 1
    assert answer.stdout == (
        f"FAIL alice (overlays/alice.toml, {OWNER}'s)\n"
        "     error ENVC301: the overlay has no lock; it was resolved in memory\n"
        "       at: overlays/alice.toml\n"
        "     help: lock it: envc lock --overlay overlays/alice.toml\n"
        "     ignored ENVC203: replaces numpy 1.26.4 of layer user -> 2.0.0\n"
        "       at: overlays/alice.toml:6 (overlay.requires[0])\n"
        "       because: we need it\n"
        "     ignored ENVC204: also moves scipy 1.11.0 of layer user -> 1.14.0\n"
        "       at: overlays/alice.toml\n"
    )


IGNORED = 'ignore = [{ code = "ENVC203", reason = "we need it" }]'


@pytest.mark.parametrize(
    ("line", "message"),
    [
        (
            'ignore = [{ code = "ENVC203" }]',
            "overlays/alice.toml:7 (check.ignore[0].reason): missing key",
        ),
        (
            'ignore = [{ code = "ENVC201", reason = "x" }]',
            (
                "overlays/alice.toml:7 (check.ignore[0].code): ENVC201 is always an error: no set "
                "of releases meets the overlay's requirements on its base"
            ),
        ),
        (
            'error = [{ code = "ENVC999", reason = "x" }]',
            (
                "overlays/alice.toml:7 (check.error[0].code): 'ENVC999' is no code of a finding; "
                "`envc check --explain` lists them"
            ),
        ),
    ],
)
def test_rules_that_make_no_sense(warm, line, message):
    warm.overlay("alice", "[check]", line)
    (finding,) = warm.envc("check", "--json").json["overlays"][0]["findings"]
    assert f"{finding['where']}: {finding['message']}" == message


@pytest.mark.parametrize("code", sorted(CODES))
def test_every_code_is_explained(code, tmp_path):
    answer = envc("check", "--explain", code.lower(), cwd=tmp_path)
    assert answer.status == 0
    assert answer.stdout.startswith(f"# {code}: {CODES[code][1]}\n\nSeverity: {CODES[code][0]}.")


def test_a_code_that_there_is_not(tmp_path):
    answer = envc("check", "--explain", "ENVC999", cwd=tmp_path)
    assert (answer.status, answer.stdout) == (2, "")
    assert answer.stderr == (
        f"error: 'ENVC999' is no code of a finding\n help: use one of {', '.join(sorted(CODES))}\n"
    )


def test_an_overlay_whose_tree_is_another(built, tmp_path):
    folder = tmp_path / "alice"
    built.done("overlay", "init", "--dir", folder, "--target", built.target)
    built.done("overlay", "add", "theme", "--dir", folder)
    spec = folder / "overlay.toml"
    assert codes_of(built.envc("check", spec, "--json")) == []
    spec.write_text(spec.read_text().replace('"theme"', '"theme", "notebook"'))
    built.done("lock", "--overlay", spec)
    assert codes_of(built.envc("check", spec, "--json")) == ["ENVC306"]
    built.done("overlay", "sync", "--dir", folder)
    assert codes_of(built.envc("check", spec, "--json")) == []


def test_what_would_have_to_be_built_is_not_known(warm, tmp_path):
    project = tmp_path / "mine"
    project.mkdir()
    (project / "pyproject.toml").write_text('[project]\nname = "mine"\nversion = "1"\n')
    warm.overlay("alice", f'editable = ["{project}"]')
    (finding,) = warm.envc("check", "--json").json["overlays"][0]["findings"]
    assert (finding["code"], finding["message"], finding["mend"]) == (
        "ENVC410",
        (
            f"{project} is editable: what it contains shows only when it is built, and a check "
            "builds nothing"
        ),
        "lock it: envc lock --overlay overlays/alice.toml",
    )


def test_files_that_are_folders_do_not_end_the_run(warm):
    for name in ("spec", "lock", "base"):
        warm.overlay(name, 'requires = ["theme"]')
    (warm.folder / "overlays/spec.toml").unlink()
    (warm.folder / "overlays/spec.toml").mkdir()
    (warm.folder / "overlays/pylock.lock.toml").mkdir()
    codes = {
        verdict["name"]: [f["code"] for f in verdict["findings"]]
        for verdict in warm.envc("check", "--json").json["overlays"]
    }
    assert codes == {"base": ["ENVC301"], "lock": ["ENVC304"], "spec": ["ENVC101"]}


def test_specs_on_shared_storage_by_an_absolute_glob(warm, monkeypatch):
    monkeypatch.setenv("SHARED", str(warm.storage))
    warm.edit('specs = ["overlays/*.toml"]', 'specs = ["$SHARED/*/*/overlay.toml"]')
    for user in ("alice", "bob"):
        folder = warm.storage / user / "own"
        folder.mkdir(parents=True)
        spec = f'version = 1\n[overlay]\nname = "{user}"\nbase = "user"\n'
        (folder / "overlay.toml").write_text(spec)
    found = warm.done("check", "--json").json["overlays"]
    assert [(v["name"], v["spec"], v["owner"]) for v in found] == [
        (user, str(warm.storage / user / "own/overlay.toml"), OWNER) for user in ("alice", "bob")
    ]


def test_a_collected_overlay_is_its_users(warm):
    warm.edit('specs = ["overlays/*.toml"]', 'specs = ["overlays/**/*.toml"]')
    spec = 'version = 1\n[overlay]\nname = "own"\nbase = "user"\n'
    for path in ("ann/own/overlay.toml", "ben/own/overlay.toml", "ben/other/own.toml", "own.toml"):
        place = warm.folder / "overlays" / path
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_text(spec)
    found = warm.done("check", "--json").json["overlays"]
    assert {verdict["spec"]: verdict["owner"] for verdict in found} == {
        "overlays/ann/own/overlay.toml": "ann",
        "overlays/ben/own/overlay.toml": "ben",
        "overlays/ben/other/own.toml": OWNER,
        "overlays/own.toml": OWNER,
    }
