import pytest

from support.sites import SiteFolder, envc, over_wheels
from support.wheels import Recipe, build_all


def test_a_layer_with_its_bases(built):
    answer = built.done("tree")
    assert answer.stderr == ""
    assert answer.stdout == (
        "user on system on core (host)\n"
        "├── numpy 1.26.4  [user]\n"
        "├── pandas 2.2.0  [user]\n"
        "│   ├── numpy 1.26.4  [user]\n"
        "│   └── six 1.17.0  [user]\n"
        "├── report 1.0  [system]\n"
        "└── scipy 1.11.0  [user]\n"
        "    └── numpy 1.26.4  [user]\n"
    )


def test_a_layer_alone_names_no_layers(built):
    assert built.done("tree", "--layer", "system").stdout == (
        "system on core (host)\n└── report 1.0\n"
    )


def test_json(built):
    report = built.done("tree", "--json").json
    assert set(report) == {"target", "layers", "roots", "projects"}
    assert report["layers"] == ["user", "system"]
    assert report["roots"] == ["numpy", "pandas", "report", "scipy"]
    assert report["projects"]["pandas"] == {
        "version": "2.2.0",
        "layer": "user",
        "requires": ["numpy", "six"],
    }


def test_an_overlay_shows_what_it_sees(warm):
    warm.overlay("alice", 'requires = ["polars"]')
    warm.done("lock", "--overlay", "overlays/alice.toml")
    assert warm.done("tree", "--overlay", "overlays/alice.toml").stdout == (
        "alice on user on system on core (host)\n"
        "├── numpy 2.0.0  [alice]\n"
        "├── pandas 2.2.0  [user]\n"
        "│   ├── numpy 2.0.0  [alice]\n"
        "│   └── six 1.17.0  [user]\n"
        "├── polars 1.0.0  [alice]\n"
        "│   └── numpy 2.0.0  [alice]\n"
        "├── report 1.0  [system]\n"
        "└── scipy 1.14.0  [alice]\n"
        "    └── numpy 2.0.0  [alice]\n"
    )


def test_without_a_lock(site):
    answer = site.envc("tree")
    assert (answer.status, answer.stderr) == (
        2,
        (
            "error: layer system has no lock\n"
            "   at: pylock.system.toml\n"
            " help: write it with `envc lock`\n"
        ),
    )


def test_an_overlay_without_a_lock(warm):
    warm.overlay("alice")
    answer = warm.envc("tree", "--overlay", "overlays/alice.toml")
    assert (answer.status, answer.stderr) == (
        2,
        (
            "error: layer alice has no lock\n"
            "   at: overlays/pylock.alice.toml\n"
            " help: write it with `envc lock --overlay overlays/alice.toml`\n"
        ),
    )


def test_an_unknown_layer(built):
    answer = built.envc("tree", "--layer", "users")
    assert (answer.status, answer.stderr) == (
        2,
        "error: no layer 'users' in site canopy\n help: did you mean user? use system, user\n",
    )


@pytest.mark.parametrize("words", [["--layer", "user", "--overlay", "x.toml"]])
def test_a_layer_and_an_overlay_exclude_each_other(built, words):
    answer = envc("tree", *words, cwd=built.folder)
    assert answer.status == 2
    assert answer.stderr.startswith("error: --layer and --overlay exclude each other\n")


OVERRIDDEN = """\
[layer.base]
requires = ["pandas"]

[layer.user]
base = "base"
requires = ["app"]
overrides = ["dateutil; sys_platform == 'win32'"]
"""


@pytest.fixture
def overridden(tmp_path):
    """A layer whose override takes away what asks for a project that its base has."""
    recipes = [
        Recipe(name="app", version="1", requires=["pandas"]),
        Recipe(name="pandas", version="2", requires=["dateutil"]),
        Recipe(name="dateutil", version="3", requires=["six", "ring"]),
        Recipe(name="six", version="4", requires=["ring"]),
        Recipe(name="ring", version="5", requires=["six"]),
    ]
    build_all(recipes, tmp_path / "house")
    site = SiteFolder(tmp_path / "world", tmp_path / "house").write(over_wheels(OVERRIDDEN))
    site.done("lock")
    return site


def test_what_the_base_has_and_nobody_asks_for_is_shown(overridden):
    assert overridden.done("tree").stdout == (
        "user on base on core (host)\n"
        "├── app 1  [user]\n"
        "│   └── pandas 2  [base]\n"
        "├── pandas 2  [base]\n"
        "└── dateutil 3  [base]  (kept: nothing here asks for it)\n"
        "    ├── ring 5  [base]\n"
        "    │   └── six 4  [base]\n"
        "    │       └── ring 5  [base]  (above)\n"
        "    └── six 4  [base]  (above)\n"
    )
    site = overridden
    site.edit("\"dateutil; sys_platform == 'win32'\"", "\"pandas; sys_platform == 'win32'\"")
    site.done("lock")
    assert "pandas 2  [base]" in site.done("tree").stdout


def test_why_tells_of_it_too(overridden):
    assert overridden.done("why", "dateutil").stdout == (
        "dateutil 3  [base] (host)\n"
        "kept by layer base: nothing in the stack asks for it\n"
        "it is the newest release\n"
    )
    Recipe(name="dateutil", version="3.1").build(overridden.wheels)
    assert overridden.done("why", "dateutil").stdout.endswith(
        "held back from 3.1, the newest release\n"
        "  3.1: layer base has 3, and nothing asks for another\n"
    )
