"""A lock from the cache alone, on another day: the same bytes."""

import pytest

from support.index_server import FileFacts, IndexServer
from support.sites import SiteFolder, over_url
from support.wheels import Recipe, build_all

LAYERS = """\
[layer.system]
requires = ["report"]

[layer.user]
base = "system"
requires = ["pandas"]
"""


@pytest.fixture
def house(tmp_path):
    recipes = [
        Recipe(name="report", version="1.0", requires=["six"]),
        *(Recipe(name="six", version=f"1.{minor}") for minor in range(30)),
        Recipe(name="pandas", version="2.2", requires=["numpy>=1", "six"]),
        Recipe(name="numpy", version="1.26"),
    ]
    build_all(recipes, tmp_path / "house")
    return tmp_path / "house"


def site_of(house, url, folder):
    return SiteFolder(folder, house).write(over_url("there", url, LAYERS))


def locks(site):
    return [site.lock_text("system"), site.lock_text("user")]


def test_a_lock_from_the_cache_alone_has_the_same_bytes(house, tmp_path, monkeypatch):
    facts = {"six-1.29-py3-none-any.whl": FileFacts(upload_time="2026-01-02T03:04:05Z")}
    with IndexServer(house, facts=facts) as server:
        site = site_of(house, server.url, tmp_path / "first")
        site.done("lock")
        url = server.url
    assert "upload-time = 2026-01-02" in site.lock_text("system")
    # the server is gone, its pages have long expired, and the locks were never here
    monkeypatch.setattr("envc.index.remote.time.time", lambda: 4e9)
    again = site_of(house, url, tmp_path / "again")
    again.done("lock", "--offline")
    assert locks(again) == locks(site)
    again.done("lock", "--offline", "--upgrade")
    assert locks(again) == locks(site)


def test_what_the_cache_lacks_is_named(house, tmp_path):
    with IndexServer(house) as server:
        site = site_of(house, server.url, tmp_path / "first")
        site.done("lock")
        url = server.url
    site.edit('"pandas"', '"pandas", "polars"')
    answer = site.envc("lock", "--offline")
    assert (answer.status, answer.stderr) == (
        4,
        (
            "error: polars: the cache holds nothing of it from index 'there'\n"
            f"   at: {url}/polars/\n"
            " help: run without --offline\n"
        ),
    )
