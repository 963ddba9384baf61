"""What a server says of a wheel by a few ranges serves who has it from there, and nobody else."""

from threading import Event

import pytest

from envc.host.context import Context
from envc.index import WheelFiles
from envc.index.wheels import Look
from envc.model.lock import LockedWheel
from envc.model.wheel import WheelContents
from envc.supply import contents
from envc.supply.contents import ContentsSource
from support.index_server import IndexServer
from support.sites import PYTHON
from support.wheels import Recipe, sha256_of

NAME = "six-1.16.0-py3-none-any.whl"
TRUE, FALSE = "six.py", "forged.py"


@pytest.fixture
def servers(tmp_path):
    """One that has the wheel, and one that has another file of that name."""
    for folder, module in (("true", TRUE), ("false", FALSE)):
        recipe = Recipe(name="six", version="1.16.0", files={module: ""})
        recipe.build(tmp_path / folder)
    with IndexServer(tmp_path / "true") as true, IndexServer(tmp_path / "false") as false:
        yield true, false


@pytest.fixture
def wheels(servers, tmp_path):
    """The wheel as an honest lock names it, and as one does that has it from elsewhere."""
    digest = "sha256:" + sha256_of(tmp_path / "true" / NAME)
    return [
        LockedWheel(filename=NAME, digest=digest, url=f"http://{server.host}/files/{NAME}")
        for server in servers
    ]


def modules(source, wheel):
    (contents,) = source.contents([wheel]).values()
    return {path.rpartition("/")[2] for path in contents.files} & {TRUE, FALSE}


def test_what_one_lock_says_of_a_wheel_is_not_believed_of_anothers(wheels):
    honest, elsewhere = wheels
    source = ContentsSource(PYTHON, Context())
    assert modules(source, elsewhere) == {FALSE}
    for each in (source, ContentsSource(PYTHON, Context())):  # in memory, and in the cache
        assert modules(each, honest) == {TRUE}
        assert modules(each, elsewhere) == {FALSE}


def test_what_was_read_by_ranges_is_kept(wheels, servers):
    assert modules(ContentsSource(PYTHON, Context()), wheels[0]) == {TRUE}
    asked = len(servers[0].requests)
    assert modules(ContentsSource(PYTHON, Context()), wheels[0]) == {TRUE}
    assert len(servers[0].requests) == asked > 0


def test_what_the_wheel_itself_says_counts_wherever_a_lock_has_it_from(wheels, servers):
    honest, elsewhere = wheels
    with WheelFiles(cache=Context().cache) as files:
        files.fetch(honest)
    assert modules(ContentsSource(PYTHON, Context()), honest) == {TRUE}
    assert modules(ContentsSource(PYTHON, Context()), elsewhere) == {TRUE}
    assert servers[1].requests == []


class SlowFiles:
    """Where a wheel comes from, that is there once it was asked three times how much has come."""

    def __init__(self, path, step_bytes):
        self._path = path
        self._step_bytes = step_bytes
        self._asked = 0
        self._whole = Event()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self._whole.set()

    @property
    def received_bytes(self):
        self._asked += 1
        if self._asked > 3:
            self._whole.set()
        return self._asked * self._step_bytes

    def read(self, _, parse):
        self._whole.wait()
        with self._path.open("rb") as file:
            return Look(parse(file), is_whole=True)


@pytest.mark.parametrize(("step_bytes", "known"), [(1000, True), (10, False)])
def test_a_wheel_is_waited_for_while_it_comes(tmp_path, monkeypatch, step_bytes, known):
    path = Recipe(name="six", version="1.16.0", files={"six.py": ""}).build(tmp_path)
    files = SlowFiles(path, step_bytes)
    patience = contents.Patience(seconds=0.01, slowest_bytes_a_second=50_000)
    monkeypatch.setattr(contents, "PATIENCE", patience)
    monkeypatch.setattr(contents, "WheelFiles", lambda **_: files)
    wheel = LockedWheel(filename=path.name, digest="sha256:" + sha256_of(path), url="http://there")
    source = ContentsSource(PYTHON, Context())
    (found,) = source.contents([wheel], folder=str(tmp_path / "alice/overlay")).values()
    assert isinstance(found, WheelContents) is known
