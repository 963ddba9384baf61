"""Ctrl-C and SIGTERM while a command is held up: it ends, says what holds, and leaves all whole.

What holds it up never lets go: a server that does not answer, a lock, a program that waits for a
pipe that nobody writes to. So a command that would wait for it fails its test, however quick the
machine is.
"""

import fcntl
import json
import os
import re
import select
import shlex
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import cycle
from pathlib import Path

import pytest

from faults.oracle import Before, changes, violations
from faults.sweep import remove
from faults.world import OVERLAY, RECIPES, SPEC, World, one, overlaid, two, write_overlay
from support.backends import build_system, wheel_backend
from support.index_server import IndexServer
from support.sites import PYTHON, over_url

pytestmark = pytest.mark.slow

# How long a hold is waited for, and an end; a test that waits so long has failed.
_SECONDS = 30.0
# As a terminal does it: to the whole group; or to the process alone.
WAYS = ["SIGINT", "terminal", "SIGTERM"]
# And what programs that envc has started think of it.
PROGRAMS = [*((way, "INT") for way in WAYS), ("SIGINT", "INT TERM")]


class Running:
    """A call of envc that is held up."""

    def __init__(self, world: World, words: Sequence[object], **environment: str) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-m", "envc", *map(str, words)],
            env={**os.environ, **world.environment, **environment},
            cwd=world.root,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            bufsize=0,
            start_new_session=True,
        )

    def until_told(self, text: str) -> None:
        """Read what it tells until it tells this."""
        assert self._process.stderr is not None
        told = b""
        while text.encode() not in told:
            line = self._process.stderr.readline()
            assert line, f"it ended with {self._process.wait()}: {told.decode()}"
            told += line

    def end(self, way: str) -> tuple[int, str, str]:
        """Ask for the end; the status and what was printed and told."""
        if way == "terminal":
            os.killpg(self._process.pid, signal.SIGINT)
        else:
            self._process.send_signal(getattr(signal, way))
        out, err = self._process.communicate(timeout=_SECONDS)
        return self._process.returncode, out.decode(), err.decode()

    def kill(self) -> None:
        self._process.kill()
        self._process.communicate()


@pytest.fixture
def start(world: World) -> Iterator[Callable[..., Running]]:
    started: list[Running] = []

    def begin(*words: object, **environment: str) -> Running:
        started.append(Running(world, words, **environment))
        return started[-1]

    yield begin
    for each in started:
        each.kill()


def is_ended(answer: tuple[int, str, str], way: str, holds: str) -> None:
    """It ended as asked, and told what holds."""
    status, out, err = answer
    assert status == (143 if way == "SIGTERM" else 130), err
    assert (out, "Traceback" in err) == ("", False), err
    told = err[err.index("error: ") :]
    what, mend = re.fullmatch(r"error: interrupted: (.+)\n help: (.+)\n", told).groups()
    assert re.search(holds, what), what
    assert mend == "run the same command again: it goes on"


def is_whole(world: World, before: Before) -> None:
    found = [*violations(world.target), *changes(before, world.target)]
    assert found == []


def state_of(world: World) -> Before:
    return Before.of(world.target, [world.root / "sentinel", world.wheels, world.site(1)])


# --- a lock that is held


@contextmanager
def held(path: Path) -> Iterator[None]:
    path.parent.mkdir(parents=True, exist_ok=True)
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
    fcntl.flock(descriptor, fcntl.LOCK_EX)
    yield
    os.close(descriptor)


@dataclass(frozen=True)
class Waiting:
    """A command that waits for a lock: what is there before, which lock, what is told."""

    words: Callable[[World], Sequence[object]]
    lock: str
    holds: str
    prepare: Callable[[World], None] = two
    environment: Mapping[str, str] = field(default_factory=dict)


def _built(world: World) -> None:
    overlaid(world)
    world.done("overlay", "sync", "--dir", world.overlay, "--target", world.target)


