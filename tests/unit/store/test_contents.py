"""What a check reads of wheels: from archives, and from what a store has unpacked of them."""

import io
import sys
import zipfile
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from envc.errors import UntrustedError
from envc.formats.values import json_of, value_of_json
from envc.model.digest import digest_of
from envc.model.lock import LockedWheel
from envc.model.wheel import Library, WheelContents
from envc.ports import SilentReporter
from envc.store import Store, limits
from envc.store.contents import (
    read_contents,
    read_libraries,
    stored_contents,
    stored_libraries,
)
from support.elf import shared_library
from support.sites import PYTHON
from support.wheels import Recipe

NATIVE = shared_library(needs=("liblow.so.1", "libc.so.6"), looks=("$ORIGIN/../low/lib", "/opt"))
RECIPE = Recipe(
    name="whole",
    version="1.0",
    requires=("low",),
    files={
        "whole/__init__.py": "x = 1\n",
        "whole/native.so": NATIVE,
        "whole.libs/libbundled.so": NATIVE,
        "old/__init__.py": "__path__ = __import__('pkgutil').extend_path(__path__, __name__)\n",
        "start.pth": "import whole\n",
        "whole-1.0.data/data/share/whole.txt": "text",
        "whole-1.0.data/scripts/run-it": "#!/bin/sh\n",
    },
    console_scripts={"whole": "whole:main"},
)


def locked(path: Path) -> LockedWheel:
    return LockedWheel(filename=path.name, digest=digest_of(path.read_bytes()), path=str(path))


def read(path: Path) -> WheelContents:
    with path.open("rb") as file:
        return read_contents(file, locked(path), python=PYTHON)


def test_a_wheel_is_read(tmp_path: Path) -> None:
    found = read(RECIPE.build(tmp_path))
    assert found.facts.modules == {"whole": "package", "old": "package"}
    assert found.facts.requires == ("low",)
    assert found.joined == {"old": {}}
    site_packages = f"lib/python{PYTHON}/site-packages"
    assert found.facts.start_files == (f"{site_packages}/start.pth",)
    assert found.files[f"{site_packages}/whole/__init__.py"] == digest_of(b"x = 1\n")[7:]
    assert {path for path in found.files if not path.startswith("lib/")} == {
        "bin/run-it",
        "share/whole.txt",
    }


def test_libraries_are_read_but_for_bundled_ones(tmp_path: Path) -> None:
    path = RECIPE.build(tmp_path)
    with path.open("rb") as file:
        found = read_libraries(file, locked(path), python=PYTHON)
    site_packages = f"lib/python{PYTHON}/site-packages"
    assert found == (
        Library(
            f"{site_packages}/whole/native.so",
            ("liblow.so.1", "libc.so.6"),
            (f"{site_packages}/low/lib",),
        ),
    )
    assert value_of_json(tuple[Library, ...], json_of(found)) == found


def store_with(path: Path, folder: Path) -> Store:
    store = Store(str(folder / "store"))
    wheels = [(str(path), locked(path))]
    interpreter = sys.executable
    store.ingest(wheels, python=PYTHON, interpreter=interpreter, reporter=SilentReporter())
    return store


def test_a_stored_tree_tells_the_same(tmp_path: Path) -> None:
    path = RECIPE.build(tmp_path)
    wheel = locked(path)
    store = store_with(path, tmp_path)
    stored = stored_contents(store, wheel, python=PYTHON)
    assert stored == read(path)
    with path.open("rb") as file:
        libraries = read_libraries(file, wheel, python=PYTHON)
    assert stored_libraries(store, wheel, python=PYTHON) == libraries


LICENCE = "# on terms that take their time\n" * 400
JOINING = {
    "one.py": f"{LICENCE}__path__ = __import__('pkgutil').extend_path(__path__, __name__)\n",
    "two.py": f"from pkgutil import extend_path\n{LICENCE}__path__ = extend_path(__path__, 'x')\n",
    "four.py": "from pkgutil import extend_path as more\n__path__ = more(__path__, __name__)\n",
    "three.py": "import pkg_resources\npkg_resources.declare_namespace(__name__)\n",
}
ALONE = {"six.py": "# no extend_path(__path__, __name__) here\n", "five.py": LICENCE}


