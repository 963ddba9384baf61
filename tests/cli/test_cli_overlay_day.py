"""The user's day with an overlay: what moves below it, is changed by hand, or does not fit."""

import getpass
import json
import os
import pty
import re
import shutil
import subprocess
import sys
from contextlib import suppress
from pathlib import Path

import pytest

from envc.commands import overlay_collect
from envc.host.space import Room
from support.sites import SITE_PACKAGES, envc, envc_process, python
from support.wheels import Recipe

pytestmark = pytest.mark.slow

USER = getpass.getuser()


@pytest.fixture
def world(warm):
    """The site with alice's overlay in its storage, and what moves it on."""
    warm.materialize()
    answer = envc("overlay", "init", "alice", "--target", warm.target)
    assert answer.status == 0, answer.stderr
    return warm


@pytest.fixture
def alice(world):
    return world.storage / USER / "alice"


def move_on(world) -> None:
    """Give the base another six."""
    world.edit('"pandas"', '"pandas", "six<1.17"')
    world.done("lock")
    assert world.materialize()["generation"] == 2


def forget(world) -> None:
    """Take away the names of the first generation."""
    for name in (world.target / "by-lock").iterdir():
        if str(name.readlink()).endswith("000001"):
            name.unlink()


def pip_install(folder: Path, recipe: Recipe, *, requested: bool = True) -> None:
    """What pip leaves in a tree, as far as anybody asks."""
    packages = folder / "current" / SITE_PACKAGES
    for path, content in recipe.recorded_members().items():
        (packages / path).parent.mkdir(exist_ok=True)
        (packages / path).write_bytes(content)
    info = packages / f"{recipe.stem}.dist-info"
    (info / "INSTALLER").write_text("pip\n")
    if requested:
        (info / "REQUESTED").write_text("")


def run_nothing(world, folder: Path):
    return envc_process("run", "--overlay", folder, "--", "true", cwd=world.root)


def only_entry(world) -> dict:
    (entry,) = envc("overlay", "list", "--target", world.target, "--json").json["overlays"]
    return entry


def test_a_list_of_what_one_has(world, alice):
    assert envc("overlay", "list", "--target", world.target).stdout == (
        f"{USER}/alice  on user  generation 1  0 projects  current\n"
    )
    entry = only_entry(world)
    assert (entry["folder"], entry["target"]) == (str(alice), str(world.target))


def test_a_list_of_nothing(warm):
    warm.materialize()
    answer = envc("overlay", "list", "--target", warm.target)
    assert (answer.stdout, answer.stderr) == ("", f"no overlays of yours in {warm.storage}\n")


def test_everybodys_overlays_are_listed_with_their_faults(world):
    folder = world.storage / "zoe" / "broken"
    folder.mkdir(parents=True)
    (folder / "overlay.toml").write_text("version = 2\n")
    report = envc("overlay", "list", "--all", "--target", world.target, "--json").json
    assert [(each["name"], each["state"]) for each in report["overlays"]] == [
        ("alice", "current"),
        ("broken", "unreadable"),
    ]


def test_a_base_that_moved_on_is_listed_explained_and_synced(world, alice):
    move_on(world)
    entry = only_entry(world)
    assert (entry["state"], entry["why"]) == (
        "base moved on",
        f"user is another one now; run `envc overlay sync --dir {alice}`",
    )
    answer = envc("overlay", "sync", "--dir", alice)
    assert answer.stderr == (
        "alice on user: switched to generation 2\n"
        f"  inherits 5 projects from {world.target}\n"
        "  the base was upgraded: six 1.17.0 -> 1.16.0\n"
        f"  run {alice}/bin/python\n"
    )
    assert only_entry(world)["state"] == "current"
    again = envc("overlay", "sync", "--dir", alice, "--json").json
    assert (again["changed"], again["base_changes"]) == (False, None)


def test_a_base_that_is_no_layer_any_more_is_listed_and_told(world, alice):
    text = (world.folder / "envc.toml").read_text()
    (world.folder / "envc.toml").write_text(text.replace("[layer.user]", "[layer.common]"))
    world.done("lock")
    world.materialize()
    (entry,) = envc("overlay", "list", "--target", world.target, "--json").json["overlays"]
    assert entry["state"] == "base moved on"
    assert entry["why"].startswith(
        f"{world.target} has no layer user any more; name another `base`"
    )
    answer = envc_process("run", "--overlay", alice, "--", "true", cwd=world.folder)
    assert answer.status == 0
    assert f"warning: {world.target} has no layer user any more" in answer.stderr


