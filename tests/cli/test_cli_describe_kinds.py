"""`envc describe`: each way in which projects are installed is read, or said."""

import json
import os
import sqlite3
import struct
from pathlib import Path

import pytest

from envc.described.ask import described_by
from envc.described.images import described_image
from envc.model.inventory import InstalledDistribution, Inventory
from support.images import root
from support.prefixes import COMPILED, egg_info, egg_info_file, install, prefix, toy, write
from support.sites import PYTHON, envc
from support.wheels import Recipe


@pytest.fixture
def site(tmp_path):
    return prefix(tmp_path / "v")


def here(tmp_path: Path) -> Inventory:
    return described_by(f"{tmp_path}/v/bin/python3", (), is_named=True)


def only(inventory: Inventory, project: str) -> InstalledDistribution:
    (found,) = (each for each in inventory.distributions if each.project == project)
    return found


def without_record(site: Path, recipe: Recipe) -> None:
    """A project whose metadata is a wheel's, but for the list of its files."""
    install(site, recipe)
    (site / f"{recipe.stem}.dist-info" / "RECORD").unlink()


def test_an_editable_project_by_a_finder_is_imported_by_its_names(tmp_path, site):
    write(tmp_path / "mine/src/mine/__init__.py", "")
    write(tmp_path / "mine/src/mine" / COMPILED, "")
    write(tmp_path / "mine/single.py", "")
    mapping = {"mine": f"{tmp_path}/mine/src/mine", "single": f"{tmp_path}/mine/single.py"}
    finder = f"MAPPING: dict[str, str] = {mapping!r}\nNAMESPACES: dict = {{}}\n"
    files = {
        "__editable___mine_1_0_finder.py": finder,
        "__editable__.mine-1.0.pth": "import __editable___mine_1_0_finder\n",
    }
    install(site, Recipe(name="mine", version="1.0", files=files))
    mine = only(here(tmp_path), "mine")
    assert mine.is_compiled
    assert {"mine": "package", "single": "module"}.items() <= dict(mine.modules).items()
    assert mine.places == (
        *("__editable__.mine-1.0.pth", "__editable___mine_1_0_finder.py", "mine-1.0.dist-info"),
    )


def test_an_editable_project_by_another_finder_is_said(tmp_path, site):
    install(site, Recipe(name="mine", version="1.0", files={"_mine_editable.py": ""}))
    url = '{"dir_info": {"editable": true}, "url": "file:///mine"}'
    write(site / "mine-1.0.dist-info/direct_url.json", url)
    (said,) = here(tmp_path).unread
    assert "mine-1.0.dist-info: nothing tells what of the editable project" in said


def test_a_compiled_part_of_an_editable_project_is_found_where_it_stands(tmp_path, site):
    write(tmp_path / "mine/src/mine" / COMPILED, "")
    files = {"_mine.pth": f"{tmp_path}/mine/src\n"}
    install(site, Recipe(name="mine", version="1.0", files=files))
    assert only(here(tmp_path), "mine").is_compiled


def test_an_egg_link_leads_to_a_project_on_the_path_or_is_said(tmp_path, site):
    for name in ("near", "far"):
        egg_info(tmp_path / name, name, "1.0")
        (tmp_path / name / f"{name}-1.0.egg-info").rename(tmp_path / name / f"{name}.egg-info")
        write(site / f"{name}.egg-link", f"{tmp_path}/{name}\n.")
    write(site / "easy-install.pth", f"{tmp_path}/near\n")
    inventory = here(tmp_path)
    assert (only(inventory, "near").version, only(inventory, "near").files) == ("1.0", "top-level")
    (said,) = inventory.unread
    assert "far.egg-link: leads to" in said


def test_a_zipped_egg_is_said(tmp_path, site):
    write(site / "packed-1.0-py3.egg", b"PK")
    write(site / "easy-install.pth", "./packed-1.0-py3.egg\n")
    (said,) = here(tmp_path).unread
    assert "packed-1.0-py3.egg: what is packed into one file is not read" in said


def test_installed_files_are_a_list(tmp_path, site):
    egg_info(site, "old", "1.0", top_level=False)
    write(site / "old-1.0.egg-info/installed-files.txt", "../old/__init__.py\nPKG-INFO\n")
    assert only(here(tmp_path), "old").files == "installed-files"


def test_a_project_that_was_half_removed_is_said(tmp_path, site):
    (site / "half-1.0.dist-info").mkdir()
    write(site / "half-1.0.dist-info/RECORD", "")
    (said,) = here(tmp_path).unread
    assert "half-1.0.dist-info: its metadata" in said


def test_a_record_that_is_no_table_is_said(tmp_path, site):
    install(site, toy("odd", "1.0"))
    write(site / "odd-1.0.dist-info/RECORD", '"' + "x" * 200_000 + "\n")
    inventory = here(tmp_path)
    assert only(inventory, "odd").files == "unknown"
    assert "odd-1.0.dist-info: its RECORD cannot be read" in inventory.unread[0]


