import pytest

from support.sites import envc


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
            " mend: write it with `envc lock`\n"
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
            " mend: write it with `envc lock --overlay overlays/alice.toml`\n"
        ),
    )


def test_an_unknown_layer(built):
    answer = built.envc("tree", "--layer", "users")
    assert (answer.status, answer.stderr) == (
        2,
        "error: no layer 'users' in site canopy\n mend: use system, user\n",
    )


@pytest.mark.parametrize("words", [["--layer", "user", "--overlay", "x.toml"]])
def test_a_layer_and_an_overlay_exclude_each_other(built, words):
    answer = envc("tree", *words, cwd=built.folder)
    assert answer.status == 2
    assert answer.stderr.startswith("error: --layer and --overlay exclude each other\n")
