"""The question that decides whether tests and the demo use the real index."""

import signal

import pytest

from support import probe
from support.index_server import IndexServer
from support.wheels import Recipe


@pytest.fixture
def project(tmp_path):
    folder = tmp_path / "wheels"
    folder.mkdir()
    Recipe(name=probe.PROJECT, version="1").build(folder)
    return folder


def test_an_index_that_answers(project, monkeypatch):
    with IndexServer(project) as server:
        monkeypatch.setenv("PIP_INDEX_URL", server.url)
        assert probe.main() == 0
    assert signal.alarm(0) == 0, "the deadline still runs"


def test_an_index_that_does_not(tmp_path, monkeypatch):
    with IndexServer(tmp_path) as server:
        monkeypatch.setenv("PIP_INDEX_URL", server.url)
        assert probe.main() == 1
    assert signal.alarm(0) == 0, "the deadline still runs"