def test_packages_that_join_others_however_long_they_are(tmp_path: Path) -> None:
    packages = {name.removesuffix(".py"): text for name, text in (JOINING | ALONE).items()}
    files = {f"{name}/__init__.py": text for name, text in packages.items()}
    files |= {f"space/{name}/__init__.py": text for name, text in packages.items()}
    path = Recipe(name="many", version="1.0", files=files).build(tmp_path)
    joined = [name.removesuffix(".py") for name in JOINING]
    expected = {*joined, *(f"space.{name}" for name in joined)}
    assert set(read(path).joined) == expected
    stored = stored_contents(store_with(path, tmp_path), locked(path), python=PYTHON)
    assert set(stored.joined) == expected


def test_what_is_in_packages_that_join_others(tmp_path: Path) -> None:
    join = "__path__ = __import__('pkgutil').extend_path(__path__, __name__)\n"
    files = {f"{folder}/__init__.py": join for folder in ("old", "old/inner", "old/plain/alone")}
    files |= {"old/plain/__init__.py": "", "old/one.py": "", "old/space/two.py": ""}
    files |= {"old/inner/plain/__init__.py": "", "older/three.py": ""}
    path = Recipe(name="old", version="1.0", files=files).build(tmp_path)
    inside = {"inner": "package", "plain": "package", "one": "module", "space": {"two": "module"}}
    expected = {"old": inside, "old.inner": {"plain": "package"}}
    assert read(path).joined == expected
    stored = stored_contents(store_with(path, tmp_path), locked(path), python=PYTHON)
    assert stored.joined == expected


def test_contents_survive_the_cache(tmp_path: Path) -> None:
    found = read(RECIPE.build(tmp_path))
    assert value_of_json(WheelContents, json_of(found)) == found


def damaged(content: bytes) -> list[bytes]:
    cuts = range(0, len(content), 97)
    flipped = [content[:at] + bytes([content[at] ^ 0xFF]) + content[at + 1 :] for at in cuts]
    return [content[:at] for at in cuts] + flipped


def test_a_damaged_wheel_is_refused_or_read_and_never_worse(tmp_path: Path) -> None:
    path = RECIPE.build(tmp_path)
    wheel = locked(path)
    refused = 0
    for content in damaged(path.read_bytes()):
        try:
            read_contents(io.BytesIO(content), wheel, python=PYTHON)
            read_libraries(io.BytesIO(content), wheel, python=PYTHON)
        except UntrustedError:
            refused += 1
    assert refused > 10


def test_two_releases_in_one_wheel_are_refused(tmp_path: Path) -> None:
    recipe = Recipe(name="two", version="1.0", files={"other-2.0.dist-info/METADATA": ""})
    with pytest.raises(UntrustedError) as caught:
        read(recipe.build(tmp_path))
    assert str(caught.value) == (
        "two-1.0-py3-none-any.whl: it must have one .dist-info folder; it has "
        "other-2.0.dist-info and two-1.0.dist-info\n"
        "  help: do not use this wheel: pin another release, and tell the project"
    )


def endless_commands(path: Path) -> None:
    commands = "".join(f"command-{number} = whole:main\n" for number in range(20_000))
    with zipfile.ZipFile(path, "a") as archive:
        archive.writestr("whole-1.0.dist-info/entry_points.txt", "[console_scripts]\n" + commands)


def endless_library(path: Path) -> None:
    with zipfile.ZipFile(path, "a", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("whole/endless.so", bytes(65 << 20))


def endless_names(path: Path) -> None:
    with zipfile.ZipFile(path, "a") as archive:
        for number in range(140):
            archive.writestr(f"{number:060000}", "")


@pytest.mark.parametrize(
    ("grow", "said"),
    [
        (endless_commands, "larger than"),
        (endless_names, "no check looks in"),
        (endless_library, "times its size"),
    ],
)
def test_a_check_looks_into_no_more_than_any_real_wheel_has(
    tmp_path: Path, grow: Callable[[Path], None], said: str
) -> None:
    path = replace(RECIPE, console_scripts={}).build(tmp_path)
    grow(path)
    look = read_libraries if grow is endless_library else read_contents
    with path.open("rb") as file, pytest.raises(UntrustedError, match=said):
        look(file, locked(path), python=PYTHON)


def test_nor_at_more_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = RECIPE.build(tmp_path)
    monkeypatch.setattr(limits, "LOOK_ENTRIES", 5)
    with pytest.raises(UntrustedError, match="it has more than 5 files"):
        read(path)
