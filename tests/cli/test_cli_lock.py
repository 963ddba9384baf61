import shutil
import tomllib

import pytest
import tomli_w

from support.sites import SiteFolder, envc

LOCKED_FIELDS = {
    *(
        "path",
        "digest",
        "changed",
        "pins",
        "targets",
        "shadows",
        "lifts",
        "hides",
        "built",
        "moves",
    ),
}


def test_the_first_lock_writes_every_layer(site):
    answer = site.done("lock")
    assert answer.stdout == ""
    assert answer.stderr == (
        "system: locked, 1 pin (pylock.system.toml)\nuser: locked, 4 pins (pylock.user.toml)\n"
    )
    lock = tomllib.loads(site.lock_text("user"))
    assert [(p["name"], p["version"]) for p in lock["packages"]] == [
        ("numpy", "1.26.4"),
        ("pandas", "2.2.0"),
        ("scipy", "1.11.0"),
        ("six", "1.17.0"),
    ]
    assert lock["packages"][0]["wheels"][0]["path"] == "wheels/numpy-1.26.4-py3-none-any.whl"
    assert "index" not in lock["packages"][0]


def test_a_second_lock_changes_no_byte(site):
    site.done("lock")
    before = site.lock_text("system"), site.lock_text("user")
    answer = site.done("lock")
    assert answer.stderr == (
        "system: up to date, 1 pin (pylock.system.toml)\n"
        "user: up to date, 4 pins (pylock.user.toml)\n"
    )
    site.done("lock", "--upgrade")
    assert (site.lock_text("system"), site.lock_text("user")) == before


def test_json_has_a_field_for_everything(site):
    report = site.done("lock", "--json").json
    assert set(report) == {"changed", "layers", "removed"}
    assert report["changed"] is True
    assert {name: set(layer) for name, layer in report["layers"].items()} == {
        "system": LOCKED_FIELDS,
        "user": LOCKED_FIELDS,
    }
    user = report["layers"]["user"]
    assert user["pins"] == {
        "numpy": "1.26.4",
        "pandas": "2.2.0",
        "scipy": "1.11.0",
        "six": "1.17.0",
    }
    assert (user["path"], user["targets"], user["changed"]) == ("pylock.user.toml", {}, True)
    assert site.done("lock", "--json").json["changed"] is False


def test_check_writes_nothing_and_says_no(site):
    answer = site.envc("lock", "--check")
    assert (answer.status, answer.stdout) == (1, "")
    assert answer.stderr == (
        "system: stale, 1 pin (pylock.system.toml)\nuser: stale, 4 pins (pylock.user.toml)\n"
    )
    assert not list(site.folder.glob("pylock.*"))
    site.done("lock")
    assert site.done("lock", "--check").stderr.startswith("system: up to date")


def test_a_stale_lock_moves_only_what_must_move(site):
    site.edit('"numpy<2"', '"numpy<1.26.4"')
    site.done("lock")
    site.edit('"numpy<1.26.4"', '"numpy<2"')
    site.edit('"pandas"', '"pandas>=2"')
    answer = site.envc("lock", "--check")
    assert answer.status == 1
    assert "user: stale" in answer.stderr
    assert site.done("lock", "--json").json["layers"]["user"]["pins"]["numpy"] == "1.26.0"


def test_upgrade_package_moves_that_project_alone(site):
    site.edit('"pandas"', '"pandas", "six<1.17"')
    site.edit('"numpy<2"', '"numpy<1.26.4"')
    site.done("lock")
    site.edit('"pandas", "six<1.17"', '"pandas", "six"')
    site.edit('"numpy<1.26.4"', '"numpy<2"')
    site.done("lock")
    pins = site.done("lock", "--upgrade-package", "NumPy", "--json").json["layers"]["user"]["pins"]
    assert (pins["numpy"], pins["six"]) == ("1.26.4", "1.16.0")
    pins = site.done("lock", "--upgrade", "--json").json["layers"]["user"]["pins"]
    assert (pins["numpy"], pins["six"]) == ("1.26.4", "1.17.0")


def test_upgrade_package_says_what_is_pinned_nowhere(site):
    site.done("lock")
    answer = site.done("lock", "--upgrade-package", "Nmupy", "--upgrade-package", "numpy")
    assert answer.stderr == (
        "warning: --upgrade-package Nmupy: nothing that was locked has it\n"
        "system: up to date, 1 pin (pylock.system.toml)\n"
        "user: up to date, 4 pins (pylock.user.toml)\n"
    )


def test_one_layer_alone(site):
    report = site.done("lock", "--layer", "system", "--json").json
    assert list(report["layers"]) == ["system"]
    assert not (site.folder / "pylock.user.toml").exists()


