"""Packed overlays, and overlays on a node's own disk."""

import json
import os
import shutil
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from envc.bundle import Bundle, BundleWriter
from envc.disk.locks import exclusive
from envc.formats.publication import publication_from_bytes, publication_to_bytes
from envc.model.plan import LinkTree, MakeSymlink, PathLines, WriteFile
from envc.model.publication import Publication
from support.sites import SITE_PACKAGES, envc, envc_process, python

pytestmark = pytest.mark.slow

VERSIONS = "import numpy, scipy, polars; print(numpy.__version__, polars.__file__)"


@pytest.fixture
def alice(built, tmp_path):
    folder = tmp_path / "alice"
    assert envc("overlay", "init", "--dir", folder, "--target", built.target).status == 0
    assert envc("overlay", "add", "polars", "--dir", folder).status == 0
    return folder


@pytest.fixture
def scratch(tmp_path, monkeypatch):
    monkeypatch.setenv("ENVC_STAGE", str(tmp_path / "scratch"))
    return tmp_path / "scratch"


@pytest.fixture
def packed(alice):
    report = envc("overlay", "pack", "--dir", alice, "--json").json
    assert report["path"] == f"{alice}/packed.envc"
    return report


def copies(scratch) -> list[str]:
    return [name for name in os.listdir(scratch) if not name.startswith(".")]


def test_a_packed_overlay_is_staged_and_run(alice, packed, scratch):
    answer = envc("stage", alice)
    assert answer.status == 0, answer.stderr
    place = scratch / f"alice-{packed['generation'][7:23]}"
    assert answer.stdout == f"{place}\n"
    assert answer.stderr.endswith(f"alice: {packed['files']} files unpacked\n")
    numpy, polars = python(place, VERSIONS).split()
    assert numpy == "2.0.0"
    assert polars == f"{place}/generations/000001/{SITE_PACKAGES}/polars/__init__.py"
    assert envc("verify", "--target", place).status == 0
    assert envc("diff", alice, place).status == 0
    assert not (place / "store/tmp").exists()  # where something could be left over
    again = envc("stage", alice)
    assert (again.stdout, again.stderr) == (answer.stdout, "alice: staged already\n")
    ran = envc_process("run", "--overlay", alice, "--", "python", "-c", VERSIONS, cwd=alice)
    assert ran.stdout.split()[1] == polars


def test_the_trees_are_the_same(alice, packed, scratch):
    place = envc("stage", alice, "--json").json["path"]
    digests = {
        json.loads((folder / "current" / "manifest.json").read_text())["digest"]
        for folder in (alice, scratch / os.path.basename(place))
    }
    assert digests == {packed["generation"]}


def test_a_staged_copy_needs_nothing_of_the_shared_storage(alice, scratch):
    place = envc("stage", alice, "-q").stdout.strip()
    alice.rename(alice.parent / "away")
    assert python(place, VERSIONS).split()[0] == "2.0.0"


def test_a_plan_that_cannot_be_read_is_not_taken_for_none(alice):
    """It is there, and what refuses it now may be well again."""
    (alice / "aside").mkdir()
    for plan in sorted((alice / "store/plans").iterdir()):  # whichever is the current one's
        plan.rename(alice / "aside" / plan.name)
    plan.mkdir()
    answer = envc("overlay", "pack", "--dir", alice)
    assert answer.status == 4
    assert f"\n   at: {plan}\n help: " in answer.stderr
    assert envc("gc", "--target", alice).status == 0
    assert plan.is_dir()


def test_packing_twice_gives_the_same_bytes(alice, packed, tmp_path):
    path = tmp_path / "other.envc"
    report = envc("overlay", "pack", "--dir", alice, "-o", path, "--json").json
    assert report["digest"] == packed["digest"]
    assert path.read_bytes() == (alice / "packed.envc").read_bytes()


def test_the_file_alone_is_enough(alice, scratch):
    words = ("overlay", "pack", "--alone", "--dir", alice)
    assert "its trees are removed" in envc(*words).stderr
    assert sorted(os.listdir(alice)) == [
        ".lock",
        ".store-lock",
        "audit.jsonl",
        "location.toml",
        "overlay.toml",
        "packed.envc",
        "pylock.alice.toml",
    ]
    ran = envc_process("run", "--overlay", alice, "--", "python", "-c", VERSIONS, cwd=alice)
    assert ran.status == 0, ran.stderr
    assert ran.stdout.split()[1].startswith(f"{scratch}/alice-")
    assert envc("overlay", "sync", "--dir", alice).status == 0
    assert python(alice, VERSIONS).split()[0] == "2.0.0"


def test_what_is_not_packed_is_staged_all_the_same(alice, scratch):
    place = envc("stage", alice, "-q").stdout.strip()
    assert python(place, VERSIONS).split()[0] == "2.0.0"
    assert copies(scratch) == [os.path.basename(place)]