def test_run_says_that_the_base_moved_on_and_goes_on(world, alice):
    move_on(world)
    command = ("run", "--overlay", alice, "--", "python", "-c")
    answer = envc_process(*command, "import six; print(six.__version__)", cwd=world.root)
    assert (answer.status, answer.stdout) == (0, "1.17.0\n")
    assert answer.stderr == (
        f"warning: the base 'user' was upgraded since; overlay alice runs on generation 1 of "
        f"{world.target}, which it was compiled for, until `envc overlay sync --dir {alice}`\n"
    )


def test_run_without_its_base_says_so(world, alice):
    closure = json.loads((alice / "current" / "manifest.json").read_text())
    assert closure["layers"]["alice"]["closure"]
    base = envc("overlay", "sync", "--dir", alice, "--json").json["base_closure"]
    move_on(world)
    forget(world)
    assert only_entry(world)["state"] == "base gone"
    answer = envc("run", "--overlay", alice, "--", "true")
    assert (answer.status, answer.stderr) == (
        1,
        (
            f"error: this node does not hold the base 'user' that overlay alice was compiled for: "
            f"{base}\n"
            f"   at: {world.target}\n"
            f" help: compile it for the base that is here (`envc overlay sync --dir {alice}`), or "
            "have that base materialized here again\n"
        ),
    )


def test_an_edited_spec_is_listed(world, alice):
    spec = alice / "overlay.toml"
    text = spec.read_text()
    spec.write_text(f"# A comment.\n{text}\neditable = []\n")  # asks for nothing else
    assert only_entry(world)["state"] == "current"
    spec.write_text(text.replace("requires = [", 'requires = ["theme", '))
    assert only_entry(world)["state"] == "spec changed"
    copy = alice / "current/site/overlay.toml"
    copy.chmod(0o644)
    copy.write_bytes(b"\xff")
    assert only_entry(world)["state"] == "spec changed"


def test_what_pip_installed_is_named_and_adopted(world, alice):
    recipe = Recipe(name="theme", version="1.0", files={"theme/__init__.py": ""})
    pip_install(alice, recipe)
    pip_install(alice, Recipe(name="clash-one", version="1.0", files={}), requested=False)
    said = (
        "installed by hand: clash-one 1.0, theme 1.0; no spec knows of it, and the next "
        f"generation is without it; `envc overlay adopt --dir {alice}` writes it into the spec"
    )
    entry = only_entry(world)
    assert (entry["state"], entry["why"]) == ("changed by hand", said)
    assert f"warning: {said}\n" in envc("overlay", "sync", "--dir", alice).stderr
    assert f"warning: {said}\n" in run_nothing(world, alice).stderr
    assert envc("verify", "--target", alice).status == 1
    report = envc("overlay", "adopt", "--dir", alice, "--json").json
    assert (report["adds"], report["generation"]) == (["theme"], 2)
    assert 'requires = ["theme==1.0"]' in (alice / "overlay.toml").read_text()
    assert only_entry(world)["state"] == "current"
    assert envc("verify", "--target", alice).status == 0


def diagnosed(folder: Path) -> list[tuple[str, str]]:
    """What doctor finds wrong with an overlay's tree: what, and the mend."""
    found = envc("doctor", "--overlay", folder, "--json").json["diagnoses"]
    named = [each for each in found if each["name"] in {"overlay: by hand", "overlay: sources"}]
    return [(each["what"], each["mend"]) for each in named if each["state"] != "ok"]


def test_doctor_has_one_mend_for_what_was_done_by_hand(world, alice):
    """A repair, which brings back what is missing, would take away what was installed."""
    assert envc("overlay", "add", "six", "theme", "--dir", alice).status == 0
    packages = alice / "current" / SITE_PACKAGES
    for path in packages.glob("theme*"):
        shutil.rmtree(path)
    removed = "removed by hand: theme"
    found = dict(diagnosed(alice))
    assert found[removed] == f"`envc repair --overlay {alice}` brings it back"
    pip_install(alice, Recipe(name="clash-one", version="1.0"))
    adopt = f"`envc overlay adopt --dir {alice}`"
    lacking = f"{SITE_PACKAGES}/theme, {SITE_PACKAGES}/theme-1.0.dist-info"
    unknown = "no spec knows of it, and the next generation is without it"
    then = (
        f"adopt what was installed by hand; then `envc repair --overlay {alice}` brings them back"
    )
    assert diagnosed(alice) == [
        (f"installed by hand: clash-one 1.0; {unknown}", f"{adopt} writes it into the spec"),
        (removed, f"{adopt} builds that anew, too"),
        (f"not as they were built: {lacking}", then),
    ]
    assert envc("overlay", "adopt", "--dir", alice).status == 0
    assert diagnosed(alice) == []


