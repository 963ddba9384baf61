"""`envc.pyz`: one file that starts envc where nothing is installed. Here envc has two lines."""

import importlib.util
import os
import platform
import stat
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

DIST = Path(__file__).parents[2] / "compiler" / "dist"
HERE = "{}.{}".format(*sys.version_info[:2])
MAIN = """\
import sys
import parted

def program():
    print(sys.argv[1:], parted.WHICH, sys.flags.isolated)
    sys.exit(3)
"""


def loaded(name):
    spec = importlib.util.spec_from_file_location(f"dist_{name}", DIST / f"{name}.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def tree(folder: Path, which: str) -> Path:
    for name, text in {
        "envc/__init__.py": "",
        "envc/cli/__init__.py": "",
        "envc/cli/main.py": MAIN,
        "parted.py": f"WHICH = {which!r}\n",
        "bin/envc": f"#!{folder}/python\n",
        "envc-1.dist-info/INSTALLER": which,
    }.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return folder


@pytest.fixture
def file(tmp_path):
    trees = {HERE: tree(tmp_path / "a", "mine"), "3.99": tree(tmp_path / "b", "another's")}
    return written(tmp_path, loaded("build").pack(trees, platform.machine()))


def written(folder: Path, content: bytes) -> Path:
    file = folder / "envc.pyz"
    file.write_bytes(content)
    file.chmod(0o755)
    return file


def started(file, *words, cache=None, **environment):
    return called(file, *words, ENVC_CACHE_DIR=str(cache or file.parent / "cache"), **environment)


def called(file, *words, **environment):
    return subprocess.run(
        [sys.executable, file, *words],
        env=os.environ | environment,
        capture_output=True,
        text=True,
        check=False,
    )


def test_it_becomes_the_program_with_its_words(file):
    for _ in range(2):
        done = started(file, "lock", "--json", PYTHONPATH="/elsewhere")
        assert (done.returncode, done.stdout) == (3, "['lock', '--json'] mine 1\n"), done.stderr


def test_it_is_unpacked_once(file):
    started(file)
    (program,) = (file.parent / "cache" / "programs").iterdir()
    (program / "packages" / "parted.py").write_text("WHICH = 'the one of before'\n")
    assert "the one of before" in started(file).stdout


def test_what_pythons_have_alike_is_in_it_once(file):
    with zipfile.ZipFile(file) as whole:
        names = {
            name: zipfile.ZipFile(whole.open(name)).namelist()
            for name in whole.namelist()
            if name.endswith(".zip")
        }
    assert "packages/envc/cli/main.py" in names["common.zip"]
    assert names[f"{HERE}.zip"] == names["3.99.zip"] == ["packages/parted.py"]
    assert not [name for name in names["common.zip"] if "bin/" in name or "INSTALLER" in name]


def test_equal_trees_make_equal_bytes(file, tmp_path):
    trees = {HERE: tree(tmp_path / "c", "mine"), "3.99": tree(tmp_path / "d", "another's")}
    assert loaded("build").pack(trees, platform.machine()) == file.read_bytes()


def test_another_file_is_another_program(file, tmp_path):
    started(file)
    trees = {HERE: tree(tmp_path / "c", "newer")}
    newer = written(tmp_path, loaded("build").pack(trees, platform.machine()))
    assert "newer" in started(newer).stdout


def test_of_many_programs_a_few_stay(file, tmp_path):
    for number in range(6):
        trees = {HERE: tree(tmp_path / f"t{number}", str(number))}
        newer = written(tmp_path, loaded("build").pack(trees, platform.machine()))
        assert str(number) in started(newer).stdout
    assert len(list((tmp_path / "cache" / "programs").iterdir())) == 4


def test_a_program_that_was_left_half_unpacked_is_not_started(file):
    started(file)
    (program,) = (file.parent / "cache" / "programs").iterdir()
    program.rename(f"{program}.0123.part")
    assert started(file).returncode == 3


@pytest.mark.parametrize(
    ("python", "machine", "said"),
    [
        ("3.99", platform.machine(), "start it with one of CPython 3.99"),
        (HERE, "pdp11", "this envc is for Linux on pdp11"),
    ],
)
def test_what_it_is_not_for_is_told(tmp_path, python, machine, said):
    content = loaded("build").pack({python: tree(tmp_path / "a", "mine")}, machine)
    done = started(written(tmp_path, content))
    assert done.returncode == 2
    assert said in done.stderr
    assert not (tmp_path / "cache").exists()


def on_path(folder: Path, name: str, script: str) -> str:
    """A PATH with this one program, and no interpreter but that."""
    folder.mkdir(exist_ok=True)
    program = folder / name
    program.write_text(f"#!/bin/sh\n{script}\n")
    program.chmod(0o755)
    return str(folder)


@pytest.fixture
def later(tmp_path):
    return written(
        tmp_path, loaded("build").pack({"3.99": tree(tmp_path / "a", "")}, platform.machine())
    )


def test_another_python_of_the_path_goes_on(later, tmp_path):
    path = on_path(tmp_path / "bin", "python3.99", 'echo "$@"')
    done = started(later, "lock", "--json", PATH=path)
    assert done.stdout == f"-I {later} lock --json\n", done.stderr


def test_a_python_that_is_not_what_its_name_says_is_tried_once(later, tmp_path):
    path = on_path(tmp_path / "bin", "python3.99", f'exec {sys.executable} "$@"')
    done = started(later, "lock", PATH=path)
    assert done.returncode == 2
    assert "start it with one of CPython 3.99" in done.stderr


def test_by_name_it_needs_no_python3(file, tmp_path):
    path = on_path(tmp_path / "bin", f"python{HERE}", f'exec {sys.executable} "$@"')
    done = subprocess.run(
        [file, "a b"],
        env={"PATH": path, "ENVC_CACHE_DIR": str(tmp_path / "cache")},
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stdout) == (3, "['a b'] mine 1\n"), done.stderr


def test_by_name_without_any_python_it_says_what_it_needs(file, tmp_path):
    done = subprocess.run(
        [file], env={"PATH": str(tmp_path)}, capture_output=True, text=True, check=False
    )
    assert done.returncode == 127
    assert f"envc needs one of python3 python3.99 python{HERE}" in done.stderr


def test_a_folder_that_others_can_write_is_not_used(file, tmp_path):
    shared = tmp_path / "shared"
    shared.mkdir()
    shared.chmod(0o777)
    done = started(file, cache=shared / "cache")
    assert done.returncode == 2
    assert f"others could change the program that would be run\n   at: {shared}\n" in done.stderr
    shared.chmod(0o1777)  # a sticky one, as /tmp is: what is mine in it stays mine
    assert started(file, cache=shared / "cache").returncode == 3


@pytest.mark.skipif(os.geteuid() != 0, reason="nobody else's folder can be made here")
def test_a_folder_of_somebody_else_is_not_used(file, tmp_path):
    programs = tmp_path / "cache" / "programs"
    programs.mkdir(parents=True)
    os.chown(programs, 12345, -1)
    done = started(file)
    assert done.returncode == 2
    assert f"at: {programs}" in done.stderr


def test_a_folder_that_cannot_be_made_is_told(file, tmp_path):
    (tmp_path / "cache").write_text("a file")
    done = started(file)
    assert done.returncode == 4
    assert "help: free space there, or name a folder of your own in ENVC_CACHE_DIR" in done.stderr


def test_without_a_home_it_is_unpacked_among_temporary_files(file, tmp_path, monkeypatch):
    for name in ("ENVC_CACHE_DIR", "XDG_CACHE_HOME"):
        monkeypatch.delenv(name, raising=False)
    (tmp_path / "none").write_text("no folder")
    away = tmp_path / "away"
    away.mkdir()
    done = called(file, HOME=str(tmp_path / "none" / "home"), TMPDIR=str(away))
    assert done.returncode == 3, done.stderr
    assert (away / f"envc-{os.geteuid()}" / "programs").is_dir()


def test_it_can_be_called_by_name(file):
    assert stat.S_IMODE(file.stat().st_mode) == 0o755
    with zipfile.ZipFile(file) as whole:
        assert whole.testzip() is None
