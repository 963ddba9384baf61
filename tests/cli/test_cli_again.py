"""A call that was answered before: the same answer, until what it looked at has changed."""

import os
import re
import shutil
import subprocess
import sys
from contextlib import contextmanager
from pathlib import Path

import pytest

from envc.disk.sights import ITSELF, LISTED, OPENED, look
from support.sites import SITE_PACKAGES, envc_process

ANSWERS = "answers-v1"
pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def parts(built, tmp_path_factory):
    """A site, locked and materialized, an overlay on it, and one that is checked."""
    root = tmp_path_factory.mktemp("again")
    world = type(built)(root / "world", built.wheels).write()
    for lock in built.folder.glob("pylock.*.toml"):
        shutil.copy(lock, world.folder)
    checked = world.overlay("checked", 'requires = ["theme"]')
    world.done("lock", "--overlay", checked)
    world.done("lock")
    world.materialize()
    alice = root / "alice"
    world.done("overlay", "init", "--dir", alice, "--target", world.target)
    world.done("overlay", "add", "theme", "--dir", alice, "--target", world.target)
    return world, alice, checked


def calls(parts):
    world, alice, checked = parts
    return {
        "lock": ("lock",),
        "materialize": ("materialize", "--target", world.target),
        "materialize --layer": ("materialize", "--target", world.target, "--layer", "user"),
        "materialize --from": ("materialize", "--target", world.target, "--from", "wheels"),
        "sync": ("overlay", "sync", "--dir", alice),
        "run": ("run", "--overlay", alice, "--", "python", "-c", "import theme"),
        "run --layer": ("run", "--layer", "user", "--target", world.target, "--json", "--", "true"),
        "tree": ("tree",),
        "tree --overlay": ("tree", "--overlay", alice),
        "why": ("why", "six", "--json"),
        "check": ("check", checked),
        "check --json": ("check", "--json"),
    }


def answers() -> set[Path]:
    return set((Path(os.environ["ENVC_CACHE_DIR"]) / ANSWERS).glob("*"))


def asked(*words, cwd, **named):
    return envc_process(*words, cwd=cwd, **named)


def kept(*words, cwd):
    """The answer, asked for until it is kept: what has changed in this instant is not."""
    before = answers()
    for _ in range(50):
        answer = asked(*words, cwd=cwd)
        if answers() - before:
            return answer, (answers() - before).pop()
    raise AssertionError(f"never kept: {words}")


def paths_seen(words, cwd, log):
    """Every path that a call names to the system, but for those of the interpreter and envc."""
    command = [sys.executable, "-s", "-P", "-m", "envc", *map(str, words)]
    strace = ["strace", "-f", "-y", "-s", "4096", "-e", "trace=%file", "-o", log]
    done = subprocess.run([*strace, *command], cwd=cwd, check=False, capture_output=True)
    assert done.returncode == 0, done.stderr
    for line in log.read_text().splitlines():
        if "getcwd(" in line:
            continue
        for folder, name in re.findall(r'(?:AT_FDCWD<([^>]*)>|\d+<[^>]*>|\(), ?"([^"]+)"', line):
            yield os.path.normpath(os.path.join(folder or cwd, name))
        for name in re.findall(r'^\d+ +\w+\("([^"]+)"', line):
            yield os.path.normpath(os.path.join(cwd, name))


NAMES = list(calls((type("World", (), {"target": ""}), "", "")))


@pytest.mark.skipif(shutil.which("strace") is None, reason="strace is not here")
@pytest.mark.parametrize("name", [name for name in NAMES if not name.startswith("run")])
def test_all_that_a_call_asks_of_its_world_is_a_sight(parts, name, tmp_path):
    world, alice, _ = parts
    words = calls(parts)[name]
    _, answer = kept(*words, cwd=world.folder)
    sights = set(answer.read_text().split("\0"))
    answer.unlink()
    ours = (str(world.root), str(alice), os.environ["HOME"])
    cache = os.environ["ENVC_CACHE_DIR"]
    seen = {
        path
        for path in paths_seen(words, world.folder, tmp_path / "log")
        if path.startswith(ours) and not path.startswith(cache)
    }
    assert len(seen) > 3
    assert seen - sights <= {os.environ["HOME"]}  # the cache's parent, when the answer is kept


@pytest.mark.parametrize("name", NAMES)
def test_an_answer_is_given_again_word_for_word(parts, name):
    world, *_ = parts
    words = calls(parts)[name]
    first, _ = kept(*words, cwd=world.folder)
    assert asked(*words, cwd=world.folder) == first
    assert not went_the_long_way(words, cwd=world.folder)
    assert went_the_long_way((*words[:1], "-v", *words[1:]), cwd=world.folder)


