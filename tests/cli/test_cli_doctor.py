import json
import os
import resource
import tempfile

import pytest

from envc.model.target import Machine
from envc.target import fitness as checks
from envc.target.fitness import Mount, mount_of
from support.sites import PYTHON, SITE_PACKAGES, envc

MOUNTS = """\
22 1 254:0 / / rw,relatime shared:1 - ext4 /dev/vda rw
30 22 0:40 / /shared rw,noexec shared:2 - nfs4 server:/x rw
31 22 0:41 / /shared/my\\040disk ro shared:3 - fuse.beegfs x rw
"""


@pytest.fixture(autouse=True)
def _stage(tmp_path, monkeypatch):
    monkeypatch.setenv("ENVC_STAGE", str(tmp_path))


def diagnoses(answer) -> dict[str, dict[str, str]]:
    return {each["name"]: each for each in answer.json["diagnoses"]}


def test_a_node_that_is_fit(built):
    answer = envc("doctor", "--target", built.target, "--json")
    found = diagnoses(answer)
    assert (answer.status, answer.json["ok"]) == (0, True)
    assert {each["state"] for each in found.values()} == {"ok"}
    assert found["target: generation"]["what"] == "generation 1 of canopy"
    assert found["target: links"]["what"] == "hard links work"
    assert not [name for name in os.listdir(built.target) if "doctor" in name]


def test_lines_for_a_person(built):
    lines = envc("doctor", "--target", built.target).stdout.splitlines()
    assert "ok       target: generation: generation 1 of canopy" in lines
    assert envc("doctor", "--target", built.target, "--quiet").stdout == ""


def test_where_nothing_is_yet(tmp_path):
    folder = tmp_path / "not" / "yet"
    answer = envc("doctor", "--target", folder, "--json")
    assert answer.status == 0
    assert diagnoses(answer)["target: generation"] == {
        "name": "target: generation",
        "state": "warning",
        "what": f"nothing is built in {folder}",
        "mend": "run `envc materialize`, for an overlay `envc overlay sync`",
    }


def test_a_folder_that_others_could_replace(tmp_path):
    tmp_path.chmod(0o777)
    answer = envc("doctor", "--target", tmp_path, "--quiet")
    assert answer.status == 1
    assert (
        "error    target: permissions: everybody may write to this folder, and so could replace "
        f"what is in it ({tmp_path})\n"
        f"         help: take that right away (chmod o-w {tmp_path}), or choose another folder\n"
    ) in answer.stdout


@pytest.mark.slow
def test_an_overlay_that_was_changed(built, tmp_path):
    folder = tmp_path / "alice"
    assert envc("overlay", "init", "--dir", folder, "--target", built.target).status == 0
    assert envc("overlay", "add", "theme", "--dir", folder).status == 0
    assert envc("doctor", "--overlay", folder, "-q").stdout == ""
    path = f"{SITE_PACKAGES}/theme/__init__.py"
    (folder / "current" / path).chmod(0o644)
    (folder / "current" / path).write_text("# mine\n")
    answer = envc("doctor", "--overlay", folder, "--json")
    found = diagnoses(answer)
    assert answer.json["target"] == str(built.target)
    assert found["overlay: sources"]["what"] == f"not as they were built: {path}"
    assert found["overlay: base user"]["state"] == "ok"
    (folder / "current" / SITE_PACKAGES / "_envc_stack.txt").unlink()
    answer = envc("doctor", "--overlay", folder, "--json")
    assert (answer.status, diagnoses(answer)["overlay: sources"]["state"]) == (1, "error")


def test_a_python_path_is_named_once(built, monkeypatch):
    monkeypatch.setenv("PYTHONPATH", "/elsewhere")
    monkeypatch.setenv("PYTHONHOME", "/elsewhere")
    assert envc("doctor", "--target", built.target, "--quiet").stdout == (
        "warning  target: PYTHONPATH: PYTHONPATH is set, and goes before the stack: /elsewhere\n"
        "         help: unset PYTHONPATH\n"
        "warning  variable PYTHONHOME: PYTHONHOME is set: /elsewhere\n"
        "         help: unset PYTHONHOME, or start programs with `envc run`, which drops it\n"
    )