def test_a_wheel_whose_version_is_not_normalized_is_none_by_hand(world, alice, tmp_path):
    wheel = Recipe(name="dated", version="2024.01.05").build(tmp_path)
    assert envc("overlay", "add", f"dated @ {wheel}", "--dir", alice).status == 0
    pip_install(alice, Recipe(name="theme", version="1.0"))
    assert "installed by hand: theme 1.0; " in only_entry(world)["why"]


def test_what_a_sync_left_behind_is_adopted(world, alice):
    pip_install(alice, Recipe(name="theme", version="1.0"))
    assert envc("overlay", "add", "notebook", "--dir", alice).status == 0
    assert only_entry(world)["state"] == "current"
    report = envc("overlay", "adopt", "--dir", alice, "--json").json
    assert (report["adds"], report["generation"]) == (["notebook", "theme"], 3)


def test_what_pip_removed_is_named(world, alice):
    assert envc("overlay", "add", "theme", "--dir", alice).status == 0
    (info,) = (alice / "current" / SITE_PACKAGES).glob("theme-*.dist-info")
    info.rename(alice / "gone")
    assert envc("overlay", "sync", "--dir", alice).stderr.startswith(
        f"warning: removed by hand: theme; `envc repair --overlay {alice}` brings it back\n"
    )


def test_upgrade_moves_what_it_may(world, alice):
    path = alice / "overlay.toml"
    assert envc("overlay", "add", "theme", "--dir", alice).status == 0
    (world.folder / "wheels").unlink()
    shutil.copytree(world.wheels, world.folder / "wheels")
    Recipe(name="theme", version="1.1").build(world.folder / "wheels")
    code = "from importlib.metadata import version; print(version('theme'))"
    assert envc("overlay", "sync", "--dir", alice).status == 0
    assert python(alice, code) == "1.0"
    assert envc("overlay", "upgrade", "theme", "--dir", alice).status == 0
    assert python(alice, code) == "1.1"
    answer = envc("overlay", "upgrade", "scipy", "--dir", alice)
    assert (answer.status, answer.stderr) == (
        2,
        (
            "error: the overlay installs no scipy of its own\n"
            f"   at: {path}\n"
            " help: `envc overlay add` asks for another release than the base's; the base "
            "itself is its administrator's to upgrade\n"
        ),
    )


def test_what_does_not_fit_the_quota_is_refused(alice, tmp_path, monkeypatch):
    programs = tmp_path / "programs"
    programs.mkdir()
    program = programs / "quota"
    program.write_text(
        '#!/bin/sh\necho "Disk quotas for user:"\necho "/dev/x 90 0 100 0 5 0 9 0"\n'
    )
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{programs}:{os.environ['PATH']}")
    before = sorted(alice.rglob("*"))
    answer = envc("overlay", "add", "theme", "--dir", alice)
    status, *error = answer.stderr.splitlines()
    assert answer.status == 4
    assert status.startswith("about to write 0.1 MB and 34 files; the file system has ")
    assert status.endswith(f"; the quota of {USER} has 0.0 MB and 4 files left")
    assert error == [
        (
            f"error: it does not fit: 0.1 MB and 34 files are needed, and the quota of {USER} has "
            "0.0 MB and 4 files left"
        ),
        f"   at: {alice}",
        (
            " help: free space or inodes there (`envc gc` removes old generations), ask for more, "
            "or put the overlay elsewhere with --dir"
        ),
    ]
    after = sorted(path for path in alice.rglob("*") if path.name != ".fill-lock")
    assert after == before


