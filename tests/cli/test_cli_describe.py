"""`envc describe`: what an environment holds that envc did not build."""

import json
import os
import subprocess

import pytest

from envc.described.ask import described_by, script
from envc.described.facts import MARK
from envc.errors import SpecError
from envc.formats.inventory import inventory_from_json, inventory_to_json
from support.prefixes import editable, egg_info, egg_info_file, install, prefix, toy, write
from support.sites import SITE_PACKAGES, envc


@pytest.fixture(scope="module")
def base(tmp_path_factory):
    """A prefix with a project of every kind; its folder."""
    folder = tmp_path_factory.mktemp("prefix") / "nv"
    site = prefix(folder)
    install(site, toy("fastnum", "1.26.4", compiled=True))
    install(site, toy("tool", "2.0", "fastnum<1", "absent>=3", 'extra-thing; extra == "x"'))
    install(site, toy("torchlike", "2.8.0a0+gitabc.nv25.5"))
    egg_info(site, "old", "1.0", requires="tool\n\n[more]\nelsewhere\n")
    egg_info_file(site, "ancient", "0.1")
    editable(site, folder.parent / "mine", "mine", "3.0")
    write(site / "loose.py", "answer = 42\n")
    write(site / "broken-1.0.dist-info" / "METADATA", "no headers\n")
    write(site / "legacy-2004d.dist-info" / "METADATA", "Name: legacy\nVersion: 2004d\n")
    return folder


def test_says_what_is_there(base):
    report = envc("describe", base, "--json").json
    projects = report["projects"]
    assert {name: each["version"] for name, each in projects.items()} == {
        "ancient": "0.1",
        "fastnum": "1.26.4",
        "mine": "3.0",
        "old": "1.0",
        "tool": "2.0",
        "torchlike": "2.8.0a0+gitabc.nv25.5",
    }
    assert {name: each["files"] for name, each in projects.items()} == {
        "ancient": "unknown",
        "fastnum": "record",
        "mine": "record",
        "old": "top-level",
        "tool": "record",
        "torchlike": "record",
    }
    assert [name for name, each in projects.items() if each["compiled"]] == ["fastnum"]
    assert report["folders"][1] == f"{os.path.realpath(base.parent)}/mine/src"
    assert report["unmet"] == [
        "tool requires absent>=3, and has it not",
        "tool requires fastnum<1, and 1.26.4 is there",
    ]
    (broken, legacy) = report["unread"]
    assert "broken-1.0.dist-info" in broken
    assert "legacy-2004d.dist-info" in legacy


def test_an_interpreter_and_its_prefix_are_the_same(base, tmp_path):
    for name, what in (("a", base), ("b", base / "bin" / "python3")):
        assert envc("describe", what, "-o", tmp_path / name).status == 0
    text = (tmp_path / "a").read_bytes()
    assert text == (tmp_path / "b").read_bytes()
    inventory = inventory_from_json(text, "a")
    assert inventory_to_json(inventory) == text
    (loose, mine) = inventory.unowned
    assert (loose.modules, mine.modules) == ({"loose": "module"}, {"mine": "package"})


def test_the_script_tells_it_where_envc_is_not(base, tmp_path):
    text = envc("describe", "--script").stdout
    assert text == script()
    done = subprocess.run(
        [base / "bin/python3", "-s", "-"], input=text.encode(), capture_output=True, check=True
    )
    (tmp_path / "facts.json").write_bytes(done.stdout)
    there = envc("describe", tmp_path / "facts.json", "--json").json
    assert there == envc("describe", base, "--json").json


def test_pythonpath_is_a_chain_of_prefixes(base, tmp_path, monkeypatch):
    for name, version in (("one", "2.0"), ("two", "1.0")):
        install(tmp_path / name, toy("tool", version))
    monkeypatch.setenv("PYTHONPATH", f"{tmp_path}/one:{tmp_path}/gone:{tmp_path}/two")
    report = envc("describe", base, "--json").json
    assert report["folders"][:2] == [f"{tmp_path}/one", f"{tmp_path}/two"]
    assert report["projects"]["tool"]["folder"] == f"{tmp_path}/one"
    assert report["doubles"][0] == f"tool 1.0 in {tmp_path}/two"


