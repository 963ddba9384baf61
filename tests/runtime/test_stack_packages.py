"""Packages of a published tree: each directory is opened once, and is then known.

What it says is what Python's own finder would say.
"""

import importlib
import importlib.machinery
import io
import itertools
import os
import shutil
import zipfile
from pathlib import Path

import pytest
from stack_trees import Disk, answer
from test_stack_storage import touched

from envc.model.manifest import PUBLISHED_MTIME_SECONDS
from support.wheels import Recipe

# What may stand under the name `m`, in every combination.
PARTS = (
    *("m.py", "m.abi3.so", "m.pyc", "m.txt"),
    *("m/__init__.py", "m/__init__.abi3.so", "m/__init__.pyc", "m/x.py"),
)
LAYOUTS = [
    layout for number in range(len(PARTS) + 1) for layout in itertools.combinations(PARTS, number)
]


def publish(folder: Path) -> None:
    for path, _, _ in os.walk(folder):
        os.utime(path, (PUBLISHED_MTIME_SECONDS, PUBLISHED_MTIME_SECONDS))


def facts(spec: importlib.machinery.ModuleSpec | None) -> object:
    if spec is None:
        return None
    loader = type(spec.loader).__name__.replace("Published", "SourceFile")
    return spec.name, spec.origin, spec.cached, loader, spec.submodule_search_locations


def test_it_finds_what_the_ordinary_finder_finds(finders, tmp_path):
    ordinary_loaders = importlib._bootstrap_external._get_supported_file_loaders()
    for number, layout in enumerate(LAYOUTS):
        folder = tmp_path / str(number)
        folder.mkdir()
        for part in layout:
            (folder / part).parent.mkdir(exist_ok=True)
            (folder / part).touch()
        publish(folder)
        ordinary = importlib.machinery.FileFinder(str(folder), *ordinary_loaders)
        found = finders.PublishedFinder(str(folder), PUBLISHED_MTIME_SECONDS)
        expected = facts(ordinary.find_spec("p.m"))
        assert facts(found.find_spec("p.m")) == expected, layout
        assert facts(found.find_spec("p.nothing")) is None
    assert len(LAYOUTS) == 2 ** len(PARTS)


def package(name: str, modules: int) -> Recipe:
    """Three packages, one in the other, with so many modules each, which the first imports all."""
    files: dict[str, str] = {}
    for inside in (name, f"{name}/inner", f"{name}/inner/deep"):
        dotted = inside.replace("/", ".")
        imports = "".join(f"import {dotted}.m{number}\n" for number in range(modules))
        files[f"{inside}/__init__.py"] = imports
        files |= {f"{inside}/m{number}.py": "" for number in range(modules)}
    files[f"{name}/__init__.py"] += f"import {name}.inner.deep\n"
    return Recipe(name=name, version="1", files=files)


@pytest.fixture
def overlay(disk: Disk) -> Path:
    base = disk.layer("user", Recipe(name="common", version="1"))
    disk.publish(base)
    return disk.publish(disk.layer("alice", package("own", 5), overlay=True), base)


def compiled(overlay: Path, disk: Disk) -> Path:
    """Compile the overlay's project as ingest does; its folder."""
    folder = (overlay / disk.interpreter.site_packages / "own").resolve()
    answer(
        overlay,
        "import compileall, py_compile\n"
        "mode = py_compile.PycInvalidationMode.UNCHECKED_HASH\n"
        f"show(compileall.compile_dir({str(folder)!r}, quiet=1, invalidation_mode=mode))",
    )
    publish(folder)
    return folder


@pytest.mark.slow
@pytest.mark.skipif(not shutil.which("strace"), reason="strace is not installed")
def test_a_module_costs_one_look_and_a_directory_another(overlay: Path, disk: Disk):
    compiled(overlay, disk)
    alone = touched(disk, overlay, "import common")
    modules, directories = 3 * 5 + 3, 4
    assert len(touched(disk, overlay, "import own")) == len(alone) + modules + directories


def test_edits_are_seen_as_ever(overlay: Path, disk: Disk):
    folder = compiled(overlay, disk)
    code = "import own.m1 as m; show([getattr(m, 'x', 0), bool(m.__spec__.cached)])"
    assert answer(overlay, code) == [0, True]
    (folder / "m1.py").chmod(0o644)
    (folder / "m1.py").write_text("x = 1")  # its bytecode is trusted: `verify` names the file
    assert answer(overlay, code) == [0, True]
    assert answer(overlay, code, "--check-hash-based-pycs", "always") == [1, True]
    shutil.rmtree(folder / "__pycache__")
    assert answer(overlay, code, "-B") == [1, True]
    (folder / "inner" / "late.py").write_text("")
    assert answer(overlay, "import own.inner.late as m; show(m.__name__)") == "own.inner.late"


