"""`envc describe` of an image: its archive or its unpacked root, and nothing of it is run."""

import gzip
import json
import os
import shutil
import sys
import tarfile
from pathlib import Path

import pytest

from envc.described.ask import described_by
from envc.described.images import described_image
from envc.model.inventory import Inventory
from envc.model.value import replace
from support.images import PROGRAM, layout, root, saved, tar_of, tar_with
from support.prefixes import editable, egg_info, egg_info_file, install, prefix, toy, write
from support.sites import PYTHON, envc

SITE = f"lib/python{PYTHON}/site-packages"


@pytest.fixture
def nv(tmp_path):
    """A root with a vendor's projects; its folder."""
    site = root(tmp_path / "root", "opt/nv")
    install(site, toy("fastnum", "1.26.4", compiled=True))
    install(site, toy("torchlike", "2.8.0a0+gitabc.nv25.5", "fastnum<2", "absent>=1"))
    egg_info(site, "old", "1.0")
    egg_info_file(site, "ancient", "0.1")
    write(site / "loose.py", "")
    return tmp_path / "root"


def described(image: Path | str, python: str | None = "/opt/nv/bin/python3") -> Inventory:
    return described_image(str(image), python)


def put(folder: Path, content: bytes) -> Path:
    path = folder / "image.tar"
    path.write_bytes(content)
    return path


def test_a_root_is_told_without_running_it(nv):
    report = envc("describe", nv, "--python", "/opt/nv/bin/python3", "--json").json
    assert (report["python"], report["python_full"]) == ("/opt/nv/bin/python3", "3.11.9")
    assert report["folders"] == ["/opt/nv/lib/python3.11/site-packages"]
    versions = {name: each["version"] for name, each in report["projects"].items()}
    assert versions == {
        "ancient": "0.1",
        "fastnum": "1.26.4",
        "old": "1.0",
        "torchlike": "2.8.0a0+gitabc.nv25.5",
    }
    assert report["unmet"] == ["torchlike requires absent>=1, and has it not"]
    assert report["unread"] == []


@pytest.mark.parametrize("form", [tarfile.PAX_FORMAT, tarfile.GNU_FORMAT, tarfile.USTAR_FORMAT])
def test_its_archive_gives_the_same(nv, tmp_path, form):
    assert described(put(tmp_path, tar_of(nv, form=form))) == described(nv)


def test_a_compressed_archive_gives_the_same(nv, tmp_path):
    assert described(put(tmp_path, gzip.compress(tar_of(nv)))) == described(nv)


def test_an_image_is_what_its_own_python_says(tmp_path):
    site = prefix(tmp_path / "root" / str(tmp_path).lstrip("/") / "nv")
    install(site, toy("fastnum", "1.26.4", compiled=True))
    editable(site, tmp_path / "mine", "mine", "3.0")
    write(site / "broken-1.0.dist-info" / "METADATA", "no headers\n")
    inside = tmp_path / "root" / str(tmp_path).lstrip("/")
    shutil.copytree(tmp_path / "mine", inside / "mine", copy_function=shutil.copy2)
    shutil.copytree(inside / "nv", tmp_path / "nv", symlinks=True)
    ran = described_by(f"{tmp_path}/nv/bin/python3", (), is_named=True)
    still = described(put(tmp_path, tar_of(tmp_path / "root")), f"{tmp_path}/nv/bin/python3")
    assert [each.names for each in still.folders] == [each.names for each in ran.folders]
    same = {"libc": ran.libc, "unread": ran.unread, "interpreter": ran.interpreter}
    assert replace(still, folders=ran.folders, **same) == ran


@pytest.mark.slow
def test_this_machines_own_python_is_what_it_says_itself():
    own = getattr(sys, "_base_executable", sys.executable)
    ran = described_by(own, (), is_named=True)
    still = described("/", own)
    assert replace(still, unread=(), interpreter="/x") == replace(ran, unread=(), interpreter="/x")