def test_collect_copies_specs_and_locks_for_ci(world, alice):
    world.edit('specs = ["overlays/*.toml"]', 'specs = ["overlays/*/*/overlay.toml"]')
    assert envc("overlay", "add", "polars", "--dir", alice).status == 0
    stranger = world.storage / "mallory" / "trap"
    stranger.mkdir(parents=True)
    (stranger / "overlay.toml").write_bytes((alice / "overlay.toml").read_bytes())
    report = world.done("overlay", "collect", "--json").json
    spec = f"overlays/{USER}/alice/overlay.toml"
    assert report["overlays"] == [
        {"name": "alice", "owner": USER, "spec": spec, "locked": True, "changed": True}
    ]
    assert report["left_out"] == {
        str(stranger): f"it belongs to {USER}, and stands in the folder of mallory"
    }
    for name in ("overlay.toml", "pylock.alice.toml"):
        copied = world.folder / "overlays" / USER / "alice" / name
        assert copied.read_bytes() == (alice / name).read_bytes()
    (verdict,) = world.done("check", "--json").json["overlays"]
    assert (verdict["name"], verdict["shadows"]) == ("alice", ["numpy"])
    again = world.done("overlay", "collect")
    assert again.stderr.startswith(f"1 overlay of {world.storage}, 0 changed\n  left out: ")


def test_what_is_gone_is_pruned_when_asked(world, alice):
    assert "no pattern of overlays.specs finds" in world.done("overlay", "collect").stderr
    alice.rename(world.root / "away")
    path = f"overlays/{USER}/alice"
    assert world.done("overlay", "collect").stderr == (
        f"0 overlays of {world.storage}, 0 changed\n"
        f"  gone from the storage (--prune removes it): {path}\n"
    )
    assert (world.folder / path).is_dir()
    assert f"  removed: {path}\n" in world.done("overlay", "collect", "--prune").stderr
    assert not (world.folder / path).exists()