def test_a_packed_file_of_an_earlier_generation_is_not_taken(alice, packed, scratch):
    answer = envc("overlay", "add", "theme", "--dir", alice)
    assert (
        f"warning: {alice}/packed.envc is of another generation now; pack it again with "
        f"`envc overlay pack --dir {alice}`\n"
    ) in answer.stderr
    report = envc("stage", alice, "--json").json
    assert report["generation"] != packed["generation"]
    assert python(report["path"], "import theme; print('there')") == "there"


def test_a_file_elsewhere_is_staged_without_its_folder(alice, packed, tmp_path):
    shutil.copy(packed["path"], tmp_path / "alice.envc")
    answer = envc("stage", tmp_path / "alice.envc", "--to", tmp_path / "disk")
    assert answer.status == 0, answer.stderr
    assert python(answer.stdout.strip(), VERSIONS).split()[0] == "2.0.0"


def test_a_job_array_unpacks_it_once(alice, packed, scratch):
    command = [sys.executable, "-m", "envc", "stage", str(alice), "--json"]
    jobs = [
        subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        for _ in range(8)
    ]
    answers = [job.communicate() for job in jobs]
    assert [job.returncode for job in jobs] == [0] * 8, [stderr for _, stderr in answers]
    reports = [json.loads(stdout) for stdout, _ in answers]
    assert sorted(report["changed"] for report in reports) == [False] * 7 + [True]
    assert len({report["path"] for report in reports}) == 1
    assert len(copies(scratch)) == 1


def test_what_a_killed_run_left_is_removed(alice, packed, scratch):
    name = f"alice-{packed['generation'][7:23]}"
    node = os.uname().nodename.partition(".")[0]
    private = scratch / f".staging-{name}-{node}-dead"
    leftover = private / "overlay" / "generations" / "000001"
    leftover.mkdir(parents=True)
    scratch.chmod(0o700)
    leftover.chmod(0o555)
    assert envc("stage", alice).status == 0
    assert not private.exists()


def test_a_damaged_file_is_refused_and_nothing_is_staged(alice, packed, scratch):
    path = alice / "packed.envc"
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)
    answer = envc("stage", path)
    assert answer.status == 5
    assert answer.stderr.endswith(
        f"   at: {path}\n help: make the bundle again, or fetch it again\n"
    )
    assert copies(scratch) == []


def forged(packed: dict, path: Path, change) -> Path:
    """The packed overlay with another publication; every digest in it is right."""
    with Bundle(packed["path"]) as bundle, BundleWriter(str(path)) as other:
        for entry in bundle.index.entries:
            content = bundle.read(entry.name)
            if entry.name == "publication":
                publication = publication_from_bytes(content)
                assert publication is not None
                content = publication_to_bytes(change(publication))
            other.add(entry.name, [content])
        other.finish("overlay", "alice")
    return path


def with_plan(publication: Publication, **changes: Any) -> Publication:
    (layer,) = publication.layers
    return publication._replace(layers=(layer._replace(plan=layer.plan._replace(**changes)),))


def with_file(publication: Publication, file: WriteFile) -> Publication:
    return with_plan(publication, files=(*publication.layers[0].plan.files, file))


LINK = LinkTree("../../../etc", b"", PathLines.of([]), PathLines.of([b"hosts"]))
FORGERIES = {
    "a name that leads out": lambda p: with_plan(p, layer="../../alice"),
    "a spec that leads out": lambda p: p._replace(specs=(("../.bashrc", b"x"),)),
    "a tree that is not in it": lambda p: with_plan(p, links=(LINK,)),
    "a set-uid file": lambda p: with_file(p, WriteFile("bin/su", b"x", 0o4555)),
    "a file outside": lambda p: with_file(p, WriteFile("../../../../x", b"x", 0o444)),
    "an absolute file": lambda p: with_file(p, WriteFile("/x", b"x", 0o444)),
    "a symlink outside": lambda p: with_plan(p, symlinks=(MakeSymlink("../x", "/etc"),)),
    "another digest": lambda p: with_plan(p, digest=p.digest()),
    "no layer": lambda p: p._replace(layers=()),
}


@pytest.mark.parametrize("forgery", FORGERIES)
def test_a_forged_file_writes_nothing_outside(packed, scratch, tmp_path, forgery):
    path = forged(packed, tmp_path / "forged.envc", FORGERIES[forgery])
    before = sorted(tmp_path.iterdir())
    answer = envc("stage", path)
    assert answer.status == 5, answer.stderr
    assert "help: pack it again with `envc overlay pack`" in answer.stderr
    assert copies(scratch) == []
    assert sorted(tmp_path.iterdir()) == sorted({*before, scratch})


def test_what_is_no_overlay(tmp_path, scratch):
    answer = envc("stage", tmp_path)
    assert (answer.status, answer.stderr) == (
        2,
        (
            "error: there is no overlay here\n"
            f"   at: {tmp_path}\n"
            f" help: correct the path, or make it: `envc overlay init {tmp_path}`\n"
        ),
    )