def test_folders_that_colons_join_are_a_chain(base, tmp_path, monkeypatch):
    install(tmp_path / "one", toy("tool", "9.0"))
    install(tmp_path / "two" / SITE_PACKAGES, toy("far", "1.0"))
    install(tmp_path / "path", toy("near", "1.0"))
    monkeypatch.setenv("PATH", f"{base}/bin:{os.environ['PATH']}")
    monkeypatch.setenv("PYTHONPATH", f"{tmp_path}/path")
    report = envc("describe", f"{tmp_path}/one:{tmp_path}/two", "--json").json
    folders = [f"{tmp_path}/one", f"{tmp_path}/two/{SITE_PACKAGES}", f"{tmp_path}/path"]
    assert report["folders"][:3] == folders
    assert report["python"] == f"{base}/bin/python3"
    assert report["projects"]["tool"]["version"] == "9.0"
    alone = envc("describe", tmp_path / "two", "--json").json
    assert alone["folders"][0] == folders[1]


def test_a_folder_that_nobody_may_read_is_no_environment(tmp_path):
    (tmp_path / "shut").mkdir(mode=0o000)
    answer = envc("describe", tmp_path / "shut")
    assert (answer.status, "no Python is there" in answer.stderr) == (2, True)


def test_prefixes_of_several_pythons_are_refused(tmp_path):
    for name in ("python3.9", "python3.11"):
        install(tmp_path / "nv/lib" / name / "site-packages", toy("tool", "1.0"))
    answer = envc("describe", tmp_path / "nv")
    assert (answer.status, "python3.11, python3.9" in answer.stderr) == (2, True)


def test_an_unpacked_egg_is_a_folder_of_the_path(tmp_path):
    site = prefix(tmp_path / "v")
    egg = site / "hatched-1.0-py3.egg"
    write(egg / "EGG-INFO" / "PKG-INFO", "Metadata-Version: 1.1\nName: hatched\nVersion: 1.0\n")
    write(egg / "hatched.py", "")
    write(site / "easy-install.pth", f"./{egg.name}\n")
    inventory = described_by(f"{tmp_path}/v/bin/python3", (), is_named=True)
    (hatched,) = inventory.distributions
    assert (hatched.project, hatched.files, hatched.modules) == (
        *("hatched", "walk"),
        {"hatched": "module"},
    )
    assert inventory.folders[hatched.folder].path == os.path.realpath(egg)
    assert inventory.folders[hatched.folder].added_by == "easy-install.pth"


def test_modules_that_are_loaded_are_told(base, monkeypatch):
    monkeypatch.setenv("LOADEDMODULES", "Python/3.11:SciPy-bundle/2026.05")
    report = envc("describe", base, "--json").json
    assert report["modules"] == ["Python/3.11", "SciPy-bundle/2026.05"]


def test_a_word_that_means_nothing_is_told(tmp_path):
    answer = envc("describe", tmp_path)
    assert (answer.status, answer.stderr) == (
        2,
        (
            f"error: no Python is there: {tmp_path}\n"
            f"   at: {tmp_path}\n"
            " help: name an interpreter, or the folder of an environment (one with bin/python3)\n"
        ),
    )


@pytest.fixture(scope="module")
def told(base):
    """What the script prints of the prefix."""
    done = subprocess.run(
        [base / "bin/python3", "-s", "-"], input=script().encode(), capture_output=True, check=True
    )
    return done.stdout.removeprefix(MARK)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"folders": [{}]}, "folders[0].path"),
        ({"executable": "python3"}, "executable"),
        ({"python_full": "3.11"}, "python_full"),
        ({"facts": 2}, "facts of format 2"),
        ({"implementation": "pypy"}, "the interpreter is pypy"),
        ({"modules": ["a\u0007b"]}, "modules[0]"),
        ({"more": 1}, "more"),
    ],
)
def test_facts_that_are_none_are_refused(told, tmp_path, change, said):
    path = tmp_path / "facts.json"
    path.write_text(json.dumps({**json.loads(told), **change}))
    answer = envc("describe", path)
    assert answer.status == 2
    assert said in answer.stderr