def test_what_appears_while_a_process_runs_is_found_once_the_caches_are_invalidated(
    overlay: Path, disk: Disk
):
    folder = compiled(overlay, disk)
    code = f"""
import importlib, own
open({str(folder / "later.py")!r}, "w").close()
importlib.invalidate_caches()
import own.later
show(own.later.__file__)
"""
    assert answer(overlay, code) == str(folder / "later.py")


def test_an_archive_on_the_path_is_read(disk: Disk):
    """As `easy_install` left them: a `.pth` file names an archive in site-packages."""
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w") as written:
        written.writestr("zipped.py", "here = True\n")
    files = {"zipped.egg": archive.getvalue(), "zipped.pth": "zipped.egg\n"}
    base = disk.layer("user", Recipe(name="zipped", version="1", files=files))
    disk.publish(base)
    tree = disk.publish(disk.layer("alice", overlay=True), base)
    code = "import zipped; show([zipped.here, type(zipped.__loader__).__name__])"
    for place in (tree, disk.root / "target/user"):
        assert answer(place, code) == [True, "zipimporter"]


def test_pkgutil_and_resources_see_the_packages_files(overlay: Path, disk: Disk):
    code = """
import importlib.resources, own, pkgutil
names = sorted(m.name for m in pkgutil.walk_packages(own.__path__, "own.") if "deep" in m.name)
show([names, importlib.resources.files("own.inner").joinpath("m0.py").is_file()])
"""
    names = ["own.inner.deep", *(f"own.inner.deep.m{number}" for number in range(5))]
    assert answer(overlay, code) == [names, True]


HOOK = """
import importlib.machinery, sys
importlib.machinery.SOURCE_SUFFIXES.append(".tale")
sys.path_importer_cache.clear()
"""


def test_a_suffix_that_an_import_hook_adds_counts(disk: Disk):
    """In packages, and for modules beside them, of which no index of names tells."""
    files = {"hook/__init__.py": HOOK, "hook/core.tale": "x = 1\n", "above.tale": "x = 2\n"}
    base = disk.layer("user", Recipe(name="hook", version="1", files=files))
    disk.publish(base)
    own = Recipe(
        name="own", version="1", files={"own/inner.tale": "x = 3\n", "top.tale": "x = 4\n"}
    )
    tree = disk.publish(disk.layer("alice", own, overlay=True), base)
    code = "import hook, hook.core, above, own.inner, top\n"
    code += "show([hook.core.x, above.x, own.inner.x, top.x])"
    assert answer(tree, code) == [1, 2, 3, 4]


@pytest.mark.parametrize("overlay", [False, True], ids=["layer", "overlay"])
def test_bytecode_elsewhere_is_not_that_of_another_release(
    disk: Disk, tmp_path: Path, *, overlay: bool
):
    """A target that is made again has files of the same paths, sizes and times."""
    elsewhere = str(tmp_path / "elsewhere")
    code = "import one, two, ns.three; show([one.x, two.x, ns.three.x])"
    for release in (1, 2):
        for folder in disk.root.glob("[at]*"):
            shutil.rmtree(folder)
        files = {f"{name}.py": f"x = {release}\n" for name in ("one", "two/__init__", "ns/three")}
        base = disk.layer("user", Recipe(name="common", version=str(release), files=files))
        tree = disk.publish(base)
        for path in files:
            os.utime(tree / disk.interpreter.site_packages / path, (1, 1))
        if overlay:
            tree = disk.publish(disk.layer("alice", package("own", 1), overlay=True), base)
        assert answer(tree, code, PYTHONPYCACHEPREFIX=elsewhere) == [release] * 3
    assert list((tmp_path / "elsewhere").rglob("one*.pyc"))


def test_bytecode_beside_is_used_where_more_is_kept_elsewhere(overlay: Path, disk: Disk):
    folder = compiled(overlay, disk)
    (folder / "m1.py").chmod(0o644)
    (folder / "m1.py").write_text("x = 1")
    code = "import own.m1 as m; show(hasattr(m, 'x'))"
    assert answer(overlay, code, PYTHONPYCACHEPREFIX=str(disk.root / "elsewhere")) is False
