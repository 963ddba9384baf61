"""The same answers under any hash seed: pins, and every word of an explanation."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

TESTS = Path(__file__).parents[1]

# Every golden case of the resolver, as text.
PROGRAM = """
import sys
from pathlib import Path
sys.path.insert(0, sys.argv[1])
from support.cases import Case, printed
for path in sorted(Path(sys.argv[1]).glob("golden/resolve/*/in.toml")):
    print(path.parent.name, printed(Case(path.read_text())), sep="\\n")
"""


def answers(seed: int) -> str:
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM, str(TESTS)],
        env={**os.environ, "PYTHONHASHSEED": str(seed)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.mark.slow
def test_pins_and_explanations_do_not_depend_on_the_hash_seed():
    first = answers(1)
    assert "conflict-through-releases" in first
    assert answers(2) == first
    assert answers(77) == first
