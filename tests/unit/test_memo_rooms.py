"""The rooms that memos name hold all the code that decides what is kept."""

import ast
from collections.abc import Iterator
from pathlib import Path

import envc

PACKAGE = Path(envc.__file__).parent
ROOMS = {path.parent.name for path in PACKAGE.glob("*/__init__.py")}
# What no value depends on: where it is kept, what is asked of the world, and how errors are told.
NEUTRAL = {"disk", "ports", "errors", "reports"}


def memos() -> Iterator[tuple[str, tuple[str, ...]]]:
    """Every place that keys something by code: the file, and the rooms that it names."""
    for path in sorted(set(PACKAGE.glob("*/*.py")) - set(PACKAGE.glob("disk/*.py"))):
        tree = ast.parse(path.read_text())
        constants = {
            node.targets[0].id: node.value
            for node in tree.body
            if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name)
        }
        for node in ast.walk(tree):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
                found = named(node)
                if found is not None:
                    found = constants[found.id] if isinstance(found, ast.Name) else found
                    yield f"{path.parent.name}/{path.name}", evaluated(found)


def named(call: ast.Call) -> ast.expr | None:
    """What a call says of rooms."""
    match call.func:
        case ast.Name("Memo"):
            return next(each.value for each in call.keywords if each.arg == "rooms")
        case ast.Name("memo_key"):
            return call.args[0]
        case ast.Name("digest_of_code"):
            match call.args:
                case [ast.Starred(rooms)]:
                    return rooms
                case rooms:
                    return ast.Tuple(rooms)
    return None


def evaluated(node: ast.expr) -> tuple[str, ...]:
    rooms: tuple[str, ...] = eval(ast.unparse(node), {})
    return rooms


def imported(room: str) -> set[str]:
    """The rooms that modules of a room import, while they are imported or later."""
    found: set[str] = set()
    for path in (PACKAGE / room).glob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("envc."):
                found.add((node.module or "").split(".")[1])
    return found & ROOMS


def test_memos_name_rooms_that_are_complete():
    found = list(memos())
    assert len(found) >= 10
    for place, rooms in found:
        needed = set().union(*map(imported, rooms)) - NEUTRAL
        assert needed <= set(rooms), f"{place} leaves out {sorted(needed - set(rooms))}"
        assert set(rooms) <= ROOMS, place
