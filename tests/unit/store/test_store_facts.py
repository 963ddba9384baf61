import pytest

from envc.model.wheel import ModuleTree
from envc.store.description import module_tree


@pytest.mark.parametrize(
    ("paths", "tree"),
    [
        (["six.py"], {"six": "module"}),
        (["demo/__init__.py", "demo/inner/x.py"], {"demo": "package"}),
        (["demo/data.txt", "demo/__init__.py"], {"demo": "package"}),
        (["space/one.py", "space/two/__init__.py"], {"space": {"one": "module", "two": "package"}}),
        (["a/b/c/__init__.py"], {"a": {"b": {"c": "package"}}}),
        (["_x.cpython-311-x86_64-linux-gnu.so"], {"_x": "module"}),
        (["_x.abi3.so", "_y.so", "z.pyc"], {"_x": "module", "_y": "module", "z": "module"}),
        (["_x.cpython-312-x86_64-linux-gnu.so", "_y.cp311-win_amd64.pyd"], {}),
        (["demo/__init__.cpython-311-x86_64-linux-gnu.so"], {"demo": "package"}),
        (["data/table.csv"], {"data": {}}),
        (["data/not-importable/x.py"], {"data": {}}),
        (["demo.libs/libx.so.1", "2to3.py", "a-b/__init__.py", "d-1.dist-info/x.py"], {}),
        (["x/__init__.py", "x.py"], {"x": "package"}),
        (["x/data.txt", "x.py"], {"x": "module"}),
        (["y/x/data.txt", "y/x.py"], {"y": {"x": "module"}}),
    ],
)
def test_module_tree(paths: list[str], tree: ModuleTree) -> None:
    assert module_tree(paths, "3.11") == tree
    assert module_tree(paths[::-1], "3.11") == tree
