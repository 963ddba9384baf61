"""One job, one generation: what `envc run` starts keeps to its common layers on every node."""

import pytest
from worlds import World

from envc.model.digest import digest_of
from support.sites import Answer, envc, envc_process, python

pytestmark = pytest.mark.slow

VERSION = "import scipy; print(scipy.__version__)"


@pytest.fixture
def upgraded(own_world: World) -> tuple[World, str]:
    """The layer `user` has moved on to scipy 1.14; the closure of its first generation."""
    site = own_world.site
    first = site.materialize()["layers"]["user"]["closure"]
    site.edit('"scipy==1.11.0"', '"scipy==1.14.0"')
    site.done("lock")
    site.materialize()
    return own_world, first


def run(world: World, *words: object, **variables: str) -> Answer:
    return envc_process("run", *words, cwd=world.site.root, environment=variables)


def test_without_it_a_child_on_another_node_may_run_another_generation(upgraded):
    """The control: the path is the same, what it leads to has changed."""
    world, _ = upgraded
    assert python(world.user, VERSION) == "1.14.0"


def test_what_is_started_in_a_layer_is_pinned_to_it(upgraded):
    world, first = upgraded
    target = world.site.target
    words = ("--layer", "user", "--target", target, "--", "sh", "-c")
    script = f"echo $ENVC_LOCK; {target}/user/bin/python -c '{VERSION}'; python -c '{VERSION}'"
    now = run(world, *words, script)
    lock = now.stdout.split()[0]
    assert (lock == first, now.stdout.split()[1:]) == (False, ["1.14.0", "1.14.0"])
    pinned = run(world, *words, script, ENVC_LOCK=first)
    assert (pinned.stdout.split(), pinned.stderr) == ([first, "1.11.0", "1.11.0"], "")
    elsewhere = run(world, *words, "echo $ENVC_LOCK", ENVC_LOCK=first, ENVC_TARGET="/elsewhere")
    assert elsewhere.stdout == f"{lock}\n"


def test_another_layer_of_a_pinned_job_does_not_move_the_pin(upgraded):
    world, first = upgraded
    words = (
        "--layer",
        "system",
        "--target",
        world.site.target,
        "--",
        "sh",
        "-c",
        "echo $ENVC_LOCK",
    )
    assert run(world, *words, ENVC_LOCK=first).stdout == f"{first}\n"


def test_an_overlay_pins_the_base_that_it_was_compiled_for(upgraded):
    world, first = upgraded
    script = f"echo $ENVC_LOCK; {world.user}/bin/python -c '{VERSION}'; python -c '{VERSION}'"
    words = ("--overlay", world.alice, "--", "sh", "-c", script)
    for variables in ({}, {"ENVC_LOCK": str(digest_of(b"other"))}):
        assert run(world, *words, **variables).stdout.split() == [first, "1.11.0", "1.14.0"]


def test_an_overlay_on_an_overlay_pins_the_common_layer(own_world):
    bob = own_world.site.root / "bob"
    bob.mkdir()
    (bob / "overlay.toml").write_text(
        'version = 1\n[overlay]\nname = "bob"\nbase = "alice"\nbase-dir = "../alice"\n'
    )
    done = envc("overlay", "sync", "--dir", bob, "--target", own_world.site.target, "--json")
    assert done.status == 0, done.stderr
    closure = own_world.site.materialize()["layers"]["user"]["closure"]
    answer = run(own_world, "--overlay", bob, "--", "sh", "-c", "echo $ENVC_LOCK")
    assert (answer.stdout, answer.stderr) == (f"{closure}\n", "")


def test_a_generation_that_is_not_here_is_the_answer_no(own_world):
    target = own_world.site.target
    absent = digest_of(b"absent")
    words = ("--layer", "user", "--target", target, "--", "true")
    answer = run(own_world, *words, ENVC_LOCK=absent)
    assert (answer.status, answer.stderr) == (
        1,
        (
            "error: this node does not hold the generation that ENVC_LOCK pins this job to:"
            f" {absent}\n"
            f"   at: {target}\n"
            " help: materialize those locks again, or unset ENVC_LOCK to run on what is here\n"
        ),
    )
    answer = run(own_world, *words, ENVC_LOCK="../..")
    assert (answer.status, answer.stderr) == (
        2,
        (
            "error: ENVC_LOCK is '../..', which is no closure digest\n"
            "   at: the environment\n"
            " help: unset ENVC_LOCK, or let `envc run` set it\n"
        ),
    )
