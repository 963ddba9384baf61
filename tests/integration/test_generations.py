"""rollback, generations and gc: which generations there are, and which stay."""

import fcntl
import getpass
import json
import os
import signal
import subprocess
from contextlib import ExitStack, suppress
from pathlib import Path

import pytest

from envc.commands.generations import rollback
from faults.oracle import incomplete, leftovers, listing, violations
from faults.world import FOLDER, opened
from support.sites import envc


def is_sound(world):
    directory = world.target
    found = [*violations(directory), *incomplete(directory), *leftovers(directory)]
    assert found == [], found


def named_by_digest(world, number):
    """The path of a generation by which whoever starts there stays there."""
    found = (world.target / "by-lock").iterdir()
    return next(path for path in found if path.resolve() == world.generation(number))


def verify(world):
    return envc("verify", "--target", world.target)


def test_generations_are_listed_with_what_changed(world):
    lines = envc("generations", "--target", world.target).stdout.splitlines()
    assert [line.split()[0] for line in lines] == ["1", "system:", "user:", "*", "user:"]
    assert lines[0].endswith("kept: newest")
    assert lines[2].strip() == "user: +alpha 1.0, +beta 1.0"
    assert lines[3].endswith("kept: current")
    assert lines[4].strip() == "user: alpha 1.0 -> 2.0"
    report = envc("generations", "--target", world.target, "--json").json
    first, second = report["generations"]
    assert (first["generation"], first["current"], second["current"]) == (1, False, True)
    assert second["layers"]["user"] == {
        "added": {},
        "removed": {},
        "changed": {"alpha": ["1.0", "2.0"]},
    }


def test_a_pinned_generation_stays(world):
    assert envc("generations", "--target", world.target, "--pin", 1).status == 0
    answer = envc("gc", "--target", world.target, "--keep", 0)
    assert (answer.status, answer.stderr) == (
        0,
        (
            f"{world.target}: removed 0 generations and 0 stored trees\n"
            "  generation 1 stays: pinned\n"
            "  generation 2 stays: current\n"
        ),
    )
    assert envc("generations", "--target", world.target, "--unpin", 1).status == 0
    answer = envc("gc", "--target", world.target, "--keep", 0)
    assert answer.stderr.splitlines() == [
        f"{world.target}: removed 1 generation and 1 stored tree",
        "  generation 2 stays: current",
    ]
    is_sound(world)


def test_a_generation_that_is_not_there_cannot_be_pinned(world):
    answer = envc("generations", "--target", world.target, "--pin", 7)
    assert (answer.status, answer.stderr) == (
        2,
        (
            f"error: there is no generation 7\n   at: {world.target}\n"
            " help: list them with `envc generations`\n"
        ),
    )


def test_gc_keeps_the_newest_and_tells_first_what_it_would_do(world):
    before = listing(world.target)
    told = envc("gc", "--target", world.target, "--keep", 1, "--dry-run", "--json").json
    assert (told["removed"], told["kept"], told["dry_run"]) == ([1], {"2": "current"}, True)
    after = listing(world.target)
    held = {".lock", ".store-lock"}
    assert {k: v for k, v in after.items() if k not in held} == {
        k: v for k, v in before.items() if k not in held
    }
    done = envc("gc", "--target", world.target, "--keep", 1, "--json").json
    assert done["stored_trees_removed"] == told["stored_trees_removed"]
    assert len(done["stored_trees_removed"]) == 1
    assert not (world.target / "store/wheels" / done["stored_trees_removed"][0]).exists()
    assert verify(world).status == 0
    is_sound(world)


@pytest.mark.slow
def test_gc_keeps_what_a_running_process_stands_on(world):
    """A Python that was started from the tree holds its generation's lease."""
    program = "import sys; print('up', flush=True); sys.stdin.read()"
    process = subprocess.Popen(
        [named_by_digest(world, 1) / "user/bin/python", "-c", program],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )
    assert process.stdout is not None
    assert process.stdout.readline() == b"up\n"
    words = ("gc", "--target", world.target, "--keep", 0)
    try:
        assert envc(*words).stderr.splitlines() == [
            f"{world.target}: removed 0 generations and 0 stored trees",
            "  generation 1 stays: in use",
            "  generation 2 stays: current",
        ]
    finally:
        process.send_signal(signal.SIGKILL)
        process.communicate()
    assert envc(*words, "--json").json["removed"] == [1]


def test_gc_removes_nothing_where_a_record_cannot_be_read(world):
    assert envc("rollback", "--target", world.target).status == 0
    with opened(world.generation(2)):
        (world.generation(2) / "manifest.json").unlink()
    before = listing(world.generation(1))
    answer = envc("gc", "--target", world.target, "--keep", 0)
    assert (answer.status, answer.stderr) == (
        4,
        (
            "error: the file is missing\n"
            f"   at: {world.generation(2)}/manifest.json\n"
            " help: run `envc repair --target DIR`, of the target or overlay that it stands in\n"
        ),
    )
    assert listing(world.generation(1)) == before
    assert world.generation(2).exists()


