"""The finders and the loader of a stack, each alone, in this process."""

import os
import py_compile
import sys
from importlib.util import MAGIC_NUMBER, cache_from_source
from pathlib import Path

import pytest

from envc.model.manifest import PUBLISHED_MTIME_SECONDS

TRUSTED, COMPARED = "x = 'as compiled'", "x = 'as it is now'"


def module(folder: Path, name: str) -> None:
    """Write a module, and have the folder keep the time that published ones have."""
    folder.mkdir(exist_ok=True)
    (folder / f"{name}.py").touch()
    os.utime(folder, (PUBLISHED_MTIME_SECONDS, PUBLISHED_MTIME_SECONDS))


def loaded(finders, source: Path) -> str:
    """What a module says that is loaded from there."""
    found: dict[str, str] = {}
    exec(finders.PublishedLoader("m", str(source)).get_code("m"), found)
    return found["x"]


@pytest.mark.parametrize(
    ("mode", "expected"),
    [("UNCHECKED_HASH", TRUSTED), ("CHECKED_HASH", COMPARED), ("TIMESTAMP", COMPARED)],
)
def test_bytecode_is_trusted_only_if_it_says_that_nothing_is_compared(
    finders, tmp_path, mode, expected
):
    source = tmp_path / "m.py"
    source.write_text(TRUSTED)
    py_compile.compile(str(source), invalidation_mode=py_compile.PycInvalidationMode[mode])
    source.write_text(COMPARED)
    assert f"x = {loaded(finders, source)!r}" == expected


@pytest.mark.parametrize("content", [b"", b"of another Python, perhaps", MAGIC_NUMBER + b"cut off"])
def test_bytecode_that_cannot_be_read_is_done_without(finders, tmp_path, content):
    source = tmp_path / "m.py"
    source.write_text(COMPARED)
    bytecode = Path(cache_from_source(str(source)))
    bytecode.parent.mkdir()
    bytecode.write_bytes(content)
    assert f"x = {loaded(finders, source)!r}" == COMPARED


def test_a_folder_that_is_called_like_a_module_is_none(finders, tmp_path):
    (tmp_path / "m.py").mkdir()
    (tmp_path / "n" / "__init__.py").mkdir(parents=True)
    module(tmp_path, "other")
    os.utime(tmp_path / "n", (PUBLISHED_MTIME_SECONDS, PUBLISHED_MTIME_SECONDS))
    finder = finders.PublishedFinder(str(tmp_path), PUBLISHED_MTIME_SECONDS)
    assert finder.find_spec("m") is None
    assert finder.find_spec("n").loader is None
    assert finder.find_spec("other").origin == f"{tmp_path}/other.py"


def test_a_directory_that_somebody_has_changed_is_asked_each_time(finders, tmp_path):
    finder = finders.PublishedFinder(str(tmp_path), PUBLISHED_MTIME_SECONDS)
    assert finder.find_spec("m") is None
    (tmp_path / "m.py").touch()
    os.utime(tmp_path, (1, 1))
    assert finder.find_spec("m").origin == f"{tmp_path}/m.py"


def test_what_the_index_does_not_name_is_not_there(finders, tmp_path):
    module(tmp_path, "known")
    module(tmp_path, "unknown")
    finder = finders.IndexedFinder(str(tmp_path), {"known"}, PUBLISHED_MTIME_SECONDS, lasting=False)
    assert finder.find_spec("known").origin == f"{tmp_path}/known.py"
    assert finder.find_spec("unknown") is None


@pytest.mark.parametrize("lasting", [True, False])
def test_an_index_outlives_the_import_caches_only_where_nothing_changes(finders, tmp_path, lasting):
    module(tmp_path, "late")
    finder = finders.IndexedFinder(str(tmp_path), {"m"}, PUBLISHED_MTIME_SECONDS, lasting=lasting)
    finder.invalidate_caches()
    assert (finder.find_spec("late") is None) == lasting


@pytest.fixture
def hook(finders, tmp_path):
    """The hook of a stack: `alice` on `masked`, `whole` and `venv`, which no index tells of."""
    layer_class = sys.modules["_envc_stack"].Layer
    layers = {name: layer_class(name, "") for name in ("alice", "masked", "whole", "venv")}
    for name, layer in layers.items():
        module(tmp_path / name, "m")
        layer.folder = layer.entry = f"{tmp_path}/{name}"
    layers["alice"].mtime_seconds = PUBLISHED_MTIME_SECONDS
    layers["whole"].names = {"m"}
    layers["masked"].masked = True
    layers["masked"].entry = f"{tmp_path}/masked/_envc_stack.txt/masked"
    layers["masked"].names, layers["masked"].namespaces = {"numpy", "google.cloud"}, {"google"}
    own, *bases = layers.values()
    return finders.PathHook(own, bases, own_is_indexed=True)


@pytest.mark.parametrize(
    ("entry", "expected"),
    [
        ("alice", ("IndexedFinder", "alice")),
        ("whole", ("IndexedFinder", "whole")),
        ("masked/_envc_stack.txt/masked", ("MaskedFinder", "masked/_envc_stack.txt/masked")),
        (
            "masked/_envc_stack.txt/masked/google",
            ("MaskedFinder", "masked/_envc_stack.txt/masked/google"),
        ),
        ("masked/_envc_stack.txt/masked/google/cloud", ("PublishedFinder", "masked/google/cloud")),
        ("masked/_envc_stack.txt/masked/numpy", ("PublishedFinder", "masked/numpy")),
        ("masked/_envc_stack.txt/masked/hidden", None),
        ("masked/_envc_stack.txt/whole", None),
        ("venv", None),
        ("alice/inside", ("PublishedFinder", "alice/inside")),
        ("alice/nowhere", None),
        ("elsewhere", None),
    ],
)
def test_the_hook_answers_for_the_entries_of_its_stack_alone(hook, tmp_path, entry, expected):
    module(tmp_path / "alice" / "inside", "m")
    module(tmp_path / "elsewhere", "m")
    try:
        finder = hook(f"{tmp_path}/{entry}")
    except ImportError:
        finder = None
    found = finder and (type(finder).__name__, os.path.relpath(finder.path, tmp_path))
    assert found == expected


def test_the_hook_leaves_an_own_folder_that_is_not_as_it_was_published_to_others(hook, tmp_path):
    hook.own_is_indexed = False
    with pytest.raises(ImportError):
        hook(f"{tmp_path}/alice")


def test_of_bases_only_what_lasts_is_said_to(hook, tmp_path):
    assert [hook(f"{tmp_path}/{name}").lasting for name in ("alice", "whole")] == [False, True]
