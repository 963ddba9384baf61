"""Specs and locks that were read before are not parsed again, and never mistaken."""

import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from envc.host.machine import machine_of
from support.sites import SiteFolder


@pytest.fixture
def locked(site: SiteFolder) -> SiteFolder:
    site.done("lock")
    site.done("lock", "--upgrade")  # reads the locks that the first run has written
    return site


def kept() -> list[Path]:
    return sorted(Path(os.environ["ENVC_CACHE_DIR"], "parsed-v1").iterdir())


def test_a_full_resolution_imports_what_it_needs_and_no_more(locked):
    heavy = {"email", "httpx", "importlib.metadata", "packaging.pylock", "pydantic", "resolvelib"}
    heavy |= {"rich", "tomlkit", "tomllib", "envc.resolve.prove", "envc.build"}
    code = (
        "import sys; from envc.cli.main import main; status = main(['lock', '-q', '--upgrade']);"
        f"print(status, sorted({heavy} & set(sys.modules)))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=locked.folder, capture_output=True, text=True, check=True
    )
    assert (done.stdout, done.stderr) == ("0 []\n", "")


def test_what_is_torn_is_parsed_anew(locked):
    for path in kept():
        path.write_bytes(path.read_bytes()[:-1])
    whole = [path.read_bytes() for path in kept()]
    locked.done("lock", "--upgrade")
    assert [path.read_bytes() for path in kept()] != whole


def test_what_is_no_kept_value_is_parsed_anew(locked):
    before = (locked.folder / "pylock.user.toml").read_bytes()
    for path in kept():
        path.write_bytes(b"[[],null]")
    locked.done("lock", "--upgrade")
    assert (locked.folder / "pylock.user.toml").read_bytes() == before


def test_a_spec_is_expanded_anew_on_another_machine(locked, monkeypatch):
    here = machine_of(None)
    older = replace(here, libc="glibc-2.17")
    monkeypatch.setattr("envc.sites.parsed.machine_of", lambda _: older)
    locked.done("lock", "--upgrade")
    text = (locked.folder / "pylock.user.toml").read_text()
    assert here.libc != older.libc
    assert 'libc = "glibc-2.17"' in text