AS_BEFORE = r"/target is on generation 2, as before$"
NOTHING = r"^nothing half-done is in use$"
WAITING = {
    "materialize": Waiting(lambda w: w.materialize(3), "target/.lock", AS_BEFORE),
    "materialize, the store": Waiting(lambda w: w.materialize(3), "target/.store-lock", AS_BEFORE),
    "a first materialize": Waiting(
        lambda w: w.materialize(1),
        "target/.lock",
        "nothing is in use in .*/target yet$",
        prepare=lambda w: None,
    ),
    "rollback": Waiting(lambda w: ["rollback", "--target", w.target], "target/.lock", AS_BEFORE),
    "generations": Waiting(
        lambda w: ["generations", "--pin", 1, "--target", w.target], "target/.lock", NOTHING
    ),
    "gc": Waiting(
        lambda w: ["gc", "--target", w.target, "--keep", 1], "target/.store-lock", NOTHING
    ),
    "repair": Waiting(lambda w: ["repair", "--target", w.target], "target/.lock", NOTHING),
    "uninstall": Waiting(
        lambda w: ["uninstall", "--target", w.target], "target/.lock", "removed so far: nothing$"
    ),
    "overlay sync": Waiting(
        lambda w: ["overlay", "sync", "--dir", w.overlay, "--target", w.target],
        "overlay/.store-lock",
        "^spec and lock are as they were; nothing is in use in .*/overlay yet$",
        prepare=overlaid,
    ),
    "overlay add": Waiting(
        lambda w: ["overlay", "add", "beta", "--dir", w.overlay],
        "overlay/.store-lock",
        "^spec and lock are as they were; .*/overlay is on generation 1, as before$",
        prepare=_built,
    ),
    "overlay pack": Waiting(
        lambda w: ["overlay", "pack", "--dir", w.overlay],
        "overlay/.store-lock",
        NOTHING,
        prepare=_built,
    ),
    "bundle": Waiting(
        lambda w: ["bundle", "--site", w.site(1), "-o", w.root / "b.envc"],
        "cache/bundles-v1/.store-lock",
        NOTHING,
    ),
}


@pytest.mark.parametrize(("name", "way"), list(zip(WAITING, cycle(WAYS), strict=False)))
def test_one_that_waits_for_a_lock(world, start, name, way):
    waiting = WAITING[name]
    waiting.prepare(world)
    before = state_of(world)
    with held(world.root / waiting.lock):
        running = start(*waiting.words(world))
        running.until_told(f"waiting for process {os.getpid()}")
        answer = running.end(way)
    is_ended(answer, way, waiting.holds)
    is_whole(world, before)


def test_with_json_it_is_an_error_object(world, start):
    two(world)
    with held(world.target / ".lock"):
        running = start(*world.materialize(3), "--json")
        running.until_told("waiting for ")
        status, out, _ = running.end("SIGINT")
    (fault,) = json.loads(out)["error"].pop("faults")
    assert json.loads(out)["error"] | {"faults": []} == {
        "code": "interrupted",
        "status": 130,
        "faults": [],
    }
    assert status == 130
    assert fault["what"] == f"interrupted: {world.target} is on generation 2, as before"


def test_who_ignores_the_signal_goes_on_ignoring_it(world, start):
    """As nohup and jobs of scripts have it: a Ctrl-C that is meant for others."""
    one(world)
    words = shlex.join(map(str, [sys.executable, "-m", "envc", *world.materialize(2)]))
    with held(world.target / ".lock"):
        process = subprocess.Popen(
            ["sh", "-c", f"trap '' INT; exec {words}"],
            env={**os.environ, **world.environment},
            stderr=subprocess.PIPE,
            bufsize=0,
        )
        assert process.stderr is not None
        assert b"waiting for" in process.stderr.readline()
        process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=_SECONDS)
    assert process.returncode == 0, err
    assert os.readlink(world.target / "current") == "generations/000002"