def test_a_layer_whose_base_is_not_locked(site):
    answer = site.envc("lock", "--layer", "user")
    assert (answer.status, answer.stderr) == (
        2,
        (
            "error: layer system has no lock\n"
            "   at: pylock.system.toml\n"
            " help: write it with `envc lock`\n"
        ),
    )


def test_an_unknown_layer_is_named(site):
    answer = site.envc("lock", "--layer", "users")
    assert (answer.status, answer.stderr) == (
        2,
        "error: no layer 'users' in site canopy\n help: did you mean user? use system, user\n",
    )


def test_an_overlay_is_locked_beside_its_spec(site):
    site.done("lock")
    site.overlay("alice", 'requires = ["polars"]')
    answer = site.done("lock", "--overlay", "overlays/alice.toml")
    assert answer.stderr == (
        "alice: locked, 3 pins (overlays/pylock.alice.toml)\n"
        "  numpy 1.26.4 -> 2.0.0 (polars 1.0.0 needs it)\n"
        "  scipy 1.11.0 -> 1.14.0 (numpy 2 needs it)\n"
        "  replaces numpy\n  also moves scipy\n"
    )
    lock = tomllib.loads((site.folder / "overlays/pylock.alice.toml").read_text())
    assert lock["tool"]["envc"]["base"]["layer"] == "user"
    assert site.envc("lock", "--overlay", "overlays/alice.toml", "--check").status == 0


def test_an_overlay_on_an_unknown_base(site):
    site.overlay("alice", base="usr")
    answer = site.envc("lock", "--overlay", "overlays/alice.toml")
    assert (answer.status, answer.stderr) == (
        2,
        (
            "error: base 'usr' is no layer of site canopy\n"
            "   at: overlays/alice.toml (overlay.base)\n"
            " help: did you mean user? use system, user\n"
        ),
    )


def test_an_overlay_on_a_managed_layer(site):
    site.edit('[layer.user]\nbase = "system"', '[layer.user]\nmode = "managed"')
    site.overlay("alice")
    answer = site.envc("lock", "--overlay", "overlays/alice.toml")
    assert (answer.status, answer.stderr) == (
        2,
        (
            "error: layer 'user' is managed: no overlay may stand on it\n"
            "   at: overlays/alice.toml (overlay.base)\n"
            " help: use another base, or ask the site's administrator to open it\n"
        ),
    )


def test_an_overlay_with_the_name_of_a_layer(site):
    site.overlay("system")
    answer = site.envc("lock", "--overlay", "overlays/system.toml")
    assert (answer.status, answer.stderr) == (
        2,
        (
            "error: 'system' is the name of a layer of site canopy\n"
            "   at: overlays/system.toml (overlay.name)\n"
            " help: choose another name\n"
        ),
    )


def test_an_unsatisfiable_layer_writes_no_lock_of_its_own(site):
    site.edit('"pandas"', '"pandas>=3"')
    answer = site.envc("lock")
    assert (answer.status, answer.stdout) == (3, "")
    assert "error: no set of releases meets the requirements of layer user on target" in (
        answer.stderr
    )
    assert "  envc.toml:20 (layer.user.requires[1]) requires pandas>=3\n" in answer.stderr
    assert answer.stderr.endswith(
        " help: relax 'pandas>=3' at envc.toml:20 (layer.user.requires[1]) "
        "(then pandas 2.2.0 is taken)\n"
    )
    assert not (site.folder / "pylock.user.toml").exists()


def test_all_faults_of_a_spec_come_at_once(site):
    site.edit('"pandas"', '"pandas >"')
    site.edit("[overlays]", "[overlay]")
    answer = site.envc("lock")
    assert (answer.status, answer.stdout) == (2, "")
    assert answer.stderr.count("error: ") == 2
    assert "   at: envc.toml:20 (layer.user.requires[1])\n" in answer.stderr
    assert "   at: envc.toml:25 (overlay)\n" in answer.stderr


def test_an_index_that_cannot_be_read(site):
    (site.folder / "wheels").unlink()
    answer = site.envc("lock")
    assert (answer.status, answer.stderr) == (
        4,
        (
            "error: index 'wheels' cannot be read: No such file or directory\n"
            f"   at: {site.folder}/wheels\n"
            " help: check that the folder is there and can be read\n"
        ),
    )


def test_a_lock_that_is_not_one(site):
    (site.folder / "pylock.system.toml").write_text("lock-version = 1")
    answer = site.envc("lock")
    assert answer.status == 2
    assert answer.stderr.startswith("error: not a lock file (PEP 751): ")
    assert "   at: pylock.system.toml\n help: restore it, or remove it and run `envc lock`\n" in (
        answer.stderr
    )


