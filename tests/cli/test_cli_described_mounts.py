"""One image under two mount paths: what was compiled on the one runs on the other."""

import os
import shutil
import subprocess
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest

from support.prefixes import install, prefix, toy
from support.sites import envc, python

pytestmark = pytest.mark.slow

WHEELS = (toy("tool", "2.0"), toy("extra", "1.0", "tool"))
SEEN = "import extra, fastnum, tool; print(fastnum.__version__, tool.__version__)"


@pytest.fixture
def mounts(tmp_path: Path) -> Iterator[tuple[Path, Path]]:
    """A squashfs image of a prefix, mounted twice."""
    if os.geteuid() or shutil.which("mksquashfs") is None:
        pytest.skip("only root mounts images, and mksquashfs makes them")
    site = prefix(tmp_path / "nv")
    install(site, toy("fastnum", "1.26.4", compiled=True))
    install(site, toy("tool", "1.0"))
    image = tmp_path / "nv.squashfs"
    packed = ["mksquashfs", tmp_path / "nv", image, "-quiet", "-no-progress"]
    subprocess.run(packed, check=True, stdout=subprocess.DEVNULL)
    shutil.rmtree(tmp_path / "nv")
    places = (tmp_path / "here", tmp_path / "there")
    mounted: list[Path] = []
    try:
        for place in places:
            place.mkdir()
            mount = ["mount", "-t", "squashfs", "-o", "loop,ro", image, place]
            if subprocess.run(mount, check=False, capture_output=True).returncode:
                pytest.skip("no squashfs image can be mounted here")
            mounted.append(place)
        yield places
    finally:
        for place in mounted:
            subprocess.run(["umount", "-l", place], check=False)


@pytest.fixture(autouse=True)
def _meant(toy_index, monkeypatch):
    monkeypatch.setenv("ENVC_INDEX_URL", toy_index)


def done(*words: object) -> None:
    answer = envc(*words)
    assert answer.status == 0, answer.stderr


def test_a_link_leads_to_where_the_image_is_mounted(mounts, tmp_path):
    here, there = mounts
    ov = tmp_path / "ov"
    done("overlay", "init", ov, "--on", here)
    done("overlay", "add", "extra", "tool>=2", "--dir", ov)
    assert python(ov, SEEN) == "1.26.4 2.0"
    subprocess.run(["umount", here], check=True)
    assert (
        b"is not here"
        in subprocess.run([ov / "bin/python", "-c", SEEN], capture_output=True, check=False).stderr
    )
    here.rmdir()
    here.symlink_to(there)
    assert python(ov, SEEN) == "1.26.4 2.0"
    done("check", ov)
    done("doctor", "--overlay", ov)


def test_a_variable_names_it_and_one_lock_serves_both(mounts, tmp_path, monkeypatch):
    here, there = mounts
    one, other = tmp_path / "one", tmp_path / "other"
    monkeypatch.setenv("NV_ROOT", str(here))
    done("overlay", "init", one, "--on", "$NV_ROOT")
    spec = tomllib.loads((one / "overlay.toml").read_text())["overlay"]
    assert spec["on"] == {"python": "$NV_ROOT/bin/python3"}
    done("overlay", "add", "extra", "tool>=2", "--dir", one)
    monkeypatch.setenv("NV_ROOT", str(there))
    other.mkdir()
    (lock,) = one.glob("pylock.*.toml")
    for file in (one / "overlay.toml", lock):
        shutil.copy(file, other)
    done("overlay", "sync", "--dir", other)
    assert (other / lock.name).read_bytes() == lock.read_bytes()
    assert [python(folder, SEEN) for folder in (one, other)] == ["1.26.4 2.0"] * 2
    assert python(other, "import fastnum; print(fastnum.__file__)").startswith(f"{there}/")


def test_a_variable_is_looked_up_at_each_sync(mounts, tmp_path, monkeypatch):
    monkeypatch.setenv("NV_ROOT", str(mounts[0]))
    done("overlay", "init", tmp_path / "ov", "--on", "$NV_ROOT/bin/python3")
    monkeypatch.setenv("NV_ROOT", str(mounts[1]))
    done("overlay", "sync", "--dir", tmp_path / "ov")
    place = python(tmp_path / "ov", "import fastnum; print(fastnum.__file__)")
    assert place.startswith(f"{mounts[1]}/")
    monkeypatch.delenv("NV_ROOT")
    answer = envc("overlay", "sync", "--dir", tmp_path / "ov")
    assert (answer.status, "names a variable that is not set" in answer.stderr) == (2, True)
