"""Nodes of both releases are rolled out together, and converge to each other's wanted states."""

import json
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from cluster.bare_nodes import tools
from compat.nodes import KeptNodes, Nodes
from compat.releases import Release, answer_of
from compat.worlds import edit, write_world
from faults.sweep import remove
from support.cores import file, tar_of
from support.keys import make_key
from support.sites import PYTHON
from support.wheels import sha256_of

pytestmark = [pytest.mark.slow, pytest.mark.compat]

BOTH = "n[1-2]"  # 0.1 has rolled out to them
ALL = "n[1-3]"


@pytest.fixture(scope="session")
def _rolled(
    tmp_path_factory: pytest.TempPathFactory, old: Release, new: Release
) -> Iterator[KeptNodes]:
    """Nodes that 0.1 rolled a signed state out to."""
    if shutil.which("ssh-keygen") is None:
        pytest.skip("ssh-keygen cannot be found: run `make tools`")
    world = write_world(tmp_path_factory.mktemp("rolled") / "world", old, new)
    for name in ("ada", "bob"):
        make_key(world.root / name)
    public = (world.root / "ada.pub").read_text().strip()
    world.site.edit('name = "canopy"', f'name = "canopy"\nkeys = ["{public}"]')
    world.old.done("lock")
    nodes = Nodes(world, ("--state", world.root / "state", "--sign", world.root / "ada"))
    assert nodes.roll_out(world.old, BOTH) == {"switched": BOTH}
    yield KeptNodes.of(nodes, "n1", "n2")
    remove(world.root.parent)


@pytest.fixture
def nodes(_rolled: KeptNodes) -> Nodes:
    """Nodes n1 and n2 are on generation 1, have the envc of 0.1, and trust the site's key."""
    return _rolled.put_back()


def upgrade(nodes: Nodes, release: Release) -> None:
    """The site's next state, locked by a release."""
    nodes.world.site.edit('requires = ["theme"]', 'requires = ["theme", "six"]')
    release.done("lock")


def test_they_are_converged_and_stay_so(nodes: Nodes) -> None:
    new = nodes.world.new.within(nodes.world.root)
    assert nodes.has_kit_of(nodes.world.old, "n1")
    for words in (("--check",), (), ("--check",)):
        report = new.json("converge", "--target", nodes.target("n1"), *words)
        assert (report["converged"], report["generation"]) == (True, 1)
        assert nodes.own("n1", "converge", *words).status == 0
    assert nodes.status(nodes.world.new, BOTH)["sets"] == {"converged": BOTH}


def test_a_state_of_the_first_release_is_converged_to(nodes: Nodes) -> None:
    """By a node that was down, and by one that is made anew."""
    world = nodes.world
    upgrade(nodes, world.old)
    assert nodes.roll_out(world.old, "n1") == {"switched": "n1"}
    new = world.new.within(world.root)
    assert nodes.status(world.new, BOTH)["sets"] == {"behind": "n2", "converged": "n1"}
    for node in ("n2", "n3"):
        state = ("--target", nodes.target(node), "--state", nodes.state)
        assert new.envc("converge", *state, "--check").status == 1
        report = new.json("converge", *state)
        assert (report["converged"], report["generation"]) == (True, 2)
        assert new.json("converge", *state[:2], "--check")["converged"]
        assert new.json("verify", *state[:2])["ok"]
    assert "keys = " in (nodes.target("n3") / "location.toml").read_text()


def test_a_state_that_was_altered_is_refused(nodes: Nodes) -> None:
    wanted = nodes.state / "wanted.json"
    edit(wanted, '"site": "canopy"', '"site": "other"')
    for words in (("--check",), ()):
        assert nodes.world.new.envc("converge", "--target", nodes.target("n1"), *words).status == 5


def test_a_key_that_nodes_have_noted_is_replaced(nodes: Nodes) -> None:
    """They have noted it when 0.1 rolled out; one that is down then comes to it by itself."""
    world = nodes.world
    ada, bob = ((world.root / f"{name}.pub").read_text().strip() for name in ("ada", "bob"))
    world.site.edit(ada, bob)
    world.new.done("lock")
    words = ("rollout", "--nodes", "n1", *nodes.targets, "--state", nodes.state, "--json")
    answer = world.new.envc(*words, "--sign", world.root / "bob")
    assert answer.status == 5  # nobody whom the site knows has signed what the state folder holds
    answer = world.new.envc(*words, "--sign", world.root / "ada", "--sign", world.root / "bob")
    assert answer.json["ok"], answer.stdout
    assert nodes.own("n2", "converge").status == 0
    for node in ("n1", "n2"):
        assert bob in (nodes.target(node) / "location.toml").read_text()