def test_a_limit_of_open_files(monkeypatch):
    monkeypatch.setattr(resource, "getrlimit", lambda _: (256, 4096))
    assert checks.open_files() == checks.Diagnosis(
        "open files", "warning", "at most 256", "raise it: `ulimit -n 1024`"
    )


@pytest.mark.parametrize("infinity", [-1, 2**64 - 1])  # until Python 3.14, and from 3.15 on
def test_limits_that_are_none(monkeypatch, infinity):
    monkeypatch.setattr(resource, "RLIM_INFINITY", infinity)
    monkeypatch.setattr(resource, "getrlimit", lambda _: (infinity, infinity))
    assert [found.what for found in (checks.open_files(), checks.file_size())] == ["no limit"] * 2
    monkeypatch.setattr(resource, "getrlimit", lambda _: (256, infinity))
    assert checks.open_files().mend == "raise it: `ulimit -n 1024`"
    assert checks.file_size().state == "warning"


def test_another_python_than_compiled_for():
    machine = Machine(interpreter="/p", python_full="3.9.1", platform="linux-x86_64", libc="")
    found = checks.interpreter("target", machine, PYTHON)
    assert (found.state, found.what) == ("error", f"/p is Python 3.9.1, the trees are for {PYTHON}")


@pytest.mark.parametrize(
    ("path", "kind", "shared"),
    [
        ("/home", "ext4", False),
        ("/sharedness", "ext4", False),
        ("/shared/a", "nfs4", True),
        ("/shared/my disk/a", "fuse.beegfs", True),
    ],
)
def test_the_mount_of_a_path(path, kind, shared):
    mount = mount_of(path, MOUNTS)
    assert (mount.kind, mount.is_shared) == (kind, shared)


def test_a_mount_without_programs(monkeypatch):
    monkeypatch.setattr(checks, "mount_here", lambda _: Mount("nfs4", frozenset({"noexec"})))
    assert checks.file_system("target", "/shared", is_local=True).state == "error"
    monkeypatch.setattr(checks, "mount_here", lambda _: Mount("nfs4", frozenset()))
    found = checks.file_system("target", "/shared", is_local=True)
    assert (found.state, found.what) == ("warning", "/shared is on nfs4, which nodes share")
    assert checks.file_system("overlay", "/shared", is_local=False).state == "ok"


@pytest.mark.parametrize(
    ("seconds", "what"),
    [
        (0.5, "as this node's"),
        (61.2, "the file server is 61 s ahead of this node"),
        (-9.0, "the file server is 9 s behind this node"),
    ],
)
def test_clocks(seconds, what):
    assert checks.told_of_clock("clock", seconds).what == what


def test_json_is_an_object(tmp_path):
    assert json.loads(envc("doctor", "--json").stdout)["target"] is None


@pytest.mark.skipif(
    not os.path.isdir("/dev/shm") or os.stat("/dev/shm").st_dev == os.stat("/tmp").st_dev,
    reason="there is no second file system",
)
def test_links_are_tried_as_a_run_needs_them(tmp_path):
    """Store and generations may stand on two mounts: a link within one says nothing."""
    (tmp_path / "store").mkdir()
    with tempfile.TemporaryDirectory(dir="/dev/shm") as elsewhere:
        (tmp_path / "generations").symlink_to(elsewhere)
        found = checks.links("target", str(tmp_path))
        assert (found.state, os.listdir(elsewhere)) == ("warning", [])
        assert "Invalid cross-device link" in found.what
    (tmp_path / "generations").unlink()
    (tmp_path / "generations").mkdir()
    assert checks.links("target", str(tmp_path)).state == "ok"
