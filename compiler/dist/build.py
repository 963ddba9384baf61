"""Make the files that envc is handed out as: its wheel, and the one file that needs no installing.

The wheel has man pages and completion as well (manuals.py, shared_files.py).

    python compiler/dist/build.py FOLDER [--python X.Y.Z…]

`FOLDER/envc.pyz` holds envc and all that it imports for every Python that is named, the earliest
release first that it shall run on. What several of them have alike is in it once:

    common.zip     run.py, and the files that all Pythons have alike
    X.Y.zip        the others

and what starts it (`envc.bundle.starting`).
"""

import argparse
import hashlib
import os
import platform
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Iterable, Mapping
from pathlib import Path

from envc.bundle.starting import starting
from envc.disk.zips import archive_of

_HERE = Path(__file__).parent
_PYTHONS = ("3.11.2", "3.12.0", "3.13.0", "3.14.0", "3.15.0")
_LIBC = "manylinux_2_28"  # PEP 600: the oldest glibc that it runs on
_RUN = """\
import os
import sys

del sys.argv[1]  # the path of the one file
sys.path.insert(0, os.path.join(os.path.dirname(os.path.realpath(__file__)), "packages"))
from envc.cli.main import program

program()
"""

_SHELL = """\
#!/bin/sh
for python in {names}; do
  command -v $python >/dev/null && exec $python -I "$0" "$@"
done
echo "error: envc needs one of {names}; none is on PATH" >&2
exit 127
"""


def pack(trees: Mapping[str, Path], machine: str) -> bytes:
    """The one file of trees by X.Y, each a folder to import from; equal for equal trees."""
    contents = {python: _files(tree) for python, tree in trees.items()}
    first, *others = contents.values()
    alike = {path for path in first if all(first[path] == other.get(path) for other in others)}
    common = {f"packages/{path}": first[path] for path in alike} | {"run.py": _RUN.encode()}
    programs = {}
    for python, files in contents.items():
        own = {f"packages/{path}": content for path, content in files.items() if path not in alike}
        programs[python] = archive_of(own)
    members = starting(programs, archive_of(common), machine)
    return archive_of(members, zipfile.ZIP_STORED, ahead=_ahead(trees))


def _ahead(pythons: Iterable[str]) -> bytes:
    """What a shell makes of the file: there need be no `python3`, and no older one may be taken."""
    names = " ".join(["python3", *(f"python{python}" for python in reversed(list(pythons)))])
    return _SHELL.format(names=names).encode()


def _files(tree: Path) -> dict[str, bytes]:
    """What is in a tree to be imported: no programs, nothing that says who installed it when."""
    return {
        path: file.read_bytes()
        for file in sorted(tree.rglob("*"))
        if file.is_file()
        and not (path := file.relative_to(tree).as_posix()).startswith(("bin/", "share/"))
        and "__pycache__" not in path
        and file.name not in {"direct_url.json", "INSTALLER", "REQUESTED"}
    }


def _installed(wheel: Path, python: str, machine: str, folder: Path) -> Path:
    """What uv puts into a folder for a Python that need not be here."""
    command = [str(Path(sys.executable).parent / "uv"), "pip", "install", "--quiet"]
    command += ["--target", str(folder), "--only-binary", ":all:", "--python-version", python]
    command += ["--python-platform", f"{machine}-{_LIBC}", str(wheel)]
    subprocess.run(command, check=True, env=_index_of_pip() | os.environ)
    return folder


def _index_of_pip() -> dict[str, str]:
    """For uv, which does not read pip's configuration: the index that it names."""
    pip = [sys.executable, "-m", "pip", "config", "get", "global.index-url"]
    index = subprocess.run(pip, capture_output=True, text=True, check=False).stdout.strip()
    return {"UV_DEFAULT_INDEX": index} if index else {}


def _build_wheel(root: Path, folder: Path) -> None:
    """Build the wheel of the project in a folder, with what `man` and shells read."""
    import manuals  # beside this file; it needs what make installs for developers

    with tempfile.TemporaryDirectory() as shared:
        manuals.write(Path(shared))
        pip = [sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--wheel-dir"]
        surroundings = os.environ | {"ENVC_SHARED_FILES": shared}
        subprocess.run([*pip, str(folder), str(root)], check=True, env=surroundings)


def main() -> None:
    """Write the wheel and the one file."""
    parser = argparse.ArgumentParser(description="Make envc's wheel and envc.pyz.")
    parser.add_argument("folder", type=Path)
    parser.add_argument("--python", action="append", metavar="X.Y.Z", help="default: 3.11 to 3.15")
    parser.add_argument("--machine", default=platform.machine(), help="default: this one")
    arguments = parser.parse_args()
    folder: Path = arguments.folder
    root = _HERE.parent.parent
    _build_wheel(root, folder)
    wheel = max(folder.glob("envc-*.whl"), key=os.path.getmtime)
    with tempfile.TemporaryDirectory() as work:
        trees = {
            ".".join(python.split(".")[:2]): _installed(
                wheel, python, arguments.machine, Path(work, python)
            )
            for python in arguments.python or _PYTHONS
        }
        content = pack(trees, arguments.machine)
    file = folder / "envc.pyz"
    temporary = folder / "envc.pyz.part"
    temporary.write_bytes(content)
    temporary.chmod(0o755)
    temporary.replace(file)
    for path in (wheel, file):
        print(f"{hashlib.sha256(path.read_bytes()).hexdigest()}  {path}")


if __name__ == "__main__":
    main()
