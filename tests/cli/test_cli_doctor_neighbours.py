"""Who could run code as a user, or stop an administrator: `envc doctor` names him, and the mend."""

import json
import os
import shutil
from pathlib import Path

import pytest

from envc.target import neighbours
from support.sites import envc, envc_process

pytestmark = pytest.mark.slow
ALL, STICKY = 0o777, 0o1777


@pytest.fixture(autouse=True)
def _apart(tmp_path, monkeypatch):
    """Where nobody else can change anything but what a test lets him."""
    for name in ("PYTHONPATH", "LD_LIBRARY_PATH", "PYTHONSTARTUP", "BASH_ENV"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("ENVC_STAGE", str(tmp_path / "stage"))
    monkeypatch.setenv("ENVC_CACHE_DIR", str(tmp_path / "cache"))
    monkeypatch.setenv("PATH", "/usr/bin:/bin")
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")


@pytest.fixture
def own(built):
    """A target whose modes, and whose location, a test may change: they are put back."""
    target = built.target
    built.storage.mkdir(exist_ok=True)
    names = (
        target.parent,
        built.storage,
        *(target / name for name in ("audit.jsonl", "generations", ".lock")),
    )
    modes = {path: path.stat() for path in names}
    location = (target / "location.toml").read_bytes()
    yield built
    for path, status in modes.items():
        os.chown(path, status.st_uid, status.st_gid)
        path.chmod(status.st_mode & 0o7777)
    (target / "location.toml").write_bytes(location)


def folder(path: Path, mode: int) -> Path:
    path.mkdir(parents=True, exist_ok=True)
    path.chmod(mode)
    return path


def asked(*words) -> list[tuple[str, str, str, str]]:
    """Threat, subject, who and where of each exposure."""
    answer = envc("doctor", *words, "--json")
    keys = ("threat", "subject", "who", "where")
    found = [tuple(each[key] for key in keys) for each in answer.json["exposures"]]
    assert answer.json["ok"] is (not any(each[0] == "run" for each in found))
    return found


def test_where_nobody_else_could(built):
    assert asked("--target", built.target) == []
    lines = envc("doctor", "--target", built.target).stdout.splitlines()
    assert "ok       neighbours: nobody else could run code as you, or stop you" in lines


def test_a_cache_that_all_may_write(tmp_path, monkeypatch):
    cache = folder(tmp_path / "shared", STICKY)
    monkeypatch.setenv("ENVC_CACHE_DIR", f"{cache}/mine")  # anybody could make it first
    assert asked() == [("run", "cache", "everybody", str(cache))]
    answer = envc("doctor", "-q")
    assert answer.status == 1
    assert (
        "error    cache: neighbours: everybody could run code as you: everybody may write to this "
        f"folder, and so could replace what is in it ({cache})\n"
        f"         help: take that right away (chmod o-w {cache}), or choose another folder\n"
    ) in answer.stdout


def test_variables_that_bring_code(tmp_path, monkeypatch):
    open_to_all = folder(tmp_path / "lib", STICKY)
    monkeypatch.setenv("PYTHONPATH", f"/usr/lib:{open_to_all}/none")
    monkeypatch.setenv("LD_LIBRARY_PATH", str(open_to_all))
    monkeypatch.setenv("BASH_ENV", str(open_to_all / "rc"))
    where = str(open_to_all)
    names = ("PYTHONPATH", "LD_LIBRARY_PATH", "BASH_ENV")
    assert asked() == [("run", name, "everybody", where) for name in names]


def test_commands_that_are_found_before_this_envc(tmp_path, monkeypatch):
    mine, theirs, late = (tmp_path / name for name in ("mine", "theirs", "late"))
    folder(mine, 0o755)
    folder(theirs, ALL)
    folder(late, ALL)
    (mine / "envc").write_text("#!/bin/sh\n")
    (mine / "envc").chmod(0o755)
    monkeypatch.setenv("PATH", f"{theirs}:{mine}:{late}:/usr/bin")
    assert asked() == [("run", "PATH", "everybody", str(theirs))]
    monkeypatch.setenv("PATH", f":{mine}")
    folder(tmp_path / "here", ALL)
    assert asked() == [("run", "PATH", "everybody", str(tmp_path / "here"))]


def test_a_site_that_is_found_upwards(built, tmp_path, monkeypatch):
    shared = folder(tmp_path / "shared", STICKY)
    shutil.copy(built.folder / "envc.toml", shared)
    monkeypatch.chdir(folder(shared / "below", 0o755))
    assert asked() == [("run", "site", "everybody", str(shared))]


def test_an_overlay_and_its_storage(own, tmp_path):
    user = os.environ.get("USER", "root")
    overlay = own.storage / user / "mine"
    assert envc("overlay", "init", "--dir", overlay, "--target", own.target).status == 0
    own.storage.chmod(STICKY)
    assert asked("--overlay", overlay) == []
    own.storage.chmod(ALL)
    storage = str(own.storage)
    assert asked("--overlay", overlay) == [
        ("run", "overlay", "everybody", storage),
        ("run", "storage", "everybody", storage),
    ]


@pytest.mark.skipif(os.geteuid() != 0, reason="only root gives folders to other groups")
def test_a_group_is_named(own):
    os.chown(own.target.parent, 0, 100)
    own.target.parent.chmod(0o775)
    ((threat, subject, who, where), *_) = asked("--target", own.target)
    assert (threat, subject, where) == ("run", "target", str(own.target.parent))
    assert who.startswith("everybody in group ")


@pytest.mark.skipif(os.geteuid() != 0, reason="only root gives files away")
def test_a_user_is_named(own, tmp_path, monkeypatch):
    theirs = folder(tmp_path / "theirs", 0o755)
    os.chown(theirs, 6, 6)
    monkeypatch.setenv("PYTHONPATH", str(theirs))
    ((threat, subject, who, where),) = asked("--target", own.target)
    assert (threat, subject, where) == ("run", "PYTHONPATH", str(theirs))
    assert who.startswith("user ")


def test_what_the_owner_of_a_target_works_with(own):
    (own.target / "audit.jsonl").chmod(0o666)
    (own.target / "generations").chmod(ALL)
    found = asked("--target", own.target)
    assert ("stop", "target's files", "everybody", str(own.target / "audit.jsonl")) in found
    assert ("stop", "target's files", "everybody", str(own.target / "generations")) in found
    answer = envc("doctor", "--target", own.target, "-q")
    assert "everybody may write to this file, and so could change it" in answer.stdout
    assert "everybody could stop you" in answer.stdout
    assert answer.status == 0


def test_a_lock_that_others_could_hold(own):
    (own.target / ".lock").chmod(0o644)
    answer = envc("doctor", "--target", own.target, "-q")
    lock = own.target / ".lock"
    assert answer.stdout == (
        f"warning  lock: neighbours: who may read {lock} can hold it, and so stop you\n"
        f"         help: chmod 600 {lock}\n"
    )


def test_a_wanted_state_that_others_could_write(own, tmp_path):
    state = folder(tmp_path / "state", ALL)
    location = own.target / "location.toml"
    location.chmod(0o644)
    location.write_text(f'wanted = "{state}"\n{location.read_text()}')
    assert asked("--target", own.target) == [("run", "wanted state", "everybody", str(state))]


def test_a_store_on_another_device(tmp_path):
    if os.stat("/dev/shm").st_dev == os.stat(tmp_path).st_dev:
        pytest.skip("/dev/shm is no file system of its own here")
    (told,) = neighbours.hindrances(str(tmp_path), "/dev/shm")
    assert (told.name, told.state) == ("store: device", "warning")
    assert told.what.startswith(f"/dev/shm is on another file system than {tmp_path}")


def test_a_kernel_that_lets_everybody_link(own, tmp_path, monkeypatch):
    (tmp_path / "open").write_text("0\n")
    monkeypatch.setattr(neighbours, "_HARD_LINKS", str(tmp_path / "open"))
    assert "sysctl fs.protected_hardlinks=1" in envc("doctor", "--target", own.target).stdout


def test_it_works_as_a_process(own):
    answer = envc_process("doctor", "--target", own.target, "--json", cwd=own.root)
    assert answer.status == 0, answer.stdout


def test_no_interpreter_is_run_that_others_could_change(built, tmp_path):
    """Of an overlay of somebody else, its record names it: to look at it must not run his code."""
    overlay, program = tmp_path / "overlay", folder(tmp_path / "open", ALL) / "python"
    assert envc("overlay", "init", "--dir", overlay, "--target", built.target).status == 0
    program.write_text(f"#!/bin/sh\ntouch {tmp_path}/ran\n")
    program.chmod(0o755)
    record = (overlay / "current").resolve() / "manifest.json"
    values = json.loads(record.read_text())
    record.parent.chmod(0o755)
    record.unlink()
    record.write_text(json.dumps(values | {"interpreter": str(program)}))
    report = envc("doctor", "--overlay", overlay, "--json").json
    assert not (tmp_path / "ran").exists()
    (told,) = (each for each in report["diagnoses"] if each["name"] == "overlay: interpreter")
    assert told["state"] == "warning"
    assert told["what"].startswith(f"{program} is not run: {program.parent}: everybody may write")