def went_the_long_way(words, cwd):
    command = [sys.executable, "-X", "importtime", "-m", "envc", *map(str, words)]
    done = subprocess.run(command, cwd=cwd, capture_output=True, text=True, check=False)
    assert "envc.cli.again" in done.stderr
    return "envc.cli.call" in done.stderr


def sights_of(answer):
    """Kind, name and look of each sight of a kept answer that is about files."""
    fields = answer.read_text().split("\0")
    for place, field in enumerate(fields):
        if field in {ITSELF, LISTED, OPENED} and fields[place + 1].startswith("/"):
            yield tuple(fields[place : place + 3])


@pytest.mark.parametrize("name", ["materialize", "run", "check"])
def test_whatever_changes_is_seen(parts, name):
    world, alice, _ = parts
    _, answer = kept(*calls(parts)[name], cwd=world.folder)
    ours = [each for each in sights_of(answer) if each[1].startswith((str(world.root), str(alice)))]
    assert len(ours) > 5
    assert all(look(kind, path) == seen for kind, path, seen in ours)
    for kind, path, seen in ours:
        if kind == LISTED:
            with other_name_in(path):
                assert look(kind, path) != seen
        elif seen.startswith("error"):
            continue
        elif os.path.islink(path) or os.path.isfile(path):
            touch(path)
            assert look(kind, path) != seen


def touch(path):
    """Set what is set already: only the time of the change is another."""
    status = os.lstat(path)
    os.chown(path, status.st_uid, status.st_gid, follow_symlinks=False)


@contextmanager
def other_name_in(folder, name="another"):
    before = os.stat(folder)
    os.chmod(folder, 0o755)
    path = Path(folder) / name
    path.mkdir()
    yield
    path.rmdir()
    os.utime(folder, ns=(before.st_atime_ns, before.st_mtime_ns))
    os.chmod(folder, before.st_mode)


@contextmanager
def instead_of(path, text=None):
    """Another text in a file, or no file; afterwards what was there."""
    aside = path.with_name(".aside")
    path.rename(aside)
    if text is not None:
        path.write_text(text)
    yield
    path.unlink(missing_ok=True)
    aside.rename(path)


def installed_by_hand(alice):
    return other_name_in(alice / "current" / SITE_PACKAGES, "byhand-1.0.dist-info")


@contextmanager
def edited_by_hand(alice):
    path = alice / "current" / SITE_PACKAGES / "theme" / "__init__.py"
    before = os.stat(path)
    os.utime(path)
    yield
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))


@pytest.mark.parametrize(
    ("name", "change", "said"),
    [
        ("materialize", lambda world, _: instead_of(world.target / "user"), "restored user"),
        ("materialize", lambda world, _: instead_of(lock_of(world)), "no lock"),
        ("materialize", lambda world, _: instead_of(spec_of(world), "[layer.user"), "envc.toml"),
        ("tree", lambda world, _: instead_of(lock_of(world)), "no lock"),
        ("why", lambda world, _: instead_of(spec_of(world), "[layer.user"), "envc.toml"),
        ("check", lambda world, _: instead_of(world.folder / "overlays/checked.toml"), "checked"),
        ("sync", lambda _, alice: instead_of(alice / "overlay.toml", "x"), "overlay.toml"),
        ("run", lambda _, alice: installed_by_hand(alice), "installed by hand: byhand 1.0"),
        ("run", lambda _, alice: edited_by_hand(alice), "edited by hand"),
        ("run --layer", lambda world, _: instead_of(world.target / "current"), "materialize"),
    ],
)
def test_what_has_changed_is_told(parts, name, change, said):
    world, alice, _ = parts
    words = calls(parts)[name]
    kept(*words, cwd=world.folder)
    with change(world, alice):
        answer = asked(*words, cwd=world.folder)
    assert said in answer.stdout + answer.stderr


def spec_of(world):
    return world.folder / "envc.toml"


def lock_of(world):
    return world.folder / "pylock.user.toml"


def test_a_nearer_site_is_found(parts):
    world, *_ = parts
    below = world.folder / "below"
    below.mkdir(exist_ok=True)
    kept("tree", cwd=below)
    (below / "envc.toml").write_text("version = 1\n")
    assert asked("tree", cwd=below).status == 2
    shutil.rmtree(below)