def layers_of(nv: Path, tmp_path: Path) -> list[bytes]:
    """The root, and two layers that change it: a project replaced, one gone, a folder anew."""
    upper = tmp_path / "upper" / "opt/nv/lib/python3.11/site-packages"
    install(upper, toy("torchlike", "2.9.0"))
    write(upper / ".wh.torchlike-2.8.0a0+gitabc.nv25.5.dist-info", "")
    write(upper / ".wh.old-1.0.egg-info", "")
    write(upper / "fastnum" / ".wh..wh..opq", "")
    write(upper / "fastnum" / "__init__.py", "")
    os.utime(upper, (1_700_000_000, 1_700_000_000))
    return [tar_of(nv), tar_of(tmp_path / "upper"), tar_with(("opt/.wh.gone", b""))]


def seen(inventory: Inventory) -> list[str]:
    return [f"{each.project} {each.version}" for each in inventory.visible()]


def test_layers_hide_what_is_below_them(nv, tmp_path):
    image = described(put(tmp_path, saved(layers_of(nv, tmp_path))))
    assert seen(image) == ["ancient 0.1", "fastnum 1.26.4", "torchlike 2.9.0"]
    assert image.folders[0].mtime_seconds == 1_700_000_000
    assert described(put(tmp_path, gzip.compress(saved(layers_of(nv, tmp_path))))) == image


def test_an_oci_layout_is_read_as_a_file_and_as_a_folder(nv, tmp_path):
    layers = layers_of(nv, tmp_path)
    wanted = described(put(tmp_path, saved(layers)))
    files = layout(layers)
    assert described(put(tmp_path, tar_with(*files.items()))) == wanted
    for name, content in files.items():
        write(tmp_path / "oci" / name, content)
    assert described(tmp_path / "oci") == wanted


def test_what_an_image_says_of_its_processes_holds(nv, tmp_path):
    install(nv / "apps/a", toy("extra", "1.0"))
    variables = ["PATH=/opt/nv/bin:/usr/bin", "PYTHONPATH=/apps/a", "LOADEDMODULES=A/1"]
    path = put(tmp_path, saved([tar_of(nv)], variables))
    report = envc("describe", path, "--json").json
    assert report["python"] == "/opt/nv/bin/python3"
    assert report["folders"][0] == "/apps/a"
    assert report["modules"] == ["A/1"]


def test_hard_links_and_links_lead_to_what_is_in_the_image(tmp_path):
    site = "opt/nv/lib/python3.11/site-packages"
    info = f"{site}/linked-1.0.dist-info"
    text = b"Name: linked\nVersion: 1.0\n"
    files = tar_with(
        ("cache/METADATA", text),
        ("opt/nv/lib/python3.11/os.py", b""),
        ("opt/nv/bin/python3.11", PROGRAM),
    )
    hard = tar_with((f"{info}/METADATA", "cache/METADATA"), kind=tarfile.LNKTYPE)
    soft = tar_with(("opt/nv/bin/python3", "/opt/../../opt/nv/bin/./python3.11"), ("srv", "/srv"))
    whole = files[: -len(files) % 512 or None].rstrip(b"\0")
    joined = b"".join(part[:end] for part, end in ((each, _end(each)) for each in (files, hard)))
    image = described(put(tmp_path, joined + soft))
    assert whole
    assert seen(image) == ["linked 1.0"]


def _end(archive: bytes) -> int:
    """Where an archive's members end."""
    end = len(archive)
    while archive[end - 512 : end] == bytes(512):
        end -= 512
    return end