def test_this_release_rolls_out_over_them(nodes: Nodes) -> None:
    """And to a node that joins: all come to equal trees; then all but one have one more."""
    world = nodes.world
    alike = {"current": BOTH, "switched": "n3"}
    assert nodes.roll_out(world.new, ALL) == (alike if world.alike else {"switched": ALL})
    assert nodes.roll_out(world.new, ALL) == {"current": ALL}
    assert nodes.roll_out(world.old, ALL) == {"current": ALL}
    told = nodes.status(world.new, ALL)
    assert told["sets"] == {"converged": ALL}
    assert len({each["digest"] for each in told["nodes"].values()}) == 1
    assert {each["drift"] for each in told["nodes"].values()} == {0}
    before = nodes.current("n2")
    upgrade(nodes, world.new)
    assert nodes.roll_out(world.new, "n[1,3]") == {"switched": "n[1,3]"}
    assert all(nodes.has_kit_of(world.new, node) for node in ("n1", "n3"))
    # What is rolled out to some of them is wanted of them alone.
    assert nodes.status(world.new, ALL)["sets"] == {"converged": ALL}
    world.new.within(world.root).done("converge", "--target", nodes.target("n2"))
    assert nodes.current("n2") == before


def test_a_node_that_was_down_comes_along_by_the_envc_that_it_has(nodes: Nodes) -> None:
    """That is 0.1; the state is of this release."""
    upgrade(nodes, nodes.world.new)
    nodes.roll_out_without(nodes.world.new, BOTH, "n2")
    assert nodes.has_kit_of(nodes.world.old, "n2")
    assert nodes.own("n2", "converge", "--check").status == 1
    assert nodes.own("n2", "converge").status == 0
    assert nodes.own("n2", "converge", "--check").status == 0
    assert nodes.current("n2") == 2
    assert nodes.status(nodes.world.new, BOTH)["sets"] == {"converged": BOTH}


def test_a_node_that_was_down_comes_along_by_one_named_command(nodes: Nodes) -> None:
    """So does a node made anew; both have the envc of this release then."""
    upgrade(nodes, nodes.world.new)
    nodes.roll_out_without(nodes.world.new, ALL, "n2", "n3")
    for node in ("n2", "n3"):
        for words in ((), ("--check",)):
            answer = answer_of(
                [nodes.state / "converge", nodes.target(node), "--node", node, *words],
                environment=nodes.world.new.environment,
            )
            assert answer.status == 0, answer.stderr
        assert nodes.has_kit_of(nodes.world.new, node)
    assert nodes.status(nodes.world.new, ALL)["sets"] == {"converged": ALL}


def test_the_first_release_rolls_out_over_nodes_of_this_one(nodes: Nodes) -> None:
    """So envc itself is rolled back: some nodes have this release, and 0.1 rolls out to all."""
    world = nodes.world
    upgrade(nodes, world.new)
    assert nodes.roll_out(world.new, "n[1,3]") == {"switched": "n[1,3]"}
    assert nodes.roll_out(world.old, "n[1,3]") == {"current": "n[1,3]"}
    world.site.edit('"scipy==1.11.0"', '"scipy==1.14.0"')
    world.old.done("lock")
    assert nodes.roll_out(world.old, ALL) == {"switched": ALL}
    for release in (world.old, world.new):
        assert nodes.status(release, ALL)["sets"] == {"converged": ALL}
    nodes.roll_out(world.new, ALL)
    for release in (world.new, world.old):
        assert nodes.roll_out(release, ALL) == {"current": ALL}


