"""A target's names and policy: whatever of them is lost or old, `materialize` brings it back."""

import json
import os
import shutil

import pytest

from faults.sweep import remove
from support.sites import PYTHON, SiteFolder, envc, envc_process, python


def take_away(path):
    if path.is_symlink() or path.is_file():
        path.unlink()
    else:
        for folder, _, _ in os.walk(path):
            os.chmod(folder, 0o755)
        shutil.rmtree(path)


def listing(target):
    """Every name beside the generations, the store and the log, and where it leads."""
    names = {}
    for folder, folders, files in os.walk(target):
        folders[:] = [name for name in folders if name not in {"generations", "store", "trash"}]
        for name in (*folders, *files):
            path = f"{folder}/{name}"
            names[os.path.relpath(path, target)] = os.path.islink(path) and os.readlink(path)
    return names


@pytest.mark.slow
@pytest.mark.parametrize(
    "name",
    [
        "current",
        "user",
        "by-lock",
        "bin",
        "bin/envc",
        "modulefiles",
        "modulefiles/canopy/system.lua",
        "location.toml",
        "policy.json",
        ".inputs.json",
    ],
)
def test_a_name_that_is_lost_comes_back(warm, name):
    warm.materialize()
    before = listing(warm.target)
    take_away(warm.target / name)
    report = warm.materialize()
    assert listing(warm.target) == before
    assert report["generation"] == 1
    assert warm.materialize()["changed"] is False
    assert warm.done("verify", "--target", warm.target).status == 0


@pytest.mark.slow
@pytest.mark.parametrize("name", ["user", "current", "modulefiles/canopy/user.lua"])
def test_a_name_that_leads_astray_is_put_right(warm, name):
    warm.materialize()
    before = listing(warm.target)
    place = warm.target / name
    place.unlink()
    place.symlink_to("generations/000009" if name == "current" else "nowhere")
    warm.materialize()
    assert listing(warm.target) == before


@pytest.mark.slow
def test_a_tree_that_is_gone_is_built_again(warm):
    warm.materialize()
    take_away(warm.target / "generations/000001/user")
    report = warm.materialize()
    assert (report["changed"], report["generation"]) == (True, 2)
    assert python(warm.target / "user", "import pandas; print(pandas.__name__)") == "pandas"


@pytest.mark.slow
def test_a_layer_that_was_left_out_is_built(warm):
    assert list(warm.materialize("--layer", "system")["layers"]) == ["system"]
    assert list(warm.materialize()["layers"]) == ["system", "user"]


@pytest.mark.slow
def test_what_is_wrong_with_a_lock_is_told_also_where_its_layer_is_not_here(warm):
    warm.materialize("--layer", "system")
    lock = warm.folder / "pylock.user.toml"
    text = lock.read_text()
    lock.unlink()
    assert warm.envc("materialize", "--target", warm.target).status == 2
    lock.write_text(text)
    warm.edit('"pandas"', '"pandas>=1"')
    assert warm.envc("materialize", "--target", warm.target).status == 1
    assert warm.envc("materialize", "--target", warm.target, "--layer", "user").status == 1


@pytest.mark.slow
def test_a_layer_that_was_renamed_leaves_nothing_under_its_old_name(warm):
    warm.materialize()
    warm.edit("[layer.user]", "[layer.people]")
    warm.done("lock")
    report = warm.materialize()
    assert list(report["layers"]) == ["system", "people"]
    modules = {"modulefiles/canopy/user", "modulefiles/canopy/user.lua"}
    assert {"user", *modules} == set(report["removed"])
    dangling = [
        name
        for name, leads in listing(warm.target).items()
        if leads and not os.path.exists(warm.target / name)
    ]
    assert dangling == []
    assert "user" not in os.listdir(warm.target)
    warm.done("rollback", "--target", warm.target)
    assert os.readlink(warm.target / "user") == "current/user"
    assert "people" not in os.listdir(warm.target)