def test_the_site_is_found_upwards_and_by_name(site, tmp_path):
    site.done("lock")
    below = site.folder / "overlays/deep"
    below.mkdir(parents=True)
    assert envc("lock", "--check", cwd=below).status == 0
    assert envc("lock", "--check", "--site", site.folder, cwd=tmp_path).status == 0


def test_a_pyproject_may_be_the_site(site):
    spec = tomllib.loads((site.folder / "envc.toml").read_text())
    (site.folder / "envc.toml").unlink()
    text = tomli_w.dumps({"project": {"name": "ours"}, "tool": {"envc": spec}})
    (site.folder / "pyproject.toml").write_text(text)
    assert site.envc("lock").stderr.startswith("system: locked")


def test_two_checkouts_write_the_same_bytes(site, recipes, tmp_path):
    """A lock does not depend on where its site stands."""
    other = SiteFolder(tmp_path / "elsewhere", recipes).write()
    other.edit(f'storage = "{other.storage}"', f'storage = "{site.storage}"')
    for each in (site, other):
        each.done("lock")
    assert site.lock_text("user") == other.lock_text("user")
    assert site.lock_text("system") == other.lock_text("system")


@pytest.mark.parametrize("cache", ["kept", "lost"])
def test_layers_above_read_a_lock_whose_wheels_are_relative(site, cache, tmp_path, monkeypatch):
    """In a fresh checkout the metadata of inherited pins is read from the wheels again."""
    site.done("lock")
    site.overlay("alice", 'requires = ["polars"]')
    if cache == "lost":
        monkeypatch.setenv("ENVC_CACHE_DIR", str(tmp_path / "new-cache"))
    words = ("lock", "--site", site.folder, "--overlay", site.folder / "overlays/alice.toml")
    answer = envc(*words, cwd=tmp_path)
    assert answer.status == 0, answer.stderr


def test_wheels_elsewhere_are_named_by_their_whole_path(site, recipes, tmp_path):
    folder = tmp_path / "a%20b #c"
    shutil.copytree(recipes, folder)
    site.edit('path = "wheels"', f'path = "{folder}"')
    site.done("lock")
    wheel = tomllib.loads(site.lock_text("user"))["packages"][0]["wheels"][0]
    assert wheel["path"] == f"{folder}/numpy-1.26.4-py3-none-any.whl"
    site.overlay("alice", 'requires = ["polars"]')
    site.done("lock", "--overlay", "overlays/alice.toml")


def test_an_extra_that_a_release_does_not_have_is_a_warning(site):
    site.edit('"pandas"', '"pandas[nonsense]"')
    answer = site.done("lock")
    assert "warning: pandas 2.2.0 has no extra 'nonsense'\n" in answer.stderr
    assert site.done("lock").stderr.startswith("system: up to date")


def test_what_nobody_can_look_into_is_named_where_it_might_matter(site, recipes):
    """Whether what is replaced shares a package directory, only the wheels' contents tell."""
    site.done("lock")
    (site.folder / "wheels").unlink()
    shutil.copytree(recipes, site.folder / "wheels")
    gone = next((site.folder / "wheels").glob("scipy-1.11*"))
    gone.unlink()
    site.done("lock", "--overlay", site.overlay("ben", 'requires = ["theme"]'))
    answer = site.envc("lock", "--overlay", site.overlay("alice", 'requires = ["six<1.17"]'))
    assert answer.stderr == (
        "warning: whether scipy shares a package directory with another project of user is not "
        "known: the wheel is not there\n"
        "alice: locked, 1 pin (overlays/pylock.alice.toml)\n"
        "  six 1.17.0 -> 1.16.0 (you asked for it)\n"
        "  replaces six\n"
    )


def test_the_lock_of_a_layer_that_is_no_more_is_named(site):
    site.done("lock")
    site.edit("[layer.system]", "[layer.ground]")
    site.edit('base = "system"', 'base = "ground"')
    (site.folder / "pylock.tools.toml").write_text("# of another tool\nlock-version = '1.0'\n")
    spec = site.folder / "mine.toml"
    spec.write_text('version = 1\n[overlay]\nname = "mine"\nbase = "user"\n')
    site.done("lock")
    site.done("lock", "--overlay", spec)
    told = (
        "warning: pylock.system.toml is the lock of layer system, which the site has no more; "
        "remove it: `rm pylock.system.toml`\n"
    )
    for words in (("lock",), ("lock", "--check"), ("lock", "--layer", "ground")):
        assert site.done(*words).stderr.startswith(told)
        assert site.done(*words).stderr.count("warning") == 1  # again
    assert "warning" not in site.done("lock", "--overlay", spec).stderr
    (site.folder / "pylock.system.toml").unlink()
    assert "warning" not in site.done("lock").stderr
