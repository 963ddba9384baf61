"""The list of failures is whole, and each one is shown by a test with its control."""

import ast
from pathlib import Path

import pytest
from failures import FAILURES, Failure

HERE = Path(__file__).parent
# What makes an environment go wrong: plain layers, the tools that made them, the core itself.
CONTROLS = {"plain", "environment", "uv", "pip", "core"}
# The first of these is envc's side: worlds that it built, and calls of it.
ENVC = {"world", "own_world", "site", "envc", "stack"}


def test_every_number_of_the_list_is_here_once():
    assert [failure.name for failure in FAILURES] == [*map(str, range(1, 20)), *"abcdef"]


@pytest.mark.parametrize("failure", FAILURES, ids=lambda failure: f"failure {failure.name}")
def test_it_is_shown_with_its_control(failure: Failure):
    seen: set[str] = set()
    for test in failure.tests:
        module, _, name = test.partition("::")
        body = function(HERE / f"{module}.py", name)
        assert any(isinstance(node, ast.Assert) for node in ast.walk(body)), test
        seen |= {node.id for node in ast.walk(body) if isinstance(node, ast.Name)}
        seen |= {argument.arg for argument in body.args.args}
    assert seen & CONTROLS, f"{failure.tests}: no control"
    assert seen & ENVC, f"{failure.tests}: nothing of envc"


def test_every_test_of_a_failure_is_in_the_list():
    """The modules that exist for the list alone hold no test that it does not name."""
    named = {test for failure in FAILURES for test in failure.tests}
    for module in {test.partition("::")[0] for test in named} - {
        "test_libraries",
        "test_one_job",
        "test_while_it_runs",
    }:
        tree = ast.parse((HERE / f"{module}.py").read_text())
        found = {node.name for node in tree.body if isinstance(node, ast.FunctionDef)}
        tests = {f"{module}::{name}" for name in found if name.startswith("test_")}
        assert tests <= named


def function(path: Path, name: str) -> ast.FunctionDef:
    """The function of that name in a module."""
    for node in ast.parse(path.read_text()).body:
        if isinstance(node, ast.FunctionDef) and node.name == name:
            return node
    raise AssertionError(f"{path.name} has no {name}")
