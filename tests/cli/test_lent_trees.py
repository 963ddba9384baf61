"""What a target has in its store, `bundle` and `export --to` copy: nothing is compiled anew."""

from pathlib import Path

import pytest

from envc.store import ingest
from support.sites import SITE_PACKAGES, SiteFolder, python

pytestmark = pytest.mark.slow


@pytest.fixture
def alone(warm: SiteFolder, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> SiteFolder:
    """A site whose target is built, and whose cache is empty; nothing may be ingested."""
    warm.materialize()
    monkeypatch.setenv("ENVC_CACHE_DIR", str(tmp_path / "empty"))

    def refuse(*_: object, **__: object) -> None:
        raise AssertionError("a wheel is unpacked that the target has")

    monkeypatch.setattr(ingest, "ingest_wheels", refuse, raising=True)
    return warm


def test_a_bundle_of_it(alone, tmp_path):
    (alone.folder / "wheels").unlink()
    bundle = tmp_path / "site.envc"
    alone.done("bundle", "-o", bundle, "--target", alone.target)
    fresh = tmp_path / "fresh"
    alone.done("materialize", "--target", fresh, "--from", bundle, "--offline")
    assert python(fresh / "user", "import pandas; print(pandas.__version__)") == "2.2.0"


def test_an_environment_of_it(alone, tmp_path, monkeypatch):
    monkeypatch.setenv("ENVC_TARGET", str(alone.target))
    alone.done("export", "--layer", "user", "--to", tmp_path / "flat")
    assert (tmp_path / "flat" / SITE_PACKAGES / "pandas" / "__init__.py").stat().st_nlink == 1
    assert python(tmp_path / "flat", "import pandas; print(pandas.__version__)") == "2.2.0"


def test_what_was_changed_in_the_store_is_not_lent(alone, tmp_path):
    (alone.folder / "wheels").unlink()
    (changed,) = (alone.target / "store" / "wheels").glob("*/tree/**/pandas/__init__.py")
    changed.chmod(0o644)
    changed.write_text("import os  # not what was published\n")
    answer = alone.envc("bundle", "-o", tmp_path / "site.envc", "--target", alone.target)
    assert answer.status != 0
    assert f"warning: {alone.target}: its store lends nothing: " in answer.stderr
    assert not (tmp_path / "site.envc").exists()


def test_a_target_that_is_none(alone, tmp_path):
    answer = alone.envc("bundle", "-o", tmp_path / "s.envc", "--target", tmp_path)
    assert (answer.status, answer.stderr) == (
        2,
        f"error: nothing is materialized here\n   at: {tmp_path}\n help: name another target\n",
    )