def test_what_conda_has_installed_is_known_by_conda(tmp_path, site):
    without_record(site, toy("fastnum", "1.0", compiled=True))
    inside = f"lib/python{PYTHON}/site-packages"
    files = [f"{inside}/fastnum/__init__.py", f"{inside}/fastnum/{COMPILED}", "bin/other"]
    meta = tmp_path / "v/conda-meta"
    write(
        meta / "fastnum-1.0-py_0.json",
        json.dumps({"files": [*files, f"{inside}/fastnum-1.0.dist-info/METADATA", 7]}),
    )
    write(meta / "broken-1.0.json", "{")
    inventory = here(tmp_path)
    fastnum = only(inventory, "fastnum")
    assert (fastnum.files, fastnum.is_compiled) == ("system", True)
    assert fastnum.places == ("fastnum", "fastnum-1.0.dist-info")
    assert "broken-1.0.json: it is no JSON object" in inventory.unread[0]


def test_what_a_conda_activation_sets_is_recorded(tmp_path, site, monkeypatch):
    home = tmp_path / "v"
    state = {"env_vars": {"DATA_2": "/data", "MY_TOKEN": "hush", "1BAD": "x", "N": 4}}
    write(home / "conda-meta/state", json.dumps(state))
    write(home / "etc/conda/env_vars.d/proj.json", '{"PROJ_DATA": "/proj"}')
    script = 'export GDAL_DATA="$CONDA_PREFIX/share"\nexport UNSEEN=1\n_x=2\n'
    write(home / "etc/conda/activate.d/gdal.sh", script)
    monkeypatch.setenv("CONDA_PREFIX", str(home))
    monkeypatch.setenv("GDAL_DATA", "/gdal")
    inventory = here(tmp_path)
    assert dict(inventory.variables) == {
        "CONDA_PREFIX": str(home),
        "DATA_2": "/data",
        "GDAL_DATA": "/gdal",
        "N": "4",
        "PROJ_DATA": "/proj",
    }
    assert [said.partition(":")[2] for said in inventory.unread] == [
        " sets UNSEEN, to what it is there",
        " is set by an activation; its value looks secret, and is left out",
    ]
    assert "hush" not in str(inventory)
    report = envc("describe", home, "--json").json
    assert report["variables"]["PROJ_DATA"] == "/proj"


def rpm_header(files: dict[str, list[str]]) -> bytes:
    """A package of rpm's, as its database has it: what it has in each folder."""
    names = [name for inside in files.values() for name in inside]
    numbers = [number for number, inside in enumerate(files.values()) for _ in inside]
    data = struct.pack(f">{len(numbers)}i", *numbers)
    entries = struct.pack(">iiii", 1116, 4, 0, len(numbers))
    for tag, texts in ((1117, names), (1118, list(files))):
        entries += struct.pack(">iiii", tag, 8, len(data), len(texts))
        data += b"".join(text.encode() + b"\0" for text in texts)
    return struct.pack(">ii", 3, len(data)) + entries + data


@pytest.fixture
def fedora(tmp_path):
    """A root whose projects rpm has installed; its folder."""
    site = root(tmp_path / "root")
    without_record(site, toy("fastnum", "1.0", compiled=True))
    folder = "/usr/lib/python3.11/site-packages"
    inside = {f"{folder}/fastnum/": ["__init__.py", COMPILED]}
    header = rpm_header({**inside, f"{folder}/fastnum-1.0.dist-info/": ["METADATA"]})
    place = tmp_path / "root/usr/lib/sysimage/rpm"
    place.mkdir(parents=True)
    with sqlite3.connect(place / "rpmdb.sqlite") as database:
        database.execute("CREATE TABLE Packages (hnum INTEGER PRIMARY KEY, blob BLOB)")
        rows = [(b"\xff" * 40 + folder.encode(),), (header,), (None,), (b"",)]
        database.executemany("INSERT INTO Packages (blob) VALUES (?)", rows)
    database.close()
    return tmp_path / "root"


def test_what_rpm_has_installed_is_known_by_rpm(fedora):
    fastnum = only(described_image(str(fedora), None), "fastnum")
    assert (fastnum.files, fastnum.is_compiled) == ("system", True)
    assert fastnum.places == ("fastnum", "fastnum-1.0.dist-info")


@pytest.mark.parametrize("kind", ["text", "endless", "other"])
def test_a_database_that_is_none_is_said(fedora, kind):
    path = fedora / "usr/lib/sysimage/rpm/rpmdb.sqlite"
    path.unlink()
    if kind == "text":
        path.write_text("no database" * 200)
    else:
        with sqlite3.connect(path) as database:
            database.execute("CREATE TABLE T (blob BLOB)")
            if kind == "endless":
                endless = "WITH RECURSIVE c(x) AS (SELECT 1 UNION ALL SELECT x FROM c)"
                database.execute(f"CREATE VIEW Packages AS {endless} SELECT x AS blob FROM c")
        database.close()
    inventory = described_image(str(fedora), None)
    assert only(inventory, "fastnum").files == "unknown"
    assert "rpmdb.sqlite: cannot be read" in inventory.unread[0]


