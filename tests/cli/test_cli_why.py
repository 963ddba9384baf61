"""`envc why`: the path from the specs to a pin, and what holds it back."""

import shutil

import pytest

from support.wheels import Recipe


@pytest.fixture
def locked(site):
    site.done("lock")
    return site


def test_a_pin_and_everybody_who_asks_for_it(locked):
    answer = locked.done("why", "NumPy")
    assert answer.stderr == ""
    assert answer.stdout == (
        "numpy 1.26.4  [user] (host)\n"
        "asked for by\n"
        "  envc.toml:19 (layer.user.requires[0]) requires numpy<2\n"
        "  pandas 2.2.0 requires numpy>=1.22\n"
        "    envc.toml:20 (layer.user.requires[1]) requires pandas\n"
        "  scipy 1.11.0 requires numpy<2,>=1.20\n"
        "    envc.toml:21 (layer.user.requires[2]) requires scipy==1.11.0\n"
        "held back from 2.0.0, the newest release\n"
        "  2.0.0: envc.toml:19 (layer.user.requires[0]) requires numpy<2\n"
    )


def test_the_newest_release_is_said_to_be_it(locked):
    answer = locked.done("why", "report", "--layer", "system")
    assert answer.stdout == (
        "report 1.0  [system] (host)\n"
        "asked for by\n"
        "  envc.toml:14 (layer.system.requires[0]) requires report\n"
        "it is the newest release\n"
    )


def test_an_overlay_sees_what_it_inherits(locked):
    spec = locked.overlay("alice", 'requires = ["polars>=1"]')
    locked.done("lock", "--overlay", spec)
    report = locked.done("why", "scipy", "--overlay", spec, "--json").json
    assert set(report) == {"project", "version", "layer", "target", "asked", "newest", "held"}
    assert (report["project"], report["layer"]) == ("scipy", "alice")
    assert report["asked"][0]["by"] == "base"
    assert report["held"] == []


def test_a_base_does_not_ask_for_versions_that_the_pin_is_none_of(locked):
    spec = locked.overlay("bob", 'requires = ["numpy>=2"]')
    locked.done("lock", "--overlay", spec)
    asked = locked.done("why", "numpy", "--overlay", spec, "--json").json["asked"]
    assert [(each["by"], each["requirement"], each["binding"]) for each in asked[:2]] == [
        ("spec", "numpy>=2", True),
        ("base", "numpy<2", False),
    ]
    scipy = locked.done("why", "scipy", "--overlay", spec)
    assert "keeps scipy available\n" in scipy.stdout
    assert "scipy==1.11.0" not in scipy.stdout


def test_a_project_that_is_not_there(locked):
    answer = locked.envc("why", "nothing")
    assert (answer.status, answer.stdout) == (1, "")
    assert answer.stderr == (
        "error: nothing is not in the stack of user: nothing there asks for it\n"
        " help: see what is with `envc tree`\n"
    )


def test_a_layer_that_is_not_there(locked):
    answer = locked.envc("why", "numpy", "--layer", "users")
    assert (answer.status, answer.stderr) == (
        2,
        "error: no layer 'users' in site canopy\n help: did you mean user? use system, user\n",
    )


def test_without_a_lock_it_says_how_to_make_one(site):
    answer = site.envc("why", "numpy")
    assert answer.status == 2
    assert answer.stderr.endswith(" help: write it with `envc lock`\n")


def test_a_newer_release_that_names_a_url(site, recipes):
    wheels = site.folder / "wheels"
    wheels.unlink()
    shutil.copytree(recipes, wheels)
    url = "https://files.example/six-9.0-py3-none-any.whl"
    Recipe(name="app", version="1.0", files={"app.py": ""}).build(wheels)
    Recipe(name="app", version="2.0", requires=[f"six @ {url}"], files={"app.py": ""}).build(wheels)
    site.edit('"pandas"', '"app"')
    site.done("lock")
    assert site.done("why", "app").stdout == (
        "app 1.0  [user] (host)\n"
        "asked for by\n"
        "  envc.toml:20 (layer.user.requires[1]) requires app\n"
        "held back from 2.0, the newest release\n"
        f"  2.0: it requires six @ {url}, and no line of a spec names that URL\n"
    )