@pytest.mark.slow
def test_a_site_that_was_renamed_shows_its_modules_under_its_new_name(warm):
    warm.materialize()
    warm.edit('name = "canopy"', 'name = "grove"')
    warm.done("lock")
    report = warm.materialize()
    assert report["changed"] is True
    assert os.listdir(warm.target / "modulefiles") == ["grove"]


@pytest.mark.slow
@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("[layer.user]\n", '[layer.user]\nmode = "managed"\n'),
        ("[overlays]\n", '[overlays]\nshadow = "never"\n'),
        ('specs = ["overlays/*.toml"]', 'specs = ["o/*.toml"]'),
        ('storage = "', 'storage = "/other'),
        ("[overlays]\n", "[retain]\ngenerations = 9\n\n[overlays]\n"),
        ("[overlays]\n", "[retain]\ndays = 1\n\n[overlays]\n"),
        ("[overlays]\n", '[check]\nignore = ["ENVC409"]\n\n[overlays]\n'),
    ],
)
def test_what_the_site_says_about_overlays_reaches_the_target(warm, old, new):
    warm.materialize()
    before = (warm.target / "policy.json").read_bytes()
    warm.edit(old, new)
    report = warm.materialize()
    assert (report["changed"], report["policy"], report["generation"]) == (True, True, 1)
    assert (warm.target / "policy.json").read_bytes() != before
    again = warm.materialize()
    assert (again["changed"], again["policy"]) == (False, False)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("old", "new"),
    [
        ('OMP_NUM_THREADS = "1"', 'OMP_NUM_THREADS = "2"'),
        ('base = "system"\n', 'base = "system"\nmodules = ["openmpi/4.1"]\n'),
    ],
)
def test_what_a_layer_sets_reaches_the_target(warm, old, new):
    warm.materialize()
    warm.edit(old, new)
    assert warm.materialize()["changed"] is True
    assert warm.materialize()["changed"] is False


@pytest.mark.slow
def test_a_prohibition_outlasts_a_roll_back(warm):
    warm.materialize()
    warm.edit('"pandas"', '"pandas>=1"')
    warm.edit("[layer.user]\n", '[layer.user]\nmode = "managed"\n')
    warm.done("lock")
    warm.materialize()
    warm.done("rollback", "--target", warm.target)
    words = ("--base", "user", "--dir", warm.root / "ov", "--target", warm.target)
    refused = warm.envc("overlay", "init", *words)
    assert refused.status == 2
    assert "managed" in refused.stderr


@pytest.mark.slow
def test_a_comment_publishes_nothing(warm):
    warm.materialize()
    before = listing(warm.target), (warm.target / "audit.jsonl").read_text()
    warm.edit("[layer.user]\n", "# what everybody computes with\n[layer.user]\n")
    report = warm.materialize()
    assert (report["changed"], report["policy"], report["restored"]) == (False, False, [])
    assert (listing(warm.target), (warm.target / "audit.jsonl").read_text()) == before


@pytest.mark.slow
def test_a_target_that_was_moved_is_one_where_it_stands(warm):
    warm.materialize()
    place = warm.root / "moved"
    warm.target.rename(place)
    report = warm.done("materialize", "--target", place, "--json").json
    assert report["generation"] == 1
    assert str(place) in (place / "location.toml").read_text()
    assert warm.done("materialize", "--target", place, "--json").json["changed"] is False


@pytest.mark.slow
def test_a_checkout_that_was_moved_is_noted(warm):
    warm.materialize()
    place = warm.root / "checkout"
    warm.folder.rename(place)
    done = envc("materialize", "--site", place, "--target", warm.target, "--json")
    assert done.json["changed"] is False
    assert str(place) in (warm.target / "location.toml").read_text()


