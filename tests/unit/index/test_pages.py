import os

import pytest
from packaging.version import Version

from envc.disk.cache import Cache
from envc.errors import OutsideError
from envc.index.listed_file import row_of
from envc.index.listing import NOTHING, listing_of, offer_of
from envc.index.pages import CachedListing, prolong, read_listing, write_listing

INDEX = "https://host/simple"


def warn(message):
    raise AssertionError(message)


@pytest.fixture
def cache(tmp_path):
    return Cache(str(tmp_path / "cache"), warn=warn)


def listing(*versions, url="https://host/files"):
    """Every release has one file, whose name fills a kilobyte."""
    files = []
    for text in versions:
        name = f"six-{text}-py3-none-any.whl"
        row = row_of({"filename": name}, f"{url}/{'x' * 1000}")
        files.append((Version(text), name, row, False))
    return listing_of(files)


def keep(cache, found, **values):
    write_listing(cache, INDEX, "six", cached=CachedListing(found, **{"expires": 5.0} | values))


def releases(cache):
    return offer_of(read_listing(cache, INDEX, "six").listing, "six", index=INDEX).releases


def page_of(cache):
    (folder,) = os.listdir(cache.path("index-v4"))
    return cache.path(f"index-v4/{folder}/six")


def test_what_was_kept_is_read_again(cache):
    versions = [f"1.{minor}" for minor in range(200)]
    kept = listing(*versions)
    keep(cache, kept, etag='"a"', modified="then")
    found = read_listing(cache, INDEX, "six")
    assert (found.expires, found.etag, found.modified) == (5.0, '"a"', "then")
    assert tuple(found.listing.versions) == kept.versions == tuple(reversed(versions))
    assert found.listing.fingerprint == kept.fingerprint
    places = range(-len(versions), len(versions))
    assert [found.listing.files(place) for place in places] == [kept.files(p) for p in places]
    assert os.path.getsize(page_of(cache)) > 200_000  # most of it lies below the head


def test_releases_are_a_sequence(cache):
    keep(cache, listing("1.0", "2.0", "3.0"))
    found = releases(cache)
    assert len(found) == 3
    assert [str(release.version) for release in reversed(found)] == ["1.0", "2.0", "3.0"]
    assert found[-1].distributions[0].filename == "six-1.0-py3-none-any.whl"
    assert found[:2] == (found[0], found[1])
    assert found[0] is found[0]


def test_a_listing_of_nothing_is_kept_too(cache):
    keep(cache, NOTHING)
    found = read_listing(cache, INDEX, "six").listing
    assert (found.found, found.announces, tuple(found.versions)) == (False, False, ())
    assert found.fingerprint == NOTHING.fingerprint


def test_fingerprints_tell_listings_apart():
    prints = {listing(*v).fingerprint for v in (["1"], ["2"], ["1", "2"])}
    assert len(prints) == 3
    assert listing("1", url="https://other").fingerprint not in prints


def test_a_page_is_prolonged_without_being_written(cache):
    keep(cache, listing("1.0"))
    before = os.stat(page_of(cache)).st_ino
    prolong(cache, INDEX, "six", expires=2_000_000_000.5)
    assert read_listing(cache, INDEX, "six").expires == 2_000_000_000.5
    assert os.stat(page_of(cache)).st_ino == before
    prolong(cache, INDEX, "nothing-of-it", expires=1.0)


@pytest.mark.parametrize(
    "damage",
    [
        lambda content: content[:-1],
        lambda content: content + b" ",
        lambda content: b"",
        lambda content: b"{}\n",
        lambda content: b"[1]\n" + content,
        lambda content: content.replace(b"2.0 1.0", b"2.1 1.0", 1),
    ],
)
def test_a_torn_page_counts_as_absent(cache, damage):
    keep(cache, listing("1.0", "2.0"))
    with open(page_of(cache), "r+b") as file:
        content = damage(file.read())
        file.seek(0)
        file.truncate()
        file.write(content)
    assert read_listing(cache, INDEX, "six") is None


def test_a_page_that_another_run_replaces_is_read_anew(cache):
    versions = [f"1.{minor}" for minor in range(200)]
    keep(cache, listing(*versions))
    found = releases(cache)
    keep(cache, listing(*versions[:5], *versions[10:], "2.0", url="https://new"))
    assert found[-1].distributions[0].url.startswith("https://new/")
    assert not found[-10].distributions


def test_files_that_are_damaged_are_an_error(cache):
    keep(cache, listing(*[f"1.{minor}" for minor in range(200)]))
    found = releases(cache)
    with open(page_of(cache), "r+b") as file:
        file.seek(-1000, os.SEEK_END)
        file.write(bytes(10))
    assert found[0].distributions
    with pytest.raises(OutsideError) as caught:
        _ = found[-1].distributions
    assert str(caught.value) == (
        f"{page_of(cache)}: a page of the cache is damaged\n"
        "  help: remove what is kept with `envc cache clean`, then run the command again"
    )