# --- an index that does not answer


@pytest.fixture
def silent(world: World) -> Iterator[IndexServer]:
    """An index over the world's wheels, and `site-url`, locked over it; nothing is in the cache."""
    site = world.root / "site-url"
    site.mkdir()
    with IndexServer(world.wheels) as server:
        tables = SPEC.partition("[layer.system]")
        text = over_url("url", server.url, "".join(tables[1:]).replace("{alpha}", "1.0"))
        (site / "envc.toml").write_text(text.format(python=PYTHON))
        world.done("lock", "--site", site)
        remove(world.root / "cache")
        yield server


OF_SITE = {
    "lock, a page": ("/simple/alpha/", ["lock", "--upgrade"]),
    "lock, metadata": ("/files/alpha-1.0-py3-none-any.whl.metadata", ["lock", "--upgrade"]),
    "materialize": ("/files/alpha-1.0-py3-none-any.whl", ["materialize", "--target", "target"]),
    "bundle": ("/files/alpha-1.0-py3-none-any.whl", ["bundle", "-o", "b.envc"]),
    "why": ("/simple/alpha/", ["why", "alpha"]),
    "check, contents": ("/files/gamma-1.0-py3-none-any.whl", ["check", "overlay/overlay.toml"]),
    "check": ("/simple/gamma/", ["check", "overlay/overlay.toml"]),
    "overlay sync": (
        "/simple/gamma/",
        ["overlay", "sync", "--overlay", "./overlay", "--target", "target"],
    ),
    "export": (
        "/files/alpha-1.0-py3-none-any.whl",
        ["export", "--layer", "user", "--to", "flat"],
    ),
}


@pytest.mark.parametrize(("name", "way"), list(zip(OF_SITE, cycle(WAYS), strict=False)))
def test_one_that_waits_for_an_index(world, silent, start, name, way):
    path, words = OF_SITE[name]
    if words[0] in {"check", "overlay"}:
        world.done("materialize", "--site", world.root / "site-url", "--target", world.target)
        write_overlay(world)
    before = state_of(world)
    silent.held.add(path)
    running = start("--site", world.root / "site-url", *words)
    assert silent.arrived.acquire(timeout=_SECONDS)
    is_ended(running.end(way), way, "")
    is_whole(world, before)
    assert not (world.root / "b.envc").exists()


def test_a_check_in_many_processes(world, silent, start):
    """They are forks: a signal to the group reaches them, too, and they keep silent."""
    (world.root / "overlays").mkdir()
    for number in range(30):
        text = OVERLAY.replace('"overlay"', f'"o{number}"')
        (world.root / f"overlays/o{number}.toml").write_text(text)
    silent.held.add("/simple/gamma/")
    specs = sorted((world.root / "overlays").iterdir())
    running = start("--site", world.root / "site-url", "check", *specs)
    assert silent.arrived.acquire(timeout=_SECONDS)
    status, out, err = running.end("terminal")
    assert (status, out) == (130, "")
    assert err.startswith("error: interrupted: ")


# --- a program that never ends

_PROGRAM = """\
#!/bin/sh
case "$*" in {pattern})
    trap '' {ignored}
    exec 9> {told}
    echo held >&9
    cat < {block}
esac
exec {program} "$@"
"""