@pytest.mark.slow
def test_another_interpreter_at_the_same_path_is_seen(warm):
    wrapper = warm.root / "python"
    wrapper.write_text(f'#!/bin/sh\nexec {os.path.realpath("/proc/self/exe")} "$@"\n')
    wrapper.chmod(0o755)
    warm.edit(f'python = "{PYTHON}"', f'python = "{PYTHON}"\ninterpreter = "{wrapper}"')
    warm.done("lock")
    warm.materialize()
    assert warm.materialize()["changed"] is False
    wrapper.write_text("#!/bin/sh\necho 2.7.18; echo cpython\n")
    answer = envc_process("materialize", "--target", warm.target, cwd=warm.folder)
    assert answer.status == 2
    assert "2.7.18" in answer.stderr


@pytest.mark.parametrize(
    "paths",
    [
        ["bin/tool"],
        ["modulefiles/gcc/12.lua"],
        ["trash/letter.txt"],
        ["store/wheels/mine.txt"],
        ["generations/old/photo.jpg"],
        ["envc.toml"],
        ["location.toml", "notes.txt"],
        ["pins"],
        [".git/config"],
        ["wanted/list/x"],
    ],
)
def test_a_folder_that_holds_something_else_is_no_target(site, paths):
    for path in paths:
        place = site.target / path
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_text("mine")
    before = listing(site.target)
    answer = site.envc("materialize", "--target", site.target)
    assert answer.status == 2
    assert (
        f"this folder is no target, and not empty: it holds {paths[-1].split('/')[0]}"
        in answer.stderr
    )
    assert site.envc("uninstall", "--target", site.target).status == 2
    assert listing(site.target) == before


@pytest.mark.slow
def test_a_folder_that_was_prepared_is_taken(warm):
    (warm.target / "lost+found").mkdir(parents=True)
    (warm.target / ".snapshot").mkdir()
    (warm.target / "location.toml").write_text(
        f'version = 1\nsite = "canopy"\ntarget = "{warm.target}"\n'
    )
    assert warm.materialize()["changed"] is True
    report = warm.done("uninstall", "--target", warm.target, "--json").json
    assert report["left"] == [".snapshot", "lost+found"]


@pytest.mark.slow
def test_uninstall_goes_on_where_a_killed_one_left_empty_folders(warm):
    """It was killed between the last name in a folder and the folder."""
    warm.materialize()
    for folder in ("generations", "store", "by-lock"):
        remove(warm.target / folder)
    for folder in ("generations", "store/wheels", "by-lock", "modulefiles/canopy"):
        (warm.target / folder).mkdir(parents=True, exist_ok=True)
    warm.done("uninstall", "--target", warm.target)
    assert not warm.target.exists()


@pytest.mark.slow
def test_uninstall_takes_what_a_failed_run_has_left(warm, tmp_path):
    bundle = tmp_path / "site.envc"
    warm.done("bundle", "-o", bundle)
    words = ("materialize", "--from", bundle, "--target", warm.root / "new", "--layer", "nobody")
    assert warm.envc(*words).status == 2
    assert listing(warm.root / "new") != []
    warm.done("uninstall", "--target", warm.root / "new")
    assert not (warm.root / "new").exists()


@pytest.mark.parametrize(
    "path",
    [f"store/wheels/{'0' * 64}-tree", f"wanted/sites/{'0' * 64}", "store/tmp", "generations"],
)
def test_uninstall_takes_what_only_envc_calls_so(site, path):
    (site.target / path).mkdir(parents=True)
    assert site.envc("uninstall", "--target", site.target, "--dry-run").status == 0
    site.done("uninstall", "--target", site.target)
    assert not site.target.exists()


@pytest.mark.parametrize(
    "names", [(), ("lost+found",), ("notes",), ("lost+found", "location.toml")]
)
def test_uninstall_leaves_a_folder_with_nothing_of_envc(site, names):
    site.target.mkdir()
    for name in names:
        (site.target / name).mkdir()
    answer = site.envc("uninstall", "--target", site.target)
    assert (answer.status, sorted(os.listdir(site.target))) == (2, sorted(names))


