"""Plans of trees that tables describe: collisions, shared files, invariants."""

import hashlib

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from envc.errors import UntrustedError
from envc.model.manifest import Entry, directory_entry, manifest_of
from envc.model.plan import MakeSymlink, PathLines, View, WriteFile
from envc.plan.tree import StoredTree, broken_invariants, manifest_of_plan, plan_tree
from support.golden import compare

NOTHING = View(files=(), symlinks=(), runtime_files=())


def stored(title, files, *, mode=0o444):
    """A stored tree: path → content, with the directories above."""
    lines = []
    for path, content in files.items():
        digest = hashlib.sha256(content.encode()).hexdigest()
        lines.append(Entry("f", mode, len(content), digest, path).line())
        parts = path.split("/")[:-1]
        lines += [directory_entry("/".join(parts[: n + 1])).line() for n in range(len(parts))]
    return StoredTree(title.replace(" ", "-"), title, manifest_of(lines))


def own(*files, symlinks=()):
    return View(files=files, symlinks=symlinks, runtime_files=())


def planned(*trees, view=NOTHING):
    """The plan, checked against every invariant."""
    plan, manifest = plan_tree("user", trees, view)
    assert list(broken_invariants(plan, manifest)) == []
    by_id = {tree.store_id: tree.manifest for tree in trees}
    assert manifest_of_plan(plan, by_id.__getitem__) == manifest
    return plan


def test_a_plan_in_words(update_golden, request):
    plan = planned(
        stored(
            "numpy 2.0", {"lib/numpy/__init__.py": "", "lib/numpy/core.py": "x", "lib/a.py": ""}
        ),
        stored("google-a 1", {"lib/google/__init__.py": "", "lib/google/a.py": "a"}),
        stored("google-b 1", {"lib/google/__init__.py": "", "lib/google/b.py": "b"}),
        view=own(
            WriteFile("bin/tool", b"#!/bin/sh\n", 0o555),
            WriteFile("pyvenv.cfg", b"home = /usr\n", 0o444),
            symlinks=(MakeSymlink("bin/python", "/usr/bin/python3.11"),),
        ),
    )
    folder = request.config.rootpath / "tests/golden/plan"
    compare(
        folder / "user.txt",
        "\n".join([plan.digest, *plan.operations()]) + "\n",
        update=update_golden,
    )


def test_a_collision_names_both_wheels_and_the_path():
    trees = (stored("a 1", {"lib/x.py": "one"}), stored("b 2", {"lib/x.py": "two"}))
    with pytest.raises(UntrustedError) as caught:
        planned(*trees)
    assert str(caught.value) == (
        "layer user: a 1 and b 2 both install lib/x.py, with different content\n"
        "  help: remove one of the two from the layer, or pin a release of it without this file"
    )


def test_every_collision_is_told_at_once():
    trees = (stored("a 1", {"x": "1", "y": "1"}), stored("b 2", {"x": "2", "y": "2"}))
    with pytest.raises(UntrustedError) as caught:
        planned(*trees)
    assert [fault.what.split("install ")[1].split(",")[0] for fault in caught.value.faults] == [
        "x",
        "y",
    ]


OTHERS = {
    "another mode": stored("b 2", {"x": "1"}, mode=0o555),
    "a folder": stored("b 2", {"x/y": "1"}),
}


@pytest.mark.parametrize("other", OTHERS.values(), ids=OTHERS)
def test_the_same_path_as_something_else_collides(other):
    with pytest.raises(UntrustedError, match="a 1 and b 2 both install x, "):
        planned(stored("a 1", {"x": "1"}), other)


def test_identical_files_are_legal_and_placed_once():
    one, two = stored("a 1", {"n/i.py": "", "n/a": "a"}), stored("b 2", {"n/i.py": "", "n/b": "b"})
    plan = planned(one, two)
    assert [list(link.every_path()) for link in plan.links] == [[b"n/a", b"n/i.py"], [b"n/b"]]


def test_a_tree_makes_the_directories_that_it_alone_needs():
    one, two = stored("a 1", {"n/p/a": "a", "q/r/c": ""}), stored("b 2", {"n/b": "b", "s/d": ""})
    plan = planned(one, two, view=own(WriteFile("s/e", b"", 0o444)))
    assert plan.directories == (b"n", b"s")
    assert list(plan.every_directory()) == [b"n", b"s", b"q", b"q/r", b"n/p"]


def test_a_tree_is_linked_by_the_deepest_directories_that_it_shares():
    one, two = stored("a 1", {"n/p/a": "a", "q/r/c": ""}), stored("b 2", {"n/b": "b"})
    assert [
        (link.store_id, link.folder, link.directories.split(), link.paths.split())
        for link in planned(one, two).links
    ] == [
        ("a-1", b"", [b"q", b"q/r"], [b"q/r/c"]),
        ("a-1", b"n", [b"p"], [b"p/a"]),
        ("b-2", b"n", [], [b"b"]),
    ]


def test_a_wheel_may_not_bring_what_the_layer_writes_itself():
    view = own(WriteFile("bin/python3", b"x", 0o444))
    with pytest.raises(UntrustedError, match="a 1 and envc both install bin/python3, "):
        planned(stored("a 1", {"bin/python3": "x"}), view=view)
    view = own(symlinks=(MakeSymlink("bin/python", "/usr/bin/python3"),))
    with pytest.raises(UntrustedError, match="a 1 and envc both install bin/python, "):
        planned(stored("a 1", {"bin/python": "x"}), view=view)


def test_a_layer_without_wheels():
    plan = planned(view=own(WriteFile("a/b/c", b"", 0o444)))
    assert plan.directories == (b"a", b"a/b")


def test_what_is_wrong_with_a_plan_is_said():
    plan, manifest = plan_tree("user", [stored("a 1", {"lib/x": "1"})], NOTHING)
    wrong = plan._replace(
        links=tuple(link._replace(directories=PathLines.of([])) for link in plan.links),
        files=(WriteFile("lib/x", b"", 0o444), WriteFile("../y", b"", 0o444)),
        digest="sha256:0",
    )
    assert list(broken_invariants(wrong, manifest)) == [
        "lib/x is made before its directory",
        "lib/x is made before its directory",
        "lib/x is made twice",
        "../y is made before its directory",
        "../y leaves the tree",
        "the manifest does not list what is made",
        "the manifest has another digest than the plan",
    ]


parts = st.sampled_from(["a", "b", "a b", "é", "a.py", "B"])
paths = st.lists(parts, min_size=1, max_size=3).map("/".join)
trees = st.lists(st.dictionaries(paths, st.sampled_from(["", "x", "y"]), max_size=4), max_size=3)


@pytest.mark.slow
@settings(max_examples=200, deadline=None, derandomize=True)
@given(trees, st.randoms(use_true_random=False))
def test_every_plan_is_sound_or_refused_and_the_order_of_wheels_does_not_count(tables, random):
    wheels = [stored(f"w{number} 1", table) for number, table in enumerate(tables)]
    shuffled = list(wheels)
    random.shuffle(shuffled)
    try:
        plan = planned(*wheels)
    except UntrustedError:
        with pytest.raises(UntrustedError):
            planned(*shuffled)
    else:
        assert planned(*shuffled).digest == plan.digest