class Pipe:
    """A named pipe by which a program tells that it is held, and that it is gone."""

    def __init__(self, folder: Path) -> None:
        self._path, self._block = folder / "told", folder / "block"
        os.mkfifo(self._path)
        os.mkfifo(self._block)
        self._reader = os.open(self._path, os.O_RDONLY | os.O_NONBLOCK)

    def program(self, pattern: str, program: str = sys.executable, ignored: str = "INT") -> str:
        """A program that is held when its words match a pattern, and another one otherwise."""
        path = self._path.parent / "program"
        text = _PROGRAM.format(
            pattern=pattern, ignored=ignored, told=self._path, block=self._block, program=program
        )
        path.write_text(text)
        path.chmod(0o755)
        return str(path)

    def wait(self) -> None:
        """Return when it is held."""
        assert self._read() == b"held\n"

    def is_gone(self) -> bool:
        """Whether it, and all that it has started, has ended."""
        return self._read() == b""

    def _read(self) -> bytes:
        ready, _, _ = select.select([self._reader], [], [], _SECONDS)
        assert ready, "nothing is told"
        return os.read(self._reader, 100)


@pytest.fixture
def pipe(tmp_path: Path) -> Pipe:
    (tmp_path / "pipes").mkdir()
    return Pipe(tmp_path / "pipes")


@pytest.mark.parametrize(
    ("way", "ignored"), [*((way, "INT") for way in WAYS), ("SIGINT", "INT TERM")]
)
def test_one_that_waits_for_the_compiler(world, start, pipe, way, ignored):
    """Whatever the interpreter thinks of being ended."""
    one(world)
    program = pipe.program("*'-W ignore'*", ignored=ignored)
    spec = world.site(2) / "envc.toml"
    spec.write_text(spec.read_text().replace("[core]\n", f'[core]\ninterpreter = "{program}"\n'))
    world.done("lock", "--site", world.site(2))
    before = state_of(world)
    running = start(*world.materialize(2))
    pipe.wait()
    is_ended(running.end(way), way, r"/target is on generation 1, as before$")
    assert pipe.is_gone()
    is_whole(world, before)


@pytest.mark.parametrize("way", WAYS)
def test_one_that_waits_for_a_build(world, start, pipe, way):
    """What a backend has started is ended, too."""
    project = world.root / "project"
    project.mkdir()
    (project / "pyproject.toml").write_text(
        f'{build_system()}\n[project]\nname = "delta"\nversion = "1.0"\n'
    )
    held_up = f"import subprocess; subprocess.run([{pipe.program('*')!r}])\n"
    (project / "backend.py").write_text(held_up + wheel_backend(RECIPES[0]))
    spec = world.site(1) / "envc.toml"
    text = spec.read_text().replace('"beta"]', '"beta", "delta @ ../project"]')
    spec.write_text(f"{text}\n[resolver]\nno-build = false\n")
    lock = (world.site(1) / "pylock.user.toml").read_bytes()
    running = start("lock", "--site", world.site(1))
    pipe.wait()
    is_ended(running.end(way), way, NOTHING)
    assert pipe.is_gone()
    assert (world.site(1) / "pylock.user.toml").read_bytes() == lock


@pytest.mark.parametrize(
    ("way", "ignored"), [*((way, "INT") for way in WAYS), ("SIGINT", "INT TERM")]
)
def test_a_roll_out_that_waits_for_a_node(world, start, pipe, way, ignored):
    """The first node is switched, the second one is held while it prepares."""
    world.done(
        *("rollout", "--site", world.site(1), "--nodes", "n1", "--engine", "local"),
        *("--target", world.root / "{node}", "--python", sys.executable),
    )
    program = pipe.program("*n2*", ignored=ignored)
    running = start(
        *("rollout", "--json", "--site", world.site(1), "--nodes", "n[1-2]", "--engine", "local"),
        *("--target", world.root / "{node}", "--python", program),
    )
    pipe.wait()
    status, out, err = running.end(way)
    report = json.loads(out)
    assert (report["ok"], report["stopped"]) == (False, "interrupted")
    assert report["sets"] == {"current": "n1", "waiting": "n2"}
    assert report["error"]["code"] == "interrupted"
    is_ended((status, "", err), way, "^nodes that are done: n1; of the others no switch was heard$")
    assert pipe.is_gone()
    assert os.readlink(world.root / "n1/current") == "generations/000001"
    assert not (world.root / "n2/current").exists()