@pytest.mark.parametrize("kind", ["header", "library", "shared text"])
def test_the_version_is_told_by_what_is_there(nv, tmp_path, kind):
    home = nv / "opt/nv"
    write(home / "bin/python3.11", PROGRAM.replace(b"3.11.9", b"3.11"))
    if kind == "header":
        text = '#define PY_VERSION      "3.11.5+"\n'
        write(home / "include/python3.11/patchlevel.h", text)
    else:
        text = b"\0003.11.5rc1+\0" if kind == "library" else b"a Python-13.11.50 of v/3.11.5\0"
        write(home / "lib/libpython3.11.so.1.0", text)
    for image in (nv, put(tmp_path, tar_of(nv))):
        assert described(image).python_full == "3.11.5"


def test_a_python_of_no_version_is_told(nv):
    write(nv / "opt/nv/bin/python3.11", "")
    answer = envc("describe", nv, "--python", "/opt/nv/bin/python3")
    assert (answer.status, "nothing tells which Python that is" in answer.stderr) == (2, True)


def test_debians_folders_are_known(tmp_path):
    root(tmp_path / "root")
    lib = tmp_path / "root/usr/lib"
    write(lib / "python3.11/site.py", "# dist-packages\n")
    install(lib / "python3/dist-packages", toy("system", "1.0"))
    install(tmp_path / "root/usr/local/lib/python3.11/dist-packages", toy("local", "1.0"))
    image = described(tmp_path / "root", None)
    assert (seen(image), image.libc) == (["local 1.0", "system 1.0"], "glibc-2.36")


def test_a_machine_with_two_libraries_has_both(tmp_path):
    site = root(tmp_path / "root")
    install(site, toy("pure", "1.0"))
    install(tmp_path / "root/usr/lib64/python3.11/site-packages", toy("fastnum", "1.0"))
    report = envc("describe", tmp_path / "root", "--json").json
    assert sorted(report["projects"]) == ["fastnum", "pure"]


def test_fedoras_python_looks_below_usr_local_too(tmp_path):
    install(root(tmp_path / "root"), toy("pure", "1.0"))
    lib = tmp_path / "root/usr/lib64/python3.11"
    write(lib / "os.py", "")
    write(lib / "site.py", "if 'RPM_BUILD_ROOT' not in os.environ: ...\n")
    (tmp_path / "root/usr/lib/python3.11/os.py").unlink()
    (tmp_path / "root/usr/lib/python3.11/site.py").unlink()
    install(lib / "site-packages", toy("fastnum", "1.0"))
    install(tmp_path / "root/usr/local/lib/python3.11/site-packages", toy("pure", "2.0"))
    image = described(tmp_path / "root", None)
    assert seen(image) == ["fastnum 1.0", "pure 2.0"]


def test_no_overlay_runs_what_is_in_an_image(nv, tmp_path):
    install(root(tmp_path / "whole"), toy("own", "1.0"))
    whole = envc("overlay", "init", tmp_path / "ov", "--on", tmp_path / "whole")
    assert (whole.status, "this is an image" in whole.stderr) == (2, True)
    for image in (nv, put(tmp_path, tar_of(nv))):
        answer = envc("overlay", "init", tmp_path / "ov", "--on", image)
        assert answer.status == 2
        assert "this is an image" in answer.stderr


def test_an_environments_folder_with_such_names_is_no_root(tmp_path):
    install(prefix(tmp_path / "nv"), toy("own", "1.0"))
    for name in ("etc", "usr"):
        (tmp_path / "nv" / name).mkdir()
    assert list(envc("describe", tmp_path / "nv", "--json").json["projects"]) == ["own"]


def test_a_virtual_environment_in_an_image_sees_its_base_if_it_says_so(nv):
    home = nv / "srv/v"
    install(home / "lib/python3.11/site-packages", toy("own", "1.0"))
    (home / "bin").mkdir()
    (home / "bin/python").symlink_to("/opt/nv/bin/python3")
    for word, count in (("false", 1), ("true", 5)):
        text = f"home = /opt/nv/bin\ninclude-system-site-packages = {word}\nversion = 3.11.9\n"
        write(home / "pyvenv.cfg", text)
        inventory = described(nv, "/srv/v/bin/python")
        assert len(inventory.visible()) == count
        assert inventory.interpreter == "/opt/nv/bin/python3.11"


