import importlib
import sys
from importlib.machinery import EXTENSION_SUFFIXES, FileFinder
from pathlib import Path

import pytest

from envc.model.wheel import ModuleTree
from envc.store.modules import module_tree


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
        (["data/its.own/x.py", "__pycache__/x.txt", "a/__pycache__/x.pyc"], {"data": {}, "a": {}}),
        (["demo.libs/libx.so.1", "d-1.dist-info/x.py", "a.b.py", ".py", ".hidden/x.py"], {}),
        (
            ["2to3.py", "a-b/__init__.py", "a b.py"],
            {"2to3": "module", "a-b": "package", "a b": "module"},
        ),
        (["9/x-y/1.py", "9/x.y/2.py"], {"9": {"x-y": {"1": "module"}}}),
        (["6ec5__mypyc.cpython-311-x86_64-linux-gnu.so"], {"6ec5__mypyc": "module"}),
        (["x/__init__.py", "x.py"], {"x": "package"}),
        (["x/data.txt", "x.py"], {"x": "module"}),
        (["y/x/data.txt", "y/x.py"], {"y": {"x": "module"}}),
    ],
)
def test_module_tree(paths: list[str], tree: ModuleTree) -> None:
    assert module_tree(paths, "3.11") == tree
    assert module_tree(paths[::-1], "3.11") == tree


def test_stable_abis_of_python_3_15() -> None:
    suffixes = ("abi3", "abi3t", "abi3-x86_64-linux-gnu", "abi3t-x86_64-linux-gnu", "abi4")
    paths = [f"m{number}.{suffix}.so" for number, suffix in enumerate(suffixes)]
    assert sorted(module_tree(paths, "3.13")) == ["m0"]
    assert sorted(module_tree(paths, "3.14")) == ["m0", "m2"]
    assert sorted(module_tree(paths, "3.15")) == ["m0", "m1", "m2", "m3"]


def test_the_free_threaded_build_has_modules_of_its_own() -> None:
    suffixes = ("cpython-314t-x86_64-linux-gnu", "cpython-314-x86_64-linux-gnu", "abi3", "abi3t")
    paths = [f"m{number}.{suffix}.so" for number, suffix in enumerate(suffixes)]
    assert sorted(module_tree(paths, "3.14t")) == ["m0"]
    assert sorted(module_tree(paths, "3.14")) == ["m1", "m2"]
    assert sorted(module_tree(paths, "3.15t")) == ["m3"]


# Every folder holds a file of every stem with every ending; packages are of them likewise.
FOLDERS = ("", "ns-x", "9ns/in ner", "class", "my-1.0.dist-info", "ns/s.d", ".hidden")
STEMS = ("plain", "2to3_", "6ec5__mypyc", "with-dash", "with space", "class", "żółw", "a.b", "")
ENDINGS = (*EXTENSION_SUFFIXES, ".py", ".pyc", ".pyi", ".so.1", ".cpython-27-x.so")


def test_it_is_what_the_ordinary_finder_finds(tmp_path: Path) -> None:
    names = [(stem, str(number) + end) for stem in STEMS for number, end in enumerate(ENDINGS)]
    paths = [str(Path(folder, stem + rest)) for folder in FOLDERS for stem, rest in names]
    paths += [f"p{stem}{rest[0]}/__init__{rest[1:]}" for stem, rest in names]
    for path in paths:
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / path).touch()
    assert module_tree(paths, "{}.{}".format(*sys.version_info)) == found_in(tmp_path)


def found_in(folder: Path) -> ModuleTree:
    """What Python finds in a folder under any name."""
    loaders = importlib._bootstrap_external._get_supported_file_loaders()
    finder = FileFinder(str(folder), *loaders)
    found: ModuleTree = {}
    for name in {path.name.partition(".")[0] for path in folder.iterdir()} - {""}:
        spec = finder.find_spec(name)
        if spec is not None and spec.submodule_search_locations is None:
            found[name] = "module"
        elif spec is not None:
            found[name] = "package" if spec.loader is not None else found_in(folder / name)
    return found