@pytest.mark.slow
def test_uninstall_spares_what_people_have_put_beside(warm):
    warm.materialize()
    mine = ["bin/tool", "modulefiles/gcc/12.lua", "README", "store/wheels/mine"]
    for path in mine:
        (warm.target / path).parent.mkdir(parents=True, exist_ok=True)
        (warm.target / path).write_text("mine")
    planned = warm.done("uninstall", "--target", warm.target, "--dry-run", "--json").json
    report = warm.done("uninstall", "--target", warm.target, "--json").json
    assert report["left"] == planned["left"] == ["README", "bin", "modulefiles", "store"]
    assert set(report["removed"]) == set(planned["removed"])
    left = [name for name in listing(warm.target) if (warm.target / name).is_file()]
    assert sorted(left) == ["README", "bin/tool", "modulefiles/gcc/12.lua"]
    assert (warm.target / "store/wheels/mine").read_text() == "mine"


@pytest.mark.slow
def test_a_policy_that_cannot_be_read_is_told_and_made_anew(warm):
    warm.materialize()
    (warm.target / "policy.json").write_text("{}")
    refused = warm.envc("overlay", "init", "--dir", warm.root / "ov", "--target", warm.target)
    assert refused.status == 2
    assert "policy.json" in refused.stderr
    warm.materialize()
    assert json.loads((warm.target / "policy.json").read_text())["site"] == "canopy"


@pytest.mark.slow
@pytest.mark.parametrize(
    "name",
    [
        "user",
        "by-lock",
        "bin/envc",
        "modulefiles",
        "modulefiles/canopy/system.lua",
        "location.toml",
        "policy.json",
    ],
)
def test_verify_names_what_is_lost_and_repair_restores_it(warm, name):
    warm.materialize()
    warm.edit('"pandas"', '"pandas>=1"')
    warm.done("lock")
    warm.materialize()
    before = listing(warm.target)
    take_away(warm.target / name)
    found = warm.envc("verify", "--target", warm.target)
    assert found.status == 1
    assert f"missing: target: {name}" in found.stdout
    mended = warm.done("repair", "--target", warm.target, "--json").json
    paths = {each["path"] for each in mended["repaired"] if each["where"] == "target"}
    assert any(path.startswith(name) for path in paths)
    assert listing(warm.target) == before
    assert warm.done("verify", "--target", warm.target).status == 0
    assert warm.done("repair", "--target", warm.target, "--json").json["repaired"] == []


@pytest.mark.slow
def test_what_cannot_be_mended_does_not_stop_the_rest(warm):
    warm.materialize()
    shutil.rmtree(warm.target / "store/plans")
    start = warm.target / "generations/000001/user/bin/activate"
    for path in (start, warm.target / "generations/000001/system/pyvenv.cfg"):
        os.chmod(path.parent, 0o755)
        path.unlink()
    (warm.target / "user").unlink()
    report = warm.envc("repair", "--target", warm.target, "--offline", "--json")
    assert report.status == 1
    assert {each["path"] for each in report.json["unrepaired"]} == {"bin/activate", "pyvenv.cfg"}
    assert [each["path"] for each in report.json["repaired"]] == ["user"]
    assert os.readlink(warm.target / "user") == "current/user"


@pytest.mark.slow
@pytest.mark.parametrize("key", ["storage", "name"])
def test_what_is_changed_and_changed_back_is_as_it_was(warm, key):
    """A plan that is kept says where overlays are, too."""
    warm.materialize()
    location = (warm.target / "location.toml").read_text()
    text = (warm.folder / "envc.toml").read_text()
    if key == "storage":
        other = text.replace(f'storage = "{warm.storage}"', f'storage = "{warm.storage}-2"')
    else:
        other = text.replace('name = "canopy"', 'name = "other"')
    assert other != text
    for spec, holds in ((other, False), (text, True)):
        (warm.folder / "envc.toml").write_text(spec)
        warm.done("lock")
        warm.materialize()
        assert ((warm.target / "location.toml").read_text() == location) is holds


