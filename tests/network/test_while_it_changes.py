"""Real tools that note interpreters or start workers, while generations come and go beneath them.

`make test-network`. The tools are in the common layer; an overlay adds a project of which each
upgrade takes another release. What was started before an upgrade sees the release of its start, in
all processes that it starts later; what noted an interpreter sees the newest.
"""

import json
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

import pytest

from envc.index import default_index
from support.sites import PYTHON, envc_process, python

CACHE = Path(__file__).resolve().parents[2] / "build/network/cache"
# Read before the fixtures hide the person's configuration from the tests.
INDEX = default_index().url or ""

pytestmark = [pytest.mark.network, pytest.mark.slow]

SPEC = f"""\
version = 1
[site]
name = "running"
[core]
python = "{PYTHON}"
[layer.user]
requires = [
    "ipykernel", "jupyter-client", "debugpy", "gunicorn", "celery", "distributed", "colorama",
]
"""
# Each one once: a generation that is wanted again is not made again.
RELEASES = iter(["1.15.0", "1.16.0", "1.17.0", "1.13.0", "1.12.0", "1.11.0", "1.10.0"])
WHERE = "import six, sys; print('here', six.__version__, sys.prefix, flush=True)"


@dataclass
class Stack:
    folder: Path
    release: str = "1.14.0"

    @property
    def alice(self) -> Path:
        return self.folder / "alice"

    @property
    def tree(self) -> Path:
        return (self.alice / "current").resolve()

    def done(self, *words: object, **variables: str) -> None:
        surroundings = {"ENVC_CACHE_DIR": str(CACHE), "ENVC_INDEX_URL": INDEX, **variables}
        answer = envc_process(*words, cwd=self.folder, environment=surroundings)
        assert answer.status == 0, answer.stderr

    def upgrade(self) -> None:
        release = next(RELEASES)
        self.done("overlay", "add", f"six=={release}", "--dir", self.alice)
        self.release = release

    @property
    def here(self) -> str:
        """What a process of the current generation says of itself."""
        return f"here {self.release} {self.tree}\n"


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    made = Stack(tmp_path_factory.mktemp("running"))
    (made.folder / "envc.toml").write_text(SPEC)
    overlay = ("--dir", "alice", "--target", "target")
    made.done("lock")
    made.done("materialize", "--target", "target")
    made.done("overlay", "init", *overlay)
    made.done("overlay", "add", f"six=={made.release}", *overlay)
    yield made
    subprocess.run(["chmod", "-R", "u+w", made.folder], check=True)


@contextmanager
def job(stack: Stack, folder: Path, *command: object) -> "Iterator[subprocess.Popen[str]]":
    """A job that `envc run` starts in the overlay; all that it started is ended with it."""
    words = ("run", "--overlay", stack.alice, "--", *command)
    with (
        (folder / "log").open("w") as log,
        subprocess.Popen(
            [sys.executable, "-m", "envc", *map(str, words)],
            cwd=folder,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=log,
            text=True,
            start_new_session=True,
        ) as process,
    ):
        try:
            yield process
        finally:
            os.killpg(process.pid, signal.SIGKILL)


def told(process: "subprocess.Popen[str]", folder: Path) -> str:
    """The next line in which a process of a job says where it is."""
    assert process.stdout is not None
    for line in process.stdout:
        if line.startswith("here "):
            return line
    raise AssertionError((folder / "log").read_text())


def assert_workers_stay(stack: Stack, folder: Path, *, workers: int) -> None:
    """A job says where it is; after an upgrade, and a line to it, so many workers say the same."""
    here = stack.here
    with job(stack, folder, "python", "program.py") as process:
        assert process.stdin is not None
        assert told(process, folder) == here
        stack.upgrade()
        process.stdin.write("\n")
        process.stdin.flush()
        assert [told(process, folder) for _ in range(workers)] == [here] * workers
    assert here != stack.here