def test_a_rollback_goes_to_the_one_before_or_to_the_one_named(world):
    answer = envc("rollback", "--target", world.target)
    assert (answer.status, answer.stderr) == (
        0,
        f"{world.target}: switched to generation 1\n",
    )
    assert os.readlink(world.target / "current") == "generations/000001"
    assert verify(world).status == 0
    answer = envc("rollback", "--target", world.target)
    assert (answer.status, answer.stderr) == (
        2,
        (
            f"error: there is no earlier generation\n   at: {world.target}\n"
            " help: list them with `envc generations`\n"
        ),
    )
    assert envc("rollback", "--target", world.target, "--to", 2, "--json").json["changed"] is True
    assert rollback(str(world.target), 2).changed is False
    is_sound(world)


def test_each_switch_is_noted_before_it_happens(world):
    envc("rollback", "--target", world.target)
    lines = (world.target / "audit.jsonl").read_text().splitlines()
    assert [json.loads(line)["generation"] for line in lines] == [1, 2, 1]
    assert {json.loads(line)["event"] for line in lines} == {"switch"}


def test_the_log_shows_what_happened(world):
    envc("rollback", "--target", world.target)
    with (world.target / "audit.jsonl").open("a") as log:
        log.write('no line\n[1]\n{"event": 1}\n')
    report = envc("generations", "--target", world.target, "--log", "--json").json
    events = [(each["event"], each["generation"], each["user"]) for each in report["log"]]
    assert events == [("switch", number, os.geteuid()) for number in (1, 2, 1)]
    shown = envc("generations", "--target", world.target, "--log").stdout.splitlines()[-1]
    assert f"  switch of generation 1 by {getpass.getuser()} on {os.uname().nodename}" in shown
    assert envc("generations", "--target", world.target, "--json").json["log"] is None


def test_what_noted_an_interpreter_that_gc_took_away_goes_on_in_the_current_generation(world):
    code = "from importlib.metadata import version; import sys\n"
    code += "print(version('alpha'), sys.prefix, sys.argv[1:])"
    user = f"{world.target}/generations/000002/user"
    noted = f"{world.target}/generations/000001/user/bin/python"
    by_lock = {
        os.path.join(f"{world.target}/by-lock", n) for n in os.listdir(f"{world.target}/by-lock")
    }
    assert envc("gc", "--target", world.target, "--keep", 1).status == 0
    assert envc("gc", "--target", world.target, "--keep", 1).status == 0
    for name in (noted, f"{noted}3"):
        for variables in ({}, {"PATH": "/nowhere", "CDPATH": "/"}):
            command = [name, "-c", code, "a b"]
            assert subprocess.check_output(command, env=variables, text=True) == (
                f"2.0 {user} ['a b']\n"
            )
    gone = [path for path in by_lock if not os.path.lexists(path)]
    assert len(gone) == 1, "an overlay that was compiled for it shall not find another base there"
    is_sound(world)
    assert verify(world).status == 0
    assert len(envc("generations", "--target", world.target, "--json").json["generations"]) == 1
    assert envc("uninstall", "--target", world.target, "--yes").status == 0
    assert not os.path.exists(world.target)


def test_gc_removes_what_a_killed_one_left_in_place_of_what_it_took_away(world):
    assert envc("gc", "--target", world.target, "--keep", 0).status == 0
    for folder in ("user/bin", "system/bin"):
        (world.target / "store/gone" / folder / "python.0a1b2c3d4e5f.envc-tmp").touch()
    assert envc("gc", "--target", world.target, "--keep", 0).status == 0
    is_sound(world)


def test_gc_removes_what_a_killed_roll_out_left_when_it_is_a_day_old(world):
    (world.target / "wanted").mkdir()
    new, old = (
        world.target / f"wanted/{name}.0a1b2c3d4e5f.envc-tmp" for name in ("node", "answer")
    )
    for path in (new, old):
        path.touch()
    then = old.stat().st_mtime - 100_000
    os.utime(old, (then, then))
    assert envc("gc", "--target", world.target, "--keep", 9).status == 0
    assert (new.exists(), old.exists()) == (True, False)


def test_a_number_is_not_given_twice(world):
    """What noted the second generation must not find a third one's files there."""
    assert envc("rollback", "--target", world.target).status == 0
    assert envc("gc", "--target", world.target, "--keep", 0, "--json").json["removed"] == [2]
    report = envc(*world.materialize(2), "--json").json
    assert report["generation"] == 3


