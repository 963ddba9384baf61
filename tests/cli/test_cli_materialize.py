import os
import subprocess
import sys
import tomllib

import pytest

from support.sites import PYTHON_FULL, SITE_PACKAGES, envc_process, python

LAYER_FIELDS = {"digest", "closure", "distributions", "files", "linked", "copied"}


@pytest.mark.slow
def test_the_first_time_everything_is_built(site):
    site.done("lock")
    answer = site.done("materialize", "--target", site.target)
    first, *layers = answer.stderr.splitlines()
    assert answer.stdout == ""
    assert first == f"{site.target}: switched to generation 1"
    assert [line.split(",")[0] for line in layers] == [
        "  system: 1 distribution",
        "  user: 4 distributions",
    ]
    assert site.current() == "generations/000001"
    code = "import pandas, report, sys; print(pandas.__version__, sys.prefix)"
    prefix = f"{site.target}/generations/000001/user"
    assert python(site.target / "user", code) == f"2.2.0 {prefix}"


def test_nothing_to_do_changes_nothing(built):
    before = sorted(os.listdir(built.target)), (built.target / "audit.jsonl").read_text()
    answer = built.done("materialize", "--target", built.target)
    assert answer.stderr.startswith(f"{built.target}: unchanged: on generation 1\n")
    assert (sorted(os.listdir(built.target)), (built.target / "audit.jsonl").read_text()) == before


def test_json_has_a_field_for_everything(built):
    report = built.materialize()
    assert {"target", "generation", "digest", "changed", "layers"} <= set(report)
    assert (report["target"], report["generation"]) == (str(built.target), 1)
    assert report["changed"] is False
    assert report["digest"].startswith("sha256:")
    assert {name: LAYER_FIELDS - set(layer) for name, layer in report["layers"].items()} == {
        "system": set(),
        "user": set(),
    }
    user = report["layers"]["user"]
    assert user["distributions"] == 4
    assert user["files"] == user["linked"] + user["copied"]


def test_a_stale_lock_ends_with_1_and_names_the_command(warm):
    warm.edit('"pandas"', '"pandas>=2"')
    answer = warm.envc("materialize", "--target", warm.target)
    assert (answer.status, answer.stdout) == (1, "")
    assert answer.stderr == (
        "error: the lock of layer user is stale: envc.toml or its base has changed since\n"
        "   at: pylock.user.toml\n"
        " help: write it anew with `envc lock`\n"
    )
    assert not (warm.target / "current").is_symlink()


def test_a_missing_lock_ends_with_2_and_names_the_command(warm):
    (warm.folder / "pylock.user.toml").unlink()
    answer = warm.envc("materialize", "--target", warm.target)
    assert (answer.status, answer.stdout) == (2, "")
    assert answer.stderr == (
        "error: layer user has no lock\n   at: pylock.user.toml\n help: write it with `envc lock`\n"
    )


def test_an_unknown_layer(warm):
    answer = warm.envc("materialize", "--target", warm.target, "--layer", "users")
    assert (answer.status, answer.stderr) == (
        2,
        "error: no layer 'users' in site canopy\n help: did you mean user? use system, user\n",
    )


def test_a_layer_without_its_base(warm):
    answer = warm.envc("materialize", "--target", warm.target, "--layer", "user")
    assert (answer.status, answer.stderr) == (
        2,
        (
            "error: layer user stands on system, which is not materialized here\n"
            " help: add --layer system\n"
        ),
    )


def test_one_layer_alone_carries_the_others_over(warm):
    first = warm.materialize("--layer", "system")
    assert list(first["layers"]) == ["system"]
    both = warm.materialize("--layer", "user")
    assert both["layers"]["system"]["digest"] == first["layers"]["system"]["digest"]
    assert both["generation"] == 2


