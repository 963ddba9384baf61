"""Shared libraries that find each other by `$ORIGIN`, in two layers."""

import shutil
import subprocess
import sysconfig
from pathlib import Path

import pytest
from plain import environment, output

from support.sites import SITE_PACKAGES, SiteFolder, envc
from support.wheels import Recipe

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not shutil.which("gcc"), reason="gcc is not installed"),
    pytest.mark.skipif(
        not Path(sysconfig.get_path("include"), "Python.h").exists(),
        reason="this Python's headers are not installed",
    ),
]

SPEC = """\
version = 1
[site]
name = "libraries"
[core]
python = "{python}"
[[index]]
name = "wheels"
path = "wheels"
[layer.user]
requires = ["low", "middle"]
[overlays]
storage = "{storage}"
"""
LOAD = "from high import core; print(core.high())"
# An extension module of the stable ABI.
EXTENSION = """\
#define Py_LIMITED_API 0x030b0000
#include <Python.h>
int middle(void);
static PyObject *high(PyObject *self, PyObject *none) { return PyLong_FromLong(middle() + 1); }
static PyMethodDef methods[] = {{"high", high, METH_NOARGS, NULL}, {NULL, NULL, 0, NULL}};
static struct PyModuleDef core = {PyModuleDef_HEAD_INIT, "core", NULL, 0, methods};
PyMODINIT_FUNC PyInit_core(void) { return PyModule_Create(&core); }
"""


def compiled(folder: Path, name: str, code: str, *links: str) -> bytes:
    """A shared library that looks for those it needs in `../<name>/lib` and `../../<name>/lib`."""
    source, library = folder / f"{name}.c", folder / f"lib{name}.so"
    source.write_text(code)
    paths = [f"-Wl,-rpath,$ORIGIN/{up}/{link}/lib" for link in links for up in ("..", "../..")]
    needed = [f"-l{link}" for link in links]
    headers = f"-I{sysconfig.get_path('include')}"
    libraries = [f"-L{folder}", *needed, *paths]
    command = ["gcc", "-shared", "-fPIC", headers, "-o", library, source, *libraries]
    subprocess.run(command, check=True)
    return library.read_bytes()


@pytest.fixture(scope="module")
def wheels(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The extension of `high` needs `middle`, which needs `low`; of `low` there are two."""
    folder, build = tmp_path_factory.mktemp("libraries"), tmp_path_factory.mktemp("build")
    low = compiled(build, "low", "int low(void) { return 40; }")
    middle = compiled(
        build, "middle", "int low(void); int middle(void) { return low() + 1; }", "low"
    )
    high = compiled(build, "high", EXTENSION, "middle")
    later = compiled(build, "low", "int low(void) { return 400; }")
    for name, version, path, content in (
        ("low", "1", "low/lib/liblow.so", low),
        ("low", "2", "low/lib/liblow.so", later),
        ("middle", "1", "middle/lib/libmiddle.so", middle),
        ("high", "1", "high/core.abi3.so", high),
    ):
        files = {f"{name}/__init__.py": "", path: content}
        Recipe(name=name, version=version, files=files).build(folder)
    return folder


def test_a_library_finds_the_one_that_it_needs_in_the_base(wheels, tmp_path):
    base = environment(
        tmp_path / "base", *(wheels / f"{n}-1-py3-none-any.whl" for n in ("low", "middle"))
    )
    top = environment(tmp_path / "top", wheels / "high-1-py3-none-any.whl", on=base)
    done = subprocess.run(
        [top / "bin/python", "-c", LOAD], capture_output=True, text=True, check=False
    )
    assert "libmiddle.so: cannot open shared object file" in done.stderr

    site = SiteFolder(tmp_path / "world", wheels).write(SPEC)
    site.edit('"low", ', '"low<2", ')
    site.done("lock")
    site.materialize()
    alice = tmp_path / "alice"
    words = ("--dir", alice, "--target", site.target)
    assert envc("overlay", "init", *words).status == 0
    assert envc("overlay", "add", "high", *words).status == 0
    assert output(alice / "bin/python", "-c", LOAD) == "42"
    link = alice / SITE_PACKAGES / "middle/lib"
    assert str(link.readlink()).startswith(f"{site.target}/by-lock/")
    code = "import middle; print(middle.__file__)"
    assert output(alice / "bin/python", "-c", code).startswith(f"{site.target}/generations/")
    assert envc("verify", "--target", site.target).status == 0


def test_what_the_overlay_has_itself_or_masks_is_not_linked(wheels, tmp_path):
    site = SiteFolder(tmp_path / "world", wheels).write(SPEC)
    site.edit('"low", ', '"low<2", ')
    site.done("lock")
    site.materialize()
    alice = tmp_path / "alice"
    words = ("--dir", alice, "--target", site.target)
    assert envc("overlay", "init", *words).status == 0
    assert envc("overlay", "add", "low>=2", *words).status == 0
    folder = alice / SITE_PACKAGES
    assert not (folder / "middle").exists()
    assert not (folder / "low/lib").is_symlink()