def test_a_generation_is_as_old_as_the_time_since_it_was_current(world):
    """Built long ago, and left just now: it is young."""
    for number in (1, 2):
        os.utime(world.generation(number), (0, 0))
    words = ("gc", "--target", world.target, "--keep", 0, "--days", 1, "--dry-run", "--json")
    assert envc(*words).json["removed"] == [1]
    assert envc("rollback", "--target", world.target).status == 0
    assert envc(*words).json["kept"] == {"1": "current", "2": "young"}


@pytest.mark.slow
def test_gc_asks_for_no_lock_that_a_reader_can_hold(world):
    """Every file that others may read is held, as a reader can: gc goes on, and keeps what is."""
    held = [world.target, *world.target.rglob("*")]
    with ExitStack() as stack:
        for path in held:
            if not path.is_symlink() and path.stat().st_mode & 0o004:
                descriptor = os.open(path, os.O_RDONLY)
                stack.callback(os.close, descriptor)
                with suppress(BlockingIOError):  # another name of one that is held
                    fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        told = envc("gc", "--target", world.target, "--keep", 0, "--json").json
        assert told["kept"] == {"1": "in use", "2": "current"}
        assert envc("rollback", "--target", world.target).status == 0
        assert envc("repair", "--target", world.target).status == 0
        command = [world.target / "bin/envc", "generations"]
        assert subprocess.run(command, capture_output=True, check=False).returncode == 0


def test_a_long_audit_log_is_put_aside_and_one_before_it_kept(world):
    log, aside = world.target / "audit.jsonl", world.target / "audit.1.jsonl"
    full = "{}\n" * 400_000
    aside.write_text("older\n")
    log.write_text(full)
    assert envc("rollback", "--target", world.target).status == 0
    assert aside.read_text() == full
    assert json.loads(log.read_text())["event"] == "switch"
    assert envc("rollback", "--target", world.target, "--to", 2).status == 0
    assert len(log.read_text().splitlines()) == 2
    assert envc("uninstall", "--target", world.target, "--yes").status == 0
    assert not world.target.exists()


def flipped_in(world, number: int) -> Path:
    """A file of one generation alone, changed in place: its path."""
    path = world.generation(number) / FOLDER / "__init__.py"
    with opened(path.parent):
        content = path.read_bytes()
        path.unlink()
        path.write_bytes(content.replace(b"1.0", b"6.6"))
    return path


def test_a_generation_that_was_changed_is_not_used_again(world):
    """Its lock comes back: it is built anew, from the store, and what was changed is told."""
    path = flipped_in(world, 1)
    answer = world.done(*world.materialize(1))
    assert (
        "warning: generation 1 is not used again, as it was changed since it was made: "
        f"{path} (changed)\n"
    ) in answer.stderr
    assert os.readlink(world.target / "current") == "generations/000003"
    assert verify(world).status == 0
    # what is whole is used again, and the older one is as it was left
    world.done(*world.materialize(2))
    world.done(*world.materialize(1))
    assert os.readlink(world.target / "current") == "generations/000003"
    assert b"6.6" in path.read_bytes()


def test_a_generation_whose_files_were_changed_in_the_store_too_is_not_built_again(world):
    """What is linked is one file: repair is named, and `current` is as it was."""
    path = world.generation(1) / FOLDER / "__init__.py"
    path.chmod(0o644)
    with path.open("ab") as file:
        file.write(b"# more\n")
    path.chmod(0o444)
    answer = world.envc(*world.materialize(1))
    assert answer.status == 5
    assert answer.stderr.endswith(" help: run `envc repair` on the target, and check its disk\n"), (
        answer.stderr
    )
    assert os.readlink(world.target / "current") == "generations/000002"
    assert verify(world).status == 0
    world.done("repair", "--target", world.target, "--from", world.wheels, "--offline")
    world.done(*world.materialize(1))
    assert os.readlink(world.target / "current") == "generations/000001"
    is_sound(world)


def test_gc_keeps_the_plans_of_what_stands_the_newest_of_each(world):
    """Each text of a spec has a plan, though it leads to the same generation."""
    spec = world.site(2) / "envc.toml"
    text = spec.read_text()
    plans = world.target / "store/plans"
    for number in range(6):
        spec.write_text(f"{text}\n[retain]\ndays = {number}\n")
        world.done(*world.materialize(2))
    before = {path.name for path in plans.iterdir()}
    world.done("gc", "--target", world.target, "--keep", 1)
    kept = {path.name for path in plans.iterdir()}
    assert len(kept) == 4 < len(before)
    world.done("repair", "--target", world.target)
    world.done("gc", "--target", world.target, "--keep", 1)
    assert {path.name for path in plans.iterdir()} == kept