CLIENT = """\
import sys
from jupyter_client.manager import start_new_kernel

manager, client = start_new_kernel(kernel_name=sys.argv[1])
def show(message):
    if message["msg_type"] == "stream":
        print(message["content"]["text"], end="")
client.execute_interactive(sys.argv[2], output_hook=show, timeout=60)
client.stop_channels()
manager.shutdown_kernel()
"""


def test_a_registered_kernel_starts_after_upgrades_and_gc(stack: Stack, tmp_path: Path) -> None:
    """One that ipykernel registered, by the path of a generation, and one that envc did."""
    data = tmp_path / "share/jupyter"
    register = ("-m", "ipykernel", "install", "--prefix", tmp_path, "--name", "noted")
    subprocess.run([stack.alice / "bin/python", *register], check=True, capture_output=True)
    spec = json.loads((data / "kernels/noted/kernel.json").read_text())
    noted, before = Path(spec["argv"][0]), stack.tree
    assert noted.parents[1] == before
    stack.done("kernel", "install", "--overlay", stack.alice, JUPYTER_DATA_DIR=str(data))
    for _ in range(3):
        stack.upgrade()
    stack.done("gc", "--overlay", stack.alice, "--keep", 1, "--days", 0)
    assert not (before / "lib").exists()
    for name in ("noted", "alice"):
        done = subprocess.run(
            [stack.folder / "target/user/bin/python", "-c", CLIENT, name, WHERE],
            env={**os.environ, "JUPYTER_PATH": str(data)},
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.stdout == stack.here, done.stderr


GUNICORN = """\
bind = "127.0.0.1:0"
workers = 1
def post_worker_init(worker):
    import six, sys
    print("here", six.__version__, sys.prefix, flush=True)
"""


def test_gunicorn_starts_workers_of_its_generation(stack: Stack, tmp_path: Path) -> None:
    """One more, all anew, and a second server beside the first, which is a new program."""
    (tmp_path / "gunicorn.conf.py").write_text(GUNICORN)
    (tmp_path / "app.py").write_text("def app(environ, start): raise SystemExit\n")
    here = stack.here
    with job(stack, tmp_path, "sh", "-c", "echo $$; exec gunicorn app:app") as process:
        assert process.stdout is not None
        server = int(process.stdout.readline())
        assert told(process, tmp_path) == here
        stack.upgrade()
        for asked in (signal.SIGTTIN, signal.SIGUSR2, signal.SIGHUP):
            os.kill(server, asked)
            assert told(process, tmp_path) == here
    assert here != stack.here


CELERY = """\
from celery import Celery
from celery.signals import worker_process_init
app = Celery("app", broker="memory://")
app.conf.worker_redirect_stdouts = False
@worker_process_init.connect
def say(**_):
    import six, sys
    print("here", six.__version__, sys.prefix, flush=True)
"""


def test_celery_starts_workers_of_its_generation(stack: Stack, tmp_path: Path) -> None:
    """It restarts by closing all descriptors and running `sys.executable` in its own place."""
    (tmp_path / "app.py").write_text(CELERY)
    here = stack.here
    words = "celery --quiet --app app worker --concurrency 1 --without-gossip --without-mingle"
    with job(stack, tmp_path, "sh", "-c", f"echo $$; exec {words}") as process:
        assert process.stdout is not None
        server = int(process.stdout.readline())
        assert told(process, tmp_path) == here
        stack.upgrade()
        os.kill(server, signal.SIGHUP)
        assert told(process, tmp_path) == here
    assert here != stack.here


DASK = """\
import sys
from distributed import Client, LocalCluster

def here():
    import six, sys
    return f"here {six.__version__} {sys.prefix}"

if __name__ == "__main__":
    one = {"n_workers": 1, "threads_per_worker": 1, "dashboard_address": None}
    with LocalCluster(**one, processes=True) as cluster, Client(cluster) as client:
        print(*client.run(here).values(), sep="\\n", flush=True)
        sys.stdin.readline()
        cluster.scale(2)
        client.wait_for_workers(2)
        print(*client.run(here).values(), sep="\\n", flush=True)
        sys.stdin.readline()
"""


def test_dask_starts_workers_of_its_generation(stack: Stack, tmp_path: Path) -> None:
    (tmp_path / "program.py").write_text(DASK)
    assert_workers_stay(stack, tmp_path, workers=2)


DEBUGGED = """\
import colorama.ansi, debugpy
print(*debugpy.listen(("127.0.0.1", 0)), flush=True)
debugpy.wait_for_client()
colorama.ansi.code_to_chars(7)
print("done", flush=True)
"""


class Debugger:
    """One end of a debug adapter's connection.

    Source: https://microsoft.github.io/debug-adapter-protocol/specification
    """

    def __init__(self, stream: IO[bytes]) -> None:
        self.stream = stream
        self.number = 0

    def ask(self, command: str, **arguments: object) -> None:
        self.number += 1
        asked = {"seq": self.number, "type": "request", "command": command}
        content = json.dumps({**asked, "arguments": arguments}).encode()
        self.stream.write(b"Content-Length: %d\r\n\r\n%b" % (len(content), content))
        self.stream.flush()

    def wait(self, kind: str, name: str) -> dict[str, Any]:
        """What comes with the next event, or the next answer to a command, of that name."""
        while True:
            length = int(self.stream.readline().partition(b":")[2])
            self.stream.readline()
            found: dict[str, Any] = json.loads(self.stream.read(length))
            assert found.get("success", True), found
            if found["type"] == kind and found[kind if kind == "event" else "command"] == name:
                body: dict[str, Any] = found.get("body") or {}
                return body


def test_debugpy_stops_in_a_module_of_the_base(stack: Stack, tmp_path: Path) -> None:
    source = python(stack.alice, "import colorama.ansi as m; print(m.__file__)")
    assert source.startswith(f"{stack.folder}/target/")
    lines = Path(source).read_text().splitlines()
    line = 2 + next(n for n, each in enumerate(lines) if each.startswith("def code_to_chars"))
    with job(stack, tmp_path, "python", "-c", DEBUGGED) as process:
        assert process.stdout is not None
        host, port = process.stdout.readline().split()
        with socket.create_connection((host, int(port))) as connection:
            debugger = Debugger(connection.makefile("rwb"))
            debugger.ask("initialize", adapterID="test", pathFormat="path")
            debugger.ask("attach", justMyCode=False)
            debugger.wait("event", "initialized")
            debugger.ask("setBreakpoints", source={"path": source}, breakpoints=[{"line": line}])
            (point,) = debugger.wait("response", "setBreakpoints")["breakpoints"]
            assert point["verified"]
            debugger.ask("configurationDone")
            thread = debugger.wait("event", "stopped")["threadId"]
            debugger.ask("stackTrace", threadId=thread)
            frame = debugger.wait("response", "stackTrace")["stackFrames"][0]
            assert (frame["source"]["path"], frame["line"]) == (source, line)
            debugger.ask("evaluate", expression="code", frameId=frame["id"])
            assert debugger.wait("response", "evaluate")["result"] == "7"
            debugger.ask("continue", threadId=thread)
            assert process.stdout.readline() == "done\n"


RAY = """\
import sys
import ray

@ray.remote(num_cpus=0)
class Worker:
    def here(self):
        import six, sys
        return f"here {six.__version__} {sys.prefix}"

ray.init(num_cpus=1, include_dashboard=False, log_to_driver=False)
workers = [Worker.remote()]
print(ray.get(workers[0].here.remote()), flush=True)
sys.stdin.readline()
workers += [Worker.remote() for _ in range(3)]
for each in workers:
    print(ray.get(each.here.remote()), flush=True)
sys.stdin.readline()
"""


@pytest.mark.trial
def test_ray_starts_workers_of_its_generation(stack: Stack, tmp_path: Path) -> None:
    (tmp_path / "program.py").write_text(RAY)
    stack.done("overlay", "add", "ray", "--dir", stack.alice)
    assert_workers_stay(stack, tmp_path, workers=4)
