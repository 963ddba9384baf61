"""Hypothesis against a clock: ENVC_FUZZ_SECONDS for all of these tests together, 10 by default.

Seeds count up from ENVC_FUZZ_SEED (0), so a run repeats the one before it, and a longer one goes
on from there. Every test has at least one round, however short the time is.
"""

import os
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis.strategies import SearchStrategy

from fuzz.arena import Arena, Fuzz, Value

SECONDS = float(os.environ.get("ENVC_FUZZ_SECONDS", "10"))
FIRST_SEED = int(os.environ.get("ENVC_FUZZ_SEED", "0"))
ROUND = settings(
    max_examples=40,
    deadline=None,
    database=None,
    phases=[Phase.generate, Phase.shrink],
    suppress_health_check=list(HealthCheck),
)


@pytest.fixture
def fuzz(request: pytest.FixtureRequest) -> Fuzz[Value]:
    """Calls a check with examples of a strategy for this test's share of the time."""
    sharers = [item for item in request.session.items if "fuzz" in item.fixturenames]
    share = SECONDS / len(sharers)

    def run(strategy: SearchStrategy[Value], check: Callable[[Value], None]) -> None:
        end = time.monotonic() + share
        number = FIRST_SEED
        while True:
            seed(number)(ROUND(given(strategy)(check)))()
            number += 1
            if time.monotonic() >= end:
                return

    return run


@pytest.fixture
def arena(tmp_path: Path) -> Iterator[Arena]:
    """An arena; it is compared at the end once more."""
    (tmp_path / "a/b/c").mkdir(parents=True)
    for path in ("x.py", "a/x.py", "a/b/x.py", "a/b/c/x.py"):
        (tmp_path / path).write_text("sentinel\n")
    found = Arena(tmp_path)
    before = found.around()
    yield found
    assert found.around() == before