def test_a_stage_that_somebody_else_made(alice, scratch, tmp_path):
    (tmp_path / "theirs").mkdir()
    scratch.symlink_to(tmp_path / "theirs")
    answer = envc("stage", alice)
    assert (answer.status, answer.stderr) == (
        2,
        (
            "error: this folder for staged overlays is a symlink, or somebody else's\n"
            f"   at: {scratch}\n"
            " help: name another one with --to, or in ENVC_STAGE\n"
        ),
    )


def test_alone_and_elsewhere_do_not_go_together(alice, tmp_path):
    answer = envc("overlay", "pack", "--alone", "-o", tmp_path / "x", "--dir", alice)
    assert (answer.status, answer.stderr) == (
        2,
        (
            "error: an overlay finds its packed file in its own folder only\n"
            f"   at: {tmp_path}/x\n"
            " help: leave out -o, or --alone\n"
        ),
    )


def put_copies(scratch: Path, alice: Path, count: int) -> list[Path]:
    """Copies of as many states of an overlay, the oldest first, all staged some days ago."""
    made = [Path(envc("stage", alice, "-q").stdout.strip())]
    for number in range(1, count):
        # A copy of another generation, as far as its name tells.
        made.append(scratch / f"alice-{number:016x}")
        shutil.copytree(made[0], made[-1], symlinks=True)
    for number, place in enumerate(made):
        days_ago(place, count - number)
    return made


def days_ago(place: Path, days: float) -> None:
    then = time.time() - days * 86_400
    os.utime(place, (then, then))


def listed(scratch: Path) -> dict[str, str | None]:
    report = envc("stage", "--list", "--to", scratch, "--json").json
    assert report["stage"] == str(scratch)
    assert all(copy["name"] == "alice" and copy["size_bytes"] for copy in report["copies"])
    return {copy["path"]: copy["kept"] for copy in report["copies"]}


def test_of_each_overlay_the_newest_copies_stay(alice, scratch):
    first, *others = put_copies(scratch, alice, 4)
    assert list(listed(scratch).values()) == ["newest", "newest", None, None]
    shutil.rmtree(first)
    assert envc("stage", alice).status == 0  # it makes one more
    assert {Path(path) for path in listed(scratch)} == {first, *others[1:]}
    days_ago(others[2], 31)
    assert listed(scratch) == {
        str(first): "staged just now",
        str(others[1]): "newest",
        str(others[2]): None,
    }


def test_clean_removes_what_nobody_runs_from(alice, scratch):
    copies = put_copies(scratch, alice, 3)
    days_ago(copies[1], 0)
    code = "import sys; print('up', flush=True); sys.stdin.read()"
    process = subprocess.Popen(
        [copies[0] / "bin/python", "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    try:
        assert process.stdout is not None
        assert process.stdout.readline() == b"up\n"
        answer = envc("stage", "--clean", "--to", scratch)
    finally:
        process.communicate()
    assert (answer.status, answer.stderr) == (0, f"{scratch}: removed 1 copy\n")
    assert listed(scratch) == {str(copies[1]): "staged just now", str(copies[0]): "newest"}
    days_ago(copies[1], 1)
    report = envc("stage", "--clean", "--to", scratch, "--json").json
    assert (len(report["removed"]), report["copies"]) == (2, [])
    assert [name for name in os.listdir(scratch) if name != ".alice.lock"] == []


def test_what_runs_that_were_killed_left_goes(alice, scratch):
    (place,) = put_copies(scratch, alice, 1)
    node = os.uname().nodename.partition(".")[0]
    for name in (f".staging-{place.name}-{node}-dead", ".going-alice-0000000000000000"):
        (scratch / name / "overlay").mkdir(parents=True)
    assert envc("stage", "--clean", "--to", scratch).status == 0
    assert copies(scratch) == []
    assert os.listdir(scratch) == [".alice.lock"]
    assert not place.exists()


def test_a_copy_that_is_being_staged_is_not_cleaned(alice, scratch):
    (place,) = put_copies(scratch, alice, 1)
    with exclusive(f"{scratch}/.alice.lock"):
        assert envc("stage", "--clean", "--to", scratch).stderr == f"{scratch}: removed 0 copies\n"
    assert place.exists()


def test_a_stage_that_is_not_there_has_no_copies(scratch):
    assert listed(scratch) == {}
    assert envc("stage", "--clean").stderr == f"{scratch}: removed 0 copies\n"


@pytest.mark.parametrize("word", ["--list", "--clean"])
def test_a_strangers_stage_is_not_touched(alice, scratch, tmp_path, word):
    (place,) = put_copies(scratch, alice, 1)
    (tmp_path / "link").symlink_to(scratch)
    answer = envc("stage", word, "--to", tmp_path / "link")
    assert (answer.status, answer.stderr.splitlines()[0]) == (
        2,
        "error: this folder for staged overlays is a symlink, or somebody else's",
    )
    assert place.exists()
