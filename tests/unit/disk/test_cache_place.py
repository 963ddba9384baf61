"""A cache that somebody else could change is not used: what is kept there is run and believed."""

import os
import pwd

import pytest

from envc.disk import cache_place
from envc.errors import UsageError
from envc.ports import REPORTER, SilentReporter


class Heard(SilentReporter):
    def __init__(self):
        self.warned = []

    def warn(self, message):
        self.warned.append(message)


@pytest.fixture
def exposed(tmp_path):
    folder = tmp_path / "everybodys"
    folder.mkdir()
    folder.chmod(0o777)
    return folder


def test_a_named_cache_that_others_can_change_is_refused(exposed, monkeypatch):
    monkeypatch.setenv("ENVC_CACHE_DIR", str(exposed / "cache"))
    with pytest.raises(UsageError, match="the cache is not safe there: everybody may write"):
        cache_place.own_cache()


def test_a_named_cache_of_ones_own_is_used(tmp_path, monkeypatch):
    monkeypatch.setenv("ENVC_CACHE_DIR", str(tmp_path / "cache"))
    assert cache_place.own_cache() == str(tmp_path / "cache")


def test_the_home_of_somebody_else_is_left_for_ones_own(exposed, tmp_path, monkeypatch):
    monkeypatch.delenv("ENVC_CACHE_DIR")
    monkeypatch.delenv("XDG_CACHE_HOME", raising=False)
    monkeypatch.setenv("HOME", str(exposed))
    entry = pwd.struct_passwd(("me", "x", os.geteuid(), os.getegid(), "", str(tmp_path), "/bin/sh"))
    monkeypatch.setattr(pwd, "getpwuid", lambda _: entry)
    heard = Heard()
    REPORTER.set(heard)
    assert cache_place.own_cache() == f"{tmp_path}/.cache/envc"
    (warning,) = heard.warned
    assert warning.startswith(f"{exposed}/.cache/envc is not used as a cache: everybody may write")