def test_start_up_code_that_nobody_has_run_is_said(nv):
    write(nv / "opt/nv/lib/python3.11/site-packages/sly.pth", "import sly\n")
    (said,) = described(nv).unread
    assert "sly.pth: runs code" in said


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"hsqs" + bytes(600), "squashfuse"),
        (bytes(32) + b"SIF_MAGIC" + bytes(600), "squashfuse"),
        (gzip.compress(b"no archive"), "this archive cannot be read"),
        (b"\x1f\x8b but no more", "this archive cannot be read"),
        (tar_with(("manifest.json", b"{")), "this archive cannot be read"),
        (tar_with(("manifest.json", b"[1]")), "its manifest is none"),
        (saved([])[:2048], "cannot be read"),
        (tar_with(("manifest.json", b"[]")), "it holds 0 images"),
        (tar_with(("manifest.json", b'[{"Layers": ["x"], "Config": "y"}]')), "it names 'x'"),
        (tar_with(("etc/passwd", b"")), "no Python is there: python3"),
    ],
)
def test_what_is_no_image_is_told(tmp_path, content, said):
    answer = envc("describe", put(tmp_path, content))
    assert answer.status == 2
    assert said in answer.stderr
    assert "Traceback" not in answer.stderr


def test_names_that_leave_the_image_are_left_out_and_said(nv, tmp_path):
    bad = tar_with(("../../etc/evil.pth", b""), ("a/../../b", b""), ("a\nb", b""), ("/srv/ok", b""))
    image = described(put(tmp_path, saved([tar_of(nv), bad])))
    assert len([each for each in image.unread if "no place in the image" in each]) == 3
    assert len(image.visible()) == 4


def test_links_that_lead_out_or_round_harm_nobody(nv, tmp_path):
    site = nv / "opt/nv/lib/python3.11/site-packages"
    (site / "round").symlink_to("round")
    (site / "out-1.0.dist-info").mkdir()
    (site / "out-1.0.dist-info/METADATA").symlink_to("/etc/secret")
    write(tmp_path / "secret", "Name: secret\nVersion: 1\n")
    (site / "up-1.0.dist-info").symlink_to(f"{'../' * 30}{tmp_path}")
    for image in (nv, put(tmp_path, tar_of(nv))):
        inventory = described(image)
        assert "secret" not in json.dumps(seen(inventory))
        assert len(inventory.visible()) == 4


def test_an_archive_that_unpacks_without_end_is_refused(tmp_path, monkeypatch):
    monkeypatch.setattr("envc.described.packed._SMALL_BYTES", 1 << 20)
    huge = gzip.compress(tar_with(("a", bytes(1 << 24))))
    answer = envc("describe", put(tmp_path, huge))
    assert answer.status == 2
    assert "more than 100 times its size" in answer.stderr


def test_an_archive_of_too_many_names_is_refused(nv, tmp_path, monkeypatch):
    monkeypatch.setattr("envc.described.archive._MOST_NAMES", 10)
    answer = envc("describe", put(tmp_path, tar_of(nv)))
    assert answer.status == 2
    assert "more than 10 names" in answer.stderr


def test_a_header_that_says_it_is_endless_is_refused(tmp_path):
    out = tarfile.TarInfo("x")
    out.type, out.size = tarfile.GNUTYPE_LONGNAME, 1 << 33
    answer = envc("describe", put(tmp_path, out.tobuf() + bytes(2048)))
    assert answer.status == 2
    assert "cannot be read" in answer.stderr


def test_python_needs_an_image():
    answer = envc("describe", "--python", "/opt/nv/bin/python3")
    assert answer.status == 2
    assert "envc describe IMAGE --python /opt/nv/bin/python3" in answer.stderr