def test_what_dpkg_has_installed_is_known_by_dpkg(tmp_path):
    root(tmp_path / "root")
    lib = tmp_path / "root/usr/lib/python3"
    write(tmp_path / "root/usr/lib/python3.11/site.py", "# dist-packages\n")
    egg_info(lib / "dist-packages", "old", "1.0", top_level=False)
    egg_info_file(lib / "dist-packages", "other", "1.0")
    write(lib / "dist-packages/old_extra.py", "")
    place = "/usr/lib/python3/dist-packages"
    lines = [place, f"{place}/old", f"{place}/old/__init__.py", f"{place}/old_extra.py"]
    lines += [f"{place}/old-1.0.egg-info", f"{place}/old-1.0.egg-info/PKG-INFO", "/../x"]
    write(tmp_path / "root/var/lib/dpkg/info/python3-old.list", "\n".join(lines))
    inventory = described_image(str(tmp_path / "root"), None)
    assert only(inventory, "old").places == ("old", "old-1.0.egg-info", "old_extra.py")
    assert (only(inventory, "old").files, only(inventory, "other").files) == ("system", "unknown")


INSPECTED = {
    "version": "1",
    "pip_version": "25.0",
    "installed": [
        {
            "metadata": {
                "name": "Fast.Num",
                "version": "1.0",
                "requires_dist": ["absent>=2", 'more; extra == "x"'],
                "requires_python": ">=3.9",
                "provides_extra": ["x"],
            },
            "metadata_location": "/opt/nv/lib/python3.11/site-packages/fast_num-1.0.dist-info",
        },
    ],
    "environment": {
        "implementation_name": "cpython",
        "python_full_version": "3.11.9",
        "platform_machine": "x86_64",
        "sys_platform": "linux",
    },
}


def test_what_pip_inspect_says_is_metadata_alone(tmp_path):
    (tmp_path / "inspect.json").write_text(json.dumps(INSPECTED))
    report = envc("describe", tmp_path / "inspect.json", "-o", tmp_path / "b.json", "--json").json
    assert (report["python"], report["python_full"]) == ("/opt/nv/bin/python3", "3.11.9")
    assert report["projects"] == {
        "fast-num": {
            "version": "1.0",
            "folder": "/opt/nv/lib/python3.11/site-packages",
            "files": "unknown",
            "compiled": True,
        }
    }
    assert report["unmet"] == ["fast-num requires absent>=2, and has it not"]
    (pip, libc) = report["unread"]
    assert "pip tells no files" in pip
    assert "glibc-2.28" in libc


@pytest.mark.parametrize(
    "change",
    [
        {"installed": [{}]},
        {"installed": 7},
        {"environment": {}},
        {"installed": [{"metadata": {"name": "a", "version": "1"}, "metadata_location": "a"}]},
        {"environment": {**INSPECTED["environment"], "sys_platform": "win32"}},
    ],
)
def test_a_report_that_is_none_is_refused(tmp_path, change):
    (tmp_path / "inspect.json").write_text(json.dumps({**INSPECTED, **change}))
    answer = envc("describe", tmp_path / "inspect.json")
    assert answer.status == 2
    assert "Traceback" not in answer.stderr


def test_metadata_with_a_nul_spoils_nothing_else(tmp_path, site):
    install(site, toy("fine", "1.0"))
    write(site / "nul-1.0.dist-info/METADATA", "Name: n\0ul\nVersion: 1.0\n")
    inventory = here(tmp_path)
    assert [each.project for each in inventory.distributions] == ["fine"]
    assert "nul-1.0.dist-info" in inventory.unread[0]


def test_metadata_that_lies_is_read_as_it_stands(tmp_path, site):
    text = "Name: liar\nVersion: 1.0\nRequires-Dist: ../../etc; x\nRequires-Dist: ok\n"
    write(site / "other-9.dist-info/METADATA", text)
    write(site / "other-9.dist-info/entry_points.txt", "[console_scripts]\n../x = a:b\n")
    write(site / "other-9.dist-info/top_level.txt", "../up\n/etc\nos\n")
    inventory = here(tmp_path)
    liar = only(inventory, "liar")
    assert (liar.requires, liar.console_scripts, liar.places) == (
        ("ok",),
        (),
        ("other-9.dist-info",),
    )
    assert len(inventory.unread) == 2


def test_a_folder_that_nobody_may_read_is_said(tmp_path, site):
    shut = tmp_path / "shut"
    shut.mkdir(mode=0o000)
    write(site / "more.pth", f"{shut}\n")
    inventory = here(tmp_path)
    if os.geteuid():
        assert f"{shut}: cannot be read: Permission denied" in inventory.unread
    shut.chmod(0o755)