@pytest.mark.parametrize("name", ["../escape", "/etc/passwd", "a/../../b", ".", ".."])
def test_names_that_escape_are_refused(told, tmp_path, name):
    facts = json.loads(told)
    facts["folders"][0]["distributions"][0]["paths"] = [name]
    (tmp_path / "facts.json").write_text(json.dumps(facts))
    answer = envc("describe", tmp_path / "facts.json")
    assert answer.status == 2
    assert "paths[0]" in answer.stderr


def test_names_that_are_no_text_are_left_out_and_told(tmp_path):
    site = prefix(tmp_path / "v")
    write(site / "a\nb.py", "")
    (site / os.fsdecode(b"\xff.dist-info")).mkdir()
    report = envc("describe", tmp_path / "v", "--json").json
    assert report["projects"] == {}
    assert len(report["unread"]) == 2


def test_a_record_that_escapes_and_links_that_lead_round_harm_nobody(tmp_path):
    site = prefix(tmp_path / "v")
    egg_info(site, "round", "1.0")
    (site / "round" / "again").symlink_to(site / "round")
    install(site, toy("sly", "1.0"))
    with (site / "sly-1.0.dist-info" / "RECORD").open("a") as file:
        file.write("../../../../etc/passwd,,\n/etc/shadow,,\nsly/../../x,,\n")
    inventory = described_by(f"{tmp_path}/v/bin/python3", (), is_named=True)
    (_, sly) = inventory.distributions
    assert sly.places == ("sly", "sly-1.0.dist-info")


def test_an_interpreter_that_says_nothing_is_told(tmp_path):
    path = tmp_path / "python"
    path.write_text("#!/bin/sh\necho it is broken >&2\nexit 1\n")
    path.chmod(0o755)
    answer = envc("describe", path)
    assert answer.status == 2
    assert "does not tell what its environment holds: it is broken" in answer.stderr


def test_what_an_interpreter_leaves_behind_holds_nobody_up(tmp_path):
    path = tmp_path / "python"
    path.write_text("#!/bin/sh\nsleep 600 >&2 &\nhead -c 300000 /dev/zero >&2\nexit 0\n")
    path.chmod(0o755)
    answer = envc("describe", path)
    assert answer.status == 2
    assert "does not tell what its environment holds" in answer.stderr


def test_an_interpreter_that_others_could_change_is_not_run(tmp_path):
    folder = tmp_path / "open"
    folder.mkdir()
    path = folder / "python"
    path.write_text(f"#!/bin/sh\ntouch {tmp_path}/ran\n")
    path.chmod(0o755)
    folder.chmod(0o777)
    answer = envc("describe", path)
    assert answer.status == 2
    assert not (tmp_path / "ran").exists()


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"folders": []}, "it speaks of a folder that it does not have"),
        ({"distributions": [{"folder": 0, "metadata": "../x"}]}, "distributions.0..metadata"),
        ({"python_full": "3.11"}, "python_full"),
        ({"version": 2}, "has format 2"),
        ({"unmet": [{"project": "gone", "requirement": "a", "present": None}]}, "a project that"),
        ({"unmet": [{"project": "tool", "requirement": "a b", "present": None}]}, "requirement"),
        ({"unmet": [{"project": "tool", "requirement": "a", "present": "9" * 5000}]}, "no end"),
    ],
)
def test_an_inventory_that_lies_is_refused(base, tmp_path, change, said):
    envc("describe", base, "-o", tmp_path / "base.json")
    plain = json.loads((tmp_path / "base.json").read_text())
    text = json.dumps({**plain, **change}).encode()
    with pytest.raises(SpecError, match=said):
        inventory_from_json(text, "base.json")


def test_a_layer_of_envc_is_no_such_environment(built):
    answer = envc("describe", built.target / "user")
    assert answer.status == 2
    assert "a layer or an overlay that envc built" in answer.stderr