def test_the_first_release_rolls_out_what_this_one_began(nodes: Nodes) -> None:
    """Where trees differ 0.1 stops; all goes on as it was, and this release ends what it began."""
    world = nodes.world
    upgrade(nodes, world.new)
    assert nodes.roll_out(world.new, "n1") == {"switched": "n1"}
    words = ("--nodes", BOTH, *nodes.targets, *nodes.options, "--json")
    report = world.old.envc("rollout", *words).json
    if world.alike:
        assert report["sets"] == {"current": "n1", "switched": "n2"}
    else:
        assert report["sets"] == {"current": "n1", "failed": "n2"}
        assert nodes.current("n2") == 1
        assert nodes.own("n2", "verify").status == 0
    nodes.roll_out(world.new, BOTH)
    assert nodes.status(world.new, BOTH)["sets"] == {"converged": BOTH}


def test_what_nothing_keeps_goes_from_nodes_and_from_the_state(nodes: Nodes) -> None:
    world = nodes.world
    world.site.edit("[overlays]", "[retain]\ngenerations = 1\ndays = 0\n\n[overlays]")
    upgrade(nodes, world.new)
    assert nodes.roll_out(world.new, BOTH) == {"switched": BOTH}
    report = world.new.json("gc", "--nodes", BOTH, *nodes.targets, "--keep", 0)
    assert report["ok"], report
    for node in ("n1", "n2"):
        assert (nodes.target(node) / "generations/000001").is_symlink()  # leads on
        assert world.new.json("verify", "--target", nodes.target(node))["ok"]
        assert nodes.own(node, "verify").status == 0
    (groups,) = (nodes.state / "groups").iterdir()
    held = {
        group["nodes"]: [each["parcel"].removeprefix("sha256:") for each in group["generations"]]
        for group in json.loads(groups.read_text())["groups"]
    }
    # What 0.1 has left is wanted of all other nodes.
    assert {nodes: len(parcels) for nodes, parcels in held.items()} == {BOTH: 1, "*": 1}
    stay = {path.stem for path in (nodes.state / "parcels").iterdir()}
    assert stay == {*held[BOTH], *held["*"]}


def test_the_engine_carries_what_nodes_lack(nodes: Nodes) -> None:
    """Where there is no folder that all nodes see."""
    world = nodes.world
    carried = Nodes(world, ("--sign", world.root / "ada"))
    for release, other, project in (
        (world.old, world.new, "six"),
        (world.new, world.old, "notebook"),
    ):
        world.site.edit('requires = ["theme"', f'requires = ["theme", "{project}"')
        release.done("lock")
        assert carried.roll_out(release, "n3") == {"switched": "n3"}
        for each in (release, other):
            each.within(world.root).done("converge", "--target", nodes.target("n3"), "--check")
        came_along = "switched" if other is world.new and not world.alike else "current"
        assert carried.roll_out(other, "n3") == {came_along: "n3"}
    told = carried.status(world.new, "n3")
    assert (told["sets"], told["nodes"]["n3"]["drift"]) == ({"present": "n3"}, 0)


def test_nodes_without_python(tmp_path: Path, old: Release, new: Release) -> None:
    """The interpreter is carried: any program will do for one that calls an interpreter."""
    path = str(tools(tmp_path / "tools"))
    world = write_world(tmp_path / "world", old, new)
    program = f'#!/bin/sh\nexec {old.python} "$@"\n'.encode()
    archive = world.site.folder / "core.tar"
    members = [
        file(f"python/bin/python{PYTHON}", program, mode=0o755),
        file(f"python/lib/python{PYTHON}/os.py", b"NAME = 'core'\n"),
    ]
    archive.write_bytes(tar_of(*members))
    carried = f'archive = {{ path = "core.tar", sha256 = "{sha256_of(archive)}" }}\n'
    world.site.edit("[[index]]", f"{carried}\n[[index]]")
    bare = {"PATH": path}
    nodes = Nodes(world, ("--state", world.root / "state"))
    world.old.done("lock")
    assert nodes.roll_out(world.old.told(**bare), "n1") == {"switched": "n1"}
    alike = {"current": "n1", "switched": "n2"}
    rolled = nodes.roll_out(world.new.told(**bare), BOTH)
    assert rolled == (alike if world.alike else {"switched": BOTH})
    for node in ("n1", "n3"):
        answer = answer_of([nodes.state / "converge", nodes.target(node)], environment=bare)
        assert answer.status == 0, answer.stderr
    for node in ("n1", "n2", "n3"):
        assert (nodes.target(node) / "core" / sha256_of(archive)).is_dir()
        assert world.new.json("verify", "--target", nodes.target(node))["ok"]
    remove(world.root)
