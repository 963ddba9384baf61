"""Answers that are given from locks say when those are stale."""

import pytest

QUESTIONS = (("tree",), ("why", "six"), ("export",), ("export", "--flat"))
STALE = (
    "warning: the lock of layer user is stale: envc.toml or its base has changed since "
    "(pylock.user.toml); write it anew with `envc lock`\n"
)


@pytest.fixture
def overlay(warm):
    path = warm.overlay("alice", 'requires = ["theme", "six"]')
    warm.done("lock", "--overlay", path)
    return path


@pytest.mark.parametrize("words", QUESTIONS)
def test_a_common_layer(warm, words):
    assert warm.done(*words).stderr == ""
    warm.edit('"pandas"', '"pandas>=2"')
    for _ in range(2):  # given anew, and again
        assert warm.done(*words).stderr == STALE
    warm.done("lock")
    assert warm.done(*words).stderr == ""


@pytest.mark.parametrize("words", QUESTIONS)
def test_an_overlay(warm, overlay, words):
    assert warm.done(*words, "--overlay", "overlays/alice.toml").stderr == ""
    warm.overlay("alice", 'requires = ["theme", "six>=1"]')
    assert warm.done(*words, "--overlay", "overlays/alice.toml").stderr == (
        "warning: the lock of overlay alice is stale: its spec, or what the site asks of overlays, "
        "has changed since (overlays/pylock.alice.toml); write it anew with "
        "`envc lock --overlay overlays/alice.toml`\n"
    )
    warm.edit('"pandas"', '"pandas>=2"')
    assert warm.done(*words, "--overlay", "overlays/alice.toml").stderr == STALE
    warm.done("lock")
    assert warm.done(*words, "--overlay", "overlays/alice.toml").stderr == (
        "warning: the lock of overlay alice is stale: it was made against another state of its "
        "base (overlays/pylock.alice.toml); write it anew with "
        "`envc lock --overlay overlays/alice.toml`\n"
    )