@pytest.mark.parametrize("shell", ["bash", "sh"])
def test_a_shell_in_the_stack(built, tmp_path, shell):
    (tmp_path / ".bashrc").write_text("PATH=/usr/bin:/bin\nseen=yes\n")
    done = subprocess.run(
        [sys.executable, "-m", "envc", "shell", "--layer", "user", "--target", built.target],
        env={**os.environ, "SHELL": f"/bin/{shell}", "HOME": str(tmp_path)},
        input="command -v report; echo $OMP_NUM_THREADS $seen; exit 7\n",
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 7, done.stderr
    report, *rest = done.stdout.splitlines()
    assert report == f"{built.target}/generations/000001/user/bin/report"
    assert rest == ["1 yes" if shell == "bash" else "1"]


@pytest.mark.parametrize("shell", ["bash", "dash", "fish"])
def test_the_prompt_says_which_stack(built, tmp_path, shell):
    """At a terminal: nobody types elsewhere. Start-up files of the person are read before."""
    program = shutil.which(shell)
    if program is None:
        pytest.skip(f"{shell} is not installed")
    (tmp_path / "own").write_text("own=read\n")
    (tmp_path / ".bashrc").write_text("own=read\n")
    (tmp_path / "config/fish").mkdir(parents=True)
    (tmp_path / "config/fish/config.fish").write_text("set -g own read; set PATH /usr/bin /bin\n")
    variables = {
        "SHELL": program,
        "HOME": str(tmp_path),
        "ENV": str(tmp_path / "own"),
        "XDG_CONFIG_HOME": str(tmp_path / "config"),
        "TERM": "dumb",
    }
    ours, theirs = pty.openpty()
    words = ["-m", "envc", "shell", "--layer", "user", "--target", str(built.target)]
    with subprocess.Popen(
        ["setsid", "--ctty", "--wait", sys.executable, *words],
        env={**os.environ, **variables},
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
    ) as process:
        os.close(theirs)
        os.write(ours, b"echo $own; command -v report; exit\n")
        seen = b""
        with suppress(OSError):  # nobody has the other end any more
            while piece := os.read(ours, 4096):
                seen += piece
        os.close(ours)
        assert process.wait() == 0, seen
    assert b"(user) " in seen
    assert b"read\r\n" in seen
    assert f"{built.target}/generations/000001/user/bin/report".encode() in seen


def test_a_shell_makes_the_overlay_at_first_use(warm):
    warm.materialize()
    answer = envc_process(
        "shell",
        "--target",
        warm.target,
        "--json",
        cwd=warm.root,
        environment={"SHELL": "/bin/true"},
    )
    assert answer.status == 0, answer.stderr
    assert answer.json == {
        "tree": f"{warm.storage}/{USER}/{USER}/generations/000001",
        "command": ["/bin/true"],
    }


def test_adding_makes_the_own_overlay_at_first_use(warm):
    warm.materialize()
    answer = envc("overlay", "add", "theme", "--target", warm.target, "--json", cwd=warm.root)
    assert answer.status == 0, answer.stderr
    assert answer.json["folder"] == f"{warm.storage}/{USER}/{USER}"
    assert "theme" in answer.json["adds"]


def test_adding_to_an_overlay_that_is_named_makes_none(warm):
    warm.materialize()
    words = ("overlay", "add", "six", "--overlay", "./plts", "--target", warm.target)
    answer = envc(*words, cwd=warm.root)
    assert answer.status == 2
    assert not (warm.root / "plts").exists()


def _carrying(world, alice, path):
    """Let the overlay's lock name a wheel at that path beside it."""
    assert envc("overlay", "add", "polars", "--dir", alice).status == 0
    wheel = next(iter(world.wheels.glob("polars-*.whl")))
    lock = alice / "pylock.alice.toml"
    text = re.sub(r'url = "[^"]*polars[^"]*"', f'path = "{path}"', lock.read_text())
    text = re.sub(r'path = "[^"]*polars[^"]*"', f'path = "{path}"', text)
    lock.write_text(text)
    (alice / path).parent.mkdir(parents=True, exist_ok=True)
    shutil.copy(wheel, alice / path)
    return alice / path


def test_no_sparse_wheel_is_collected(world, alice):
    wheel = _carrying(world, alice, "wheelhouse/polars.whl")
    os.truncate(wheel, 4 << 40)
    lock = alice / "pylock.alice.toml"
    lock.write_text(re.sub(r"size = \d+", f"size = {4 << 40}", lock.read_text()))
    report = world.done("overlay", "collect", "--json").json
    assert report["left_out"] == {
        str(alice): "cannot be read: most of it is not there: it is a sparse file"
    }
    assert not list((world.folder / "overlays").rglob("*.whl*"))


def test_no_more_is_collected_of_one_user_than_is_allowed(world, alice, monkeypatch):
    _carrying(world, alice, "wheelhouse/polars.whl")
    monkeypatch.setattr(overlay_collect, "MOST_OF_A_USER", 900)
    report = world.done("overlay", "collect", "--json").json
    assert report["left_out"][str(alice)].startswith(f"what is collected of {USER} comes to more")


def test_nothing_is_collected_that_does_not_fit(world, alice, monkeypatch):
    _carrying(world, alice, "wheelhouse/polars.whl")
    room = Room("the file system", 1 << 20, None)
    monkeypatch.setattr(overlay_collect, "room_of_disk", lambda _folder: room)
    report = world.done("overlay", "collect", "--json").json
    assert report["left_out"] == {
        str(alice): "a wheel that its lock names does not fit on the site's disk"
    }


@pytest.mark.parametrize("spoil", [None, "link", "pipe", "other bytes", "hidden"])
def test_a_carried_wheel_is_copied_where_it_is_one(world, alice, tmp_path, spoil):
    path = ".git/polars.whl" if spoil == "hidden" else "wheelhouse/polars.whl"
    wheel = _carrying(world, alice, path)
    secret = tmp_path / "secret"
    secret.write_text("root's secret")
    if spoil not in {None, "hidden"}:
        wheel.unlink()
    match spoil:
        case "link":
            wheel.symlink_to(secret)
        case "pipe":
            os.mkfifo(wheel)
        case "other bytes":
            wheel.write_bytes(b"other")
    report = world.done("overlay", "collect", "--json").json
    copied = world.folder / "overlays" / USER / "alice"
    left_out = report["left_out"].get(str(alice), "")
    if spoil is None:
        assert (copied / path).read_bytes() == wheel.read_bytes()
    else:
        assert not (copied / path).exists()
        told = {
            "link": "a link is on the way to it",
            "pipe": "it is no file",
            "other bytes": "this wheel is not what the overlay's lock says",
            "hidden": "",
        }
        assert left_out == told[spoil]
    assert not [p for p in copied.rglob("*") if p.is_file() and b"secret" in p.read_bytes()]


@pytest.mark.parametrize("name", ["overlay.toml", "pylock.alice.toml"])
def test_no_spec_and_no_lock_is_collected_through_a_link(world, alice, tmp_path, name):
    (alice / name).rename(tmp_path / name)
    (alice / name).symlink_to(tmp_path / name)
    report = world.done("overlay", "collect", "--json").json
    assert report["overlays"] == []
    assert report["left_out"] == {str(alice): "a link is on the way to it"}
