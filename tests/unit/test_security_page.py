"""Every promise of `docs/security.md` names tests, and these are there."""

import ast
import re
from functools import cache
from pathlib import Path

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs/security.md").read_text()
PROMISED = PAGE.partition("## What is promised")[2].partition("\n## ")[0]
PROMISES = re.findall(r"^- .*\n(?:  .*\n)*", PROMISED, re.MULTILINE)
TEST = re.compile(r"`(tests/[a-z_/]+\.py)::(test_\w+)`")


@cache
def names_in(path):
    """The names that a file of tests gives to functions, and to what it assigns."""
    file = ROOT / path
    nodes = ast.parse(file.read_text()).body if file.is_file() else []
    functions = {node.name for node in nodes if isinstance(node, ast.FunctionDef)}
    assigned = [node.targets for node in nodes if isinstance(node, ast.Assign)]
    return functions | {each.id for (each, *_) in assigned if isinstance(each, ast.Name)}


def test_there_are_promises():
    assert len(PROMISES) > 20


def test_each_promise_names_what_holds_it():
    assert [promise for promise in PROMISES if not TEST.search(promise)] == []


def test_each_named_test_is_there():
    named = [(path, name) for path, name in TEST.findall(PAGE)]
    assert [f"{path}::{name}" for path, name in named if name not in names_in(path)] == []


def test_nothing_else_is_taken_for_the_name_of_a_test():
    assert len(re.findall(r"::test", PAGE)) == len(TEST.findall(PAGE))