def test_a_wheel_that_differs_from_its_lock_is_not_opened(site, tmp_path):
    """Not even that it is no ZIP is told: its digest is looked at first."""
    site.done("lock")
    (site.folder / "wheels").unlink()
    (site.folder / "wheels").mkdir()
    for wheel in site.wheels.iterdir():
        (site.folder / "wheels" / wheel.name).symlink_to(wheel)
    forged = site.folder / "wheels/six-1.17.0-py3-none-any.whl"
    size = forged.stat().st_size
    forged.unlink()
    forged.write_bytes(b"x" * size)
    answer = site.envc("materialize", "--target", site.target)
    assert (answer.status, answer.stdout) == (5, "")
    assert "six-1.17.0-py3-none-any.whl" in answer.stderr
    assert "digest" in answer.stderr or "sha256" in answer.stderr
    assert "zip" not in answer.stderr.lower()
    assert not (site.target / "current").is_symlink()
    assert not list((site.target / "generations").glob("*"))


def test_a_wheel_that_is_gone_is_an_error_of_the_outside(site):
    site.done("lock")
    (site.folder / "wheels").unlink()
    answer = site.envc("materialize", "--target", site.target)
    assert (answer.status, answer.stdout) == (4, "")
    assert answer.stderr.startswith("error: ")
    assert "\n help: " in answer.stderr


@pytest.mark.slow
def test_a_wheelhouse_replaces_the_index(site, recipes):
    site.done("lock")
    (site.folder / "wheels").unlink()
    site.done("materialize", "--target", site.target, "--from", recipes, "--offline")
    assert site.current() == "generations/000001"


def test_two_targets_have_one_digest(warm, built):
    here, there = warm.materialize(), built.materialize()
    assert here["target"] != there["target"]
    assert [layer["digest"] for layer in here["layers"].values()] == [
        layer["digest"] for layer in there["layers"].values()
    ]
    assert here["digest"] == there["digest"]


def test_copies_have_the_same_digest_as_links(warm, built):
    report = warm.materialize("--link-mode", "copy")
    assert report["layers"]["user"]["linked"] == 0
    assert report["digest"] == built.materialize()["digest"]
    assert warm.done("verify", "--target", warm.target).status == 0