@pytest.mark.slow
@pytest.mark.parametrize("name", ["bin", "bin/python", f"lib/python{PYTHON}/site-packages"])
def test_a_part_of_a_tree_that_is_lost_comes_back(warm, name):
    warm.materialize()
    generation = warm.target / warm.current()
    for folder, _, _ in os.walk(generation):
        os.chmod(folder, 0o755)
    take_away(generation / "user" / name)
    assert warm.materialize()["changed"] is True
    assert python(warm.target / "user", "import numpy; print(1)") == "1"
    assert warm.materialize()["changed"] is False


@pytest.mark.slow
def test_a_lost_store_is_repaired(warm):
    warm.materialize()
    take_away(warm.target / "store")
    assert warm.done("repair", "--target", warm.target, "--json").json["ok"] is True
    assert (warm.target / "store" / "wheels").is_dir()
    assert warm.done("verify", "--target", warm.target).status == 0


@pytest.mark.slow
def test_a_current_that_is_lost_is_repaired(warm):
    warm.materialize()
    (warm.target / "current").unlink()
    report = warm.done("repair", "--target", warm.target, "--json").json
    assert [mended["path"] for mended in report["repaired"]][:1] == ["current"]
    assert warm.materialize()["changed"] is False


@pytest.mark.slow
@pytest.mark.parametrize("leads", ["/nonexistent", "../generations/²", "../generations/000009"])
def test_a_closure_that_leads_astray_comes_back(warm, leads):
    warm.materialize()
    name = next((warm.target / "by-lock").iterdir())
    before = os.readlink(name)
    name.unlink()
    name.symlink_to(leads)
    assert warm.materialize()["restored"] == [f"by-lock/{name.name}"]
    assert os.readlink(name) == before


@pytest.mark.slow
def test_gc_leaves_what_is_not_of_the_store(warm):
    warm.materialize()
    theirs = warm.target / "store" / "wheels" / "theirs"
    theirs.mkdir()
    report = warm.done("gc", "--target", warm.target, "--json").json
    assert report["stored_trees_removed"] == []
    assert theirs.is_dir()


@pytest.mark.slow
def test_a_policy_that_cannot_be_read_permits_nothing(warm, tmp_path):
    warm.materialize()
    alice = tmp_path / "alice"
    policy = warm.target / "policy.json"
    policy.unlink()
    policy.mkdir()
    answer = envc("overlay", "init", "--dir", alice, "--target", warm.target)
    assert answer.status == 4
    assert str(policy) in answer.stderr


@pytest.mark.slow
def test_another_site_takes_no_target_that_only_the_environment_names(
    warm, tmp_path, recipes, monkeypatch
):
    warm.materialize()
    other = SiteFolder(tmp_path / "other", recipes).write()
    other.edit('name = "canopy"', 'name = "other"')
    other.done("lock")
    monkeypatch.setenv("ENVC_TARGET", str(warm.target))
    answer = other.envc("materialize")
    assert answer.status == 2
    assert "is of site canopy, and the site here is other" in answer.stderr
    assert warm.done("materialize").status == 0
    assert other.done("materialize", "--target", warm.target).status == 0


@pytest.mark.slow
def test_with_nothing_to_do_nothing_is_written(warm):
    """Whichever form is called after which: not even what is noted for the next one."""
    warm.materialize()
    before = {path: os.stat(path).st_ctime_ns for path in warm.target.glob("*")}
    for words in ((), ("--layer", "user"), (), ("--layer", "system"), ("--from", "wheels")):
        assert warm.materialize(*words)["changed"] is False
    assert {path: os.stat(path).st_ctime_ns for path in warm.target.glob("*")} == before