@pytest.mark.parametrize(
    ("variable", "value", "said"),
    [("PYTHONPATH", "/elsewhere", "PYTHONPATH is set"), ("LD_LIBRARY_PATH", "/l", "LD_LIBRARY")],
)
def test_a_variable_that_was_asked_for_counts(parts, variable, value, said):
    world, *_ = parts
    words = calls(parts)["run"]
    kept(*words, cwd=world.folder)
    assert said in asked(*words, cwd=world.folder, environment={variable: value}).stderr


def test_variables_that_nobody_asked_for_go_with_the_program(parts):
    world, alice, _ = parts
    words = ("run", "--overlay", alice, "--", "sh", "-c", "echo $OF_THIS_JOB $PYTHONHOME")
    kept(*words, cwd=world.folder)
    job = {"OF_THIS_JOB": "42", "PYTHONHOME": ""}
    assert asked(*words, cwd=world.folder, environment=job).stdout == "42\n"


@pytest.mark.parametrize("spoil", ["torn", "empty", "of another call", "of anybody", "a link"])
def test_a_file_that_is_no_answer_of_ours_is_passed_over(parts, spoil):
    world, *_ = parts
    words = calls(parts)["tree"]
    first, answer = kept(*words, cwd=world.folder)
    content = answer.read_text()
    match spoil:
        case "torn":
            answer.write_text(content[:-10])
        case "empty":
            answer.write_text("")
        case "of another call":
            answer.write_text(content.replace("'tree'", "'eert'").replace("six", "xis"))
        case "a link":  # to a file of the user's own that somebody else has made him write
            (world.folder / "forged").write_text(content.replace("six", "xis"))
            answer.unlink()
            answer.symlink_to(world.folder / "forged")
        case _:
            answer.write_text(content.replace("six", "xis"))
            answer.chmod(0o666)
    assert asked(*words, cwd=world.folder) == first


def test_a_program_that_is_gone_is_told_as_ever(parts, tmp_path):
    world, alice, _ = parts
    program = tmp_path / "program"
    program.write_text("#!/bin/sh\necho ran\n")
    program.chmod(0o755)
    words = ("run", "--overlay", alice, "--", program)
    assert kept(*words, cwd=world.folder)[0].stdout == "ran\n"
    program.unlink()
    answer = asked(*words, cwd=world.folder)
    assert answer.status == 127
    assert "cannot be run: No such file" in answer.stderr


def test_a_comment_changes_nothing_of_a_target(parts):
    world, *_ = parts
    words = calls(parts)["materialize"]
    first, _ = kept(*words, cwd=world.folder)
    commented = f"# {spec_of(world).read_text()}\n  # more\n\n".replace("# version", "#\nversion")
    with instead_of(spec_of(world), commented):
        assert asked(*words, cwd=world.folder) == first
        assert not went_the_long_way(words, cwd=world.folder)
    with instead_of(spec_of(world), commented + '# """ a text may hold lines\n'):
        assert went_the_long_way(words, cwd=world.folder)


def test_what_changed_something_is_not_kept(parts):
    world, *_ = parts
    words = ("materialize", "--target", world.target)
    kept(*words, cwd=world.folder)
    (world.target / "user").unlink()
    before = {path: path.read_text() for path in answers()}
    assert "restored" in asked(*words, cwd=world.folder).stderr
    assert {path: path.read_text() for path in answers()} == before


def test_an_interpreter_that_is_asked_is_looked_at(parts, tmp_path):
    """A site with an interpreter of its own starts it to ask what it is."""
    world, *_ = parts
    interpreter = tmp_path / "python"
    interpreter.symlink_to(os.path.realpath(sys.executable))
    text = spec_of(world).read_text()
    with instead_of(
        spec_of(world), text.replace("[[index]]", f'interpreter = "{interpreter}"\n[[index]]', 1)
    ):
        first, _ = kept("tree", cwd=world.folder)
        assert not went_the_long_way(("tree",), cwd=world.folder)
        interpreter.unlink()
        assert asked("tree", cwd=world.folder) != first


@pytest.mark.parametrize("words", [("verify",), ("materialize", "--site", "{site}")])
def test_who_stands_in_a_folder_that_is_gone_is_answered(parts, tmp_path, words):
    world, *_ = parts
    gone = tmp_path / "gone"
    gone.mkdir()
    words = [word.format(site=world.folder) for word in (*words, "--target", str(world.target))]
    line = f'cd {gone} && rmdir {gone} && exec "$@"'
    command = ["sh", "-c", line, "sh", sys.executable, "-P", "-m", "envc", *words]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (0, "")
