"""Mends name a command that touches what is wrong, and that there is."""

import re

import pytest

from envc.model.digest import Digest
from envc.target.base_state import BaseState
from support.sites import SiteFolder, envc, over_wheels

TWO_OPEN = over_wheels("""\
[layer.one]
requires = ["six"]

[layer.two]
requires = ["six"]

[overlays]
storage = "{storage}"
""")


def mend_of(answer) -> str:
    (mend,) = re.findall(r"^ help: (.*)$", answer.stderr, re.MULTILINE)
    return mend


@pytest.mark.parametrize("words", [("lock",), ("tree",), ("why", "six"), ("export",)])
def test_a_broken_lock_of_an_overlay(warm, words):
    path = warm.overlay("alice", 'requires = ["six"]')
    lock = path.with_name("pylock.alice.toml")
    lock.write_text('lock-version = "9.0"\n')
    answer = warm.envc(*words, "--overlay", "overlays/alice.toml")
    assert answer.status == 2
    mend = "restore it, or remove it and run `envc lock --overlay overlays/alice.toml`"
    assert mend_of(answer) == mend
    (verdict,) = warm.envc("check", "--json").json["overlays"]
    assert [each["mend"] for each in verdict["findings"]] == [mend]
    lock.unlink()
    warm.done("lock", "--overlay", "overlays/alice.toml")
    assert warm.done(*words, "--overlay", "overlays/alice.toml").status == 0


def test_a_lock_that_is_lost_in_a_target(warm):
    warm.materialize()
    (warm.target / "current/site/pylock.system.toml").unlink()
    init = ("overlay", "init", "--target", warm.target, "--dir", warm.root / "alice")
    answer = warm.envc(*init)
    assert mend_of(answer) == f"write it with `envc repair --target {warm.target}`"
    warm.done("repair", "--target", warm.target)
    warm.done(*init)


@pytest.fixture
def two_open(tmp_path, recipes):
    site = SiteFolder(tmp_path / "world", recipes).write(TWO_OPEN)
    site.done("lock")
    site.materialize()
    return site


def test_which_layer_is_not_clear(two_open, monkeypatch):
    """`run` makes a user's overlay at first use, but it is `init` that takes a layer."""
    monkeypatch.setenv("ENVC_TARGET", str(two_open.target))
    answer = envc("run", "true")
    told = re.fullmatch(
        r"make it with `envc (overlay init (\S+) --base) L`, L one of one, two", mend_of(answer)
    )
    assert answer.status == 2
    assert told is not None
    made = envc(*told[1].split(), "two", "--json").json
    assert (made["folder"], made["base"]) == (told[2], "two")


def test_which_layer_a_script_is_for_is_not_clear(two_open, tmp_path):
    script = tmp_path / "plot.py"
    script.write_text('# /// script\n# dependencies = ["theme"]\n# ///\n')
    answer = envc("run", "--target", two_open.target, script)
    assert (answer.status, mend_of(answer)) == (
        2,
        'add `[tool.envc]` and `base = "L"` to the script\'s metadata, L one of one, two',
    )


@pytest.mark.parametrize(
    ("present", "mend"),
    [
        (None, "name another `base` in /own/overlay.toml, then run `envc overlay sync --dir /own`"),
        ("sha256:2", "compile it for the base that is here (`envc overlay sync --dir /own`)"),
    ],
)
def test_a_base_that_is_not_here(present, mend):
    """Where the layer is gone altogether, `sync` alone could only refuse."""
    now = None if present is None else Digest(present)
    state = BaseState("user", Digest("sha256:1"), "/target", None, now, "user")
    assert state.mend("/own") == mend
