"""Differences from a manifest → the steps that mend them."""

from envc.model.manifest import Difference, Entry, directory_entry, manifest_of
from envc.model.plan import MakeSymlink, WriteFile
from envc.plan.repair import (
    LinkFile,
    MakeFolder,
    RemovePath,
    SetMode,
    plan_mode_repair,
    plan_tree_repair,
)


def file(path):
    return Entry("f", 0o444, 3, "0" * 64, path)


MANIFEST = manifest_of(
    entry.line()
    for entry in (
        directory_entry("lib"),
        file("lib/a.py"),
        directory_entry("lib/deep"),
        file("lib/deep/b.py"),
        Entry("l", 0o777, 0, "/usr/bin/python3", "python"),
        file("own"),
        file("nowhere"),
    )
)
OWN = WriteFile("own", b"own", 0o444)
SOURCES = {"lib/a.py": "/store/a.py", "lib/deep/b.py": "/store/b.py", "own": OWN}


def planned(*differences):
    return plan_tree_repair(MANIFEST, [Difference(*each) for each in differences], SOURCES.get)


def test_each_kind_of_path_has_its_step():
    repair = planned(
        ("own", "changed"), ("lib/a.py", "missing"), ("python", "link"), ("x", "extra")
    )
    assert repair.steps == (
        OWN,
        LinkFile("lib/a.py", "/store/a.py"),
        MakeSymlink("python", "/usr/bin/python3"),
        RemovePath("x"),
    )
    assert repair.lost == ()


def test_a_folder_that_is_gone_comes_back_with_all_that_it_held():
    assert planned(("lib", "missing")).steps == (
        MakeFolder("lib"),
        LinkFile("lib/a.py", "/store/a.py"),
        MakeFolder("lib/deep"),
        LinkFile("lib/deep/b.py", "/store/b.py"),
    )


def test_of_a_folder_with_another_mode_only_the_mode_is_set():
    assert planned(("lib", "mode")).steps == (MakeFolder("lib"),)


def test_a_whole_tree_that_is_gone_comes_back_but_for_what_nobody_has():
    repair = planned((".", "missing"))
    assert len(repair.steps) == len(MANIFEST.lines) - 1
    assert repair.lost == ("nowhere",)


def test_modes_are_set_of_all_but_links():
    steps = plan_mode_repair(MANIFEST)
    assert SetMode("lib", 0o755) in steps
    assert "python" not in {step.path for step in steps}