SURROUNDINGS = {
    "hash-seed": {"PYTHONHASHSEED": "4711"},
    "time-zone": {"TZ": "Pacific/Kiritimati", "LC_ALL": "tr_TR.UTF-8", "LANG": "tr_TR.UTF-8"},
    "ascii": {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"},
}


@pytest.mark.slow
@pytest.mark.parametrize("name", sorted(SURROUNDINGS))
def test_surroundings_do_not_count(site, built, name):
    """From the spec on: locks and trees are the same bytes."""
    site.edit(f'storage = "{site.storage}"', f'storage = "{built.storage}"')
    answer = envc_process("lock", cwd=site.folder, environment=SURROUNDINGS[name])
    assert answer.status == 0, answer.stderr
    assert site.lock_text("user") == built.lock_text("user")
    words = ("materialize", "--target", site.target, "--json")
    answer = envc_process(*words, cwd=site.folder, environment=SURROUNDINGS[name])
    assert answer.status == 0, answer.stderr
    assert answer.json["digest"] == built.materialize()["digest"]


@pytest.mark.slow
def test_a_private_umask_does_not_count(site, built):
    before = os.umask(0o077)
    try:
        site.done("lock")
        report = site.materialize()
    finally:
        os.umask(before)
    assert report["digest"] == built.materialize()["digest"]
    assert os.stat(site.target).st_mode & 0o777 == 0o755


@pytest.mark.slow
def test_a_private_umask_hides_nothing_from_other_users(site):
    before = os.umask(0o077)
    try:
        site.done("lock")
        site.materialize()
    finally:
        os.umask(before)
    closed = [
        folder for folder, _, _ in os.walk(site.target) if not os.stat(folder).st_mode & 0o005
    ]
    assert closed == []


def test_a_lock_for_another_machine_is_refused_with_the_reason(site):
    site.edit(
        "[layer.system]",
        '[[target]]\nname = "arm"\nplatform = "linux-aarch64"\nlibc = "glibc-2.28"\n'
        f'python-full = "{PYTHON_FULL}"\n\n[layer.system]',
    )
    site.done("lock")
    answer = site.envc("materialize", "--target", site.target)
    assert answer.status == 2
    assert answer.stderr.startswith(
        "error: this machine is none of the targets that layer system is locked for: target arm: "
        "it is linux-aarch64, this is linux-"
    )


def test_a_generation_that_is_still_there_is_switched_back_to(warm):
    old = warm.lock_text("user")
    first = warm.materialize()
    warm.edit('"scipy==1.11.0"', '"scipy==1.14.0"')
    warm.done("lock")
    second = warm.materialize()
    warm.edit('"scipy==1.14.0"', '"scipy==1.11.0"')
    warm.done("lock", "--upgrade")
    assert warm.lock_text("user") == old
    third = warm.materialize()
    assert [report["generation"] for report in (first, second, third)] == [1, 2, 1]
    assert third["changed"] is True
    assert warm.current() == "generations/000001"


def test_a_collision_within_a_layer_names_both_wheels_and_the_path(warm):
    warm.edit('"pandas"', '"pandas", "clash-one", "clash-two"')
    warm.done("lock")
    answer = warm.envc("materialize", "--target", warm.target)
    assert (answer.status, answer.stderr) == (
        5,
        (
            f"error: clash-one 1.0 and clash-two 1.0 both install {SITE_PACKAGES}/clash/data.txt, "
            "with different content\n"
            "   at: layer user\n"
            " help: remove one of the two from the layer, or pin a release of it without this "
            "file\n"
        ),
    )


def test_a_lock_of_another_tool_is_materialized(warm):
    """A lock without [tool.envc] has no inputs to be stale against."""
    path = warm.folder / "pylock.system.toml"
    lock = tomllib.loads(path.read_text())
    (wheel,) = lock["packages"][0]["wheels"]
    path.write_text(
        'lock-version = "1.0"\ncreated-by = "another"\n\n[[packages]]\nname = "report"\n'
        f'version = "1.0"\nwheels = [{{ name = "{wheel["name"]}", path = "{wheel["path"]}", '
        f'hashes = {{ sha256 = "{wheel["hashes"]["sha256"]}" }} }}]\n'
    )
    report = warm.materialize("--layer", "system")
    assert report["layers"]["system"]["distributions"] == 1


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a folder away")
def test_somebody_elses_target_is_refused(warm):
    os.chown(warm.target, 12345, -1)
    answer = warm.envc("materialize", "--target", warm.target)
    assert (answer.status, answer.stderr) == (
        2,
        (
            "error: the folder belongs to user 12345, and envc runs as user 0\n"
            f"   at: {warm.target}\n"
            " help: run envc as its owner, or choose another folder\n"
        ),
    )


def test_the_target_keeps_what_it_was_made_from(built):
    """So users need no checkout of the site."""
    kept = built.target / "current/site"
    assert sorted(path.name for path in kept.iterdir()) == [
        "envc.toml",
        "pylock.system.toml",
        "pylock.user.toml",
    ]
    assert (kept / "pylock.user.toml").read_text() == built.lock_text("user")


@pytest.mark.slow
def test_what_is_planned_already_is_carried_out_with_few_modules(warm):
    warm.materialize()
    aside = warm.root / "aside"
    aside.mkdir()
    for name in ("generations", "current", "by-lock"):
        (warm.target / name).rename(aside / name)
    heavy = {"hashlib", "packaging", "pydantic", "subprocess", "tempfile", "zipfile"}
    code = (
        "import sys; from envc.cli.main import main; status = main(sys.argv[1:]);"
        f"print(status, sorted({heavy} & set(sys.modules)))"
    )
    words = ["materialize", "--target", str(warm.target), "-q"]
    done = subprocess.run(
        [sys.executable, "-c", code, *words],
        cwd=warm.folder,
        capture_output=True,
        text=True,
        check=True,
    )
    assert (done.stdout, done.stderr) == ("0 []\n", "")
    assert warm.current() == "generations/000001"
