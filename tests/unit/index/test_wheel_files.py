import os
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from envc.errors import OutsideError, UntrustedError
from envc.index import WheelFiles
from envc.model.lock import LockedWheel
from envc.model.spec import IndexSpec
from envc.ports import SilentReporter
from support.index_server import IndexServer
from support.wheels import Recipe, sha256_of

NAME = "six-1.16.0-py3-none-any.whl"


class Counter(SilentReporter):
    def __init__(self):
        self.bytes = 0
        self.warnings = []

    def advance(self, task, amount=1):
        assert task == "download"
        self.bytes += amount

    def warn(self, message):
        self.warnings.append(message)


@pytest.fixture
def server(house):
    with IndexServer(house) as server:
        yield server


@pytest.fixture
def locked(house, server):
    path = house / NAME
    return LockedWheel(
        filename=NAME,
        digest="sha256:" + sha256_of(path),
        url=f"http://{server.host}/files/{NAME}",
        size_bytes=path.stat().st_size,
    )


def replaced(wheel, **changes):
    values = {name: getattr(wheel, name) for name in LockedWheel.__slots__}
    return LockedWheel(**(values | changes))


def fetcher(tmp_path, **options):
    return WheelFiles(cache=str(tmp_path / "cache"), **options)


def test_a_wheel_is_downloaded_once(tmp_path, house, server, locked):
    counter = Counter()
    with fetcher(tmp_path, reporter=counter) as fetch:
        path = fetch.fetch(locked)
        assert path == str(tmp_path / "cache" / "wheels-v1" / locked.digest[7:] / NAME)
        assert fetch.fetch(locked) == path
    with open(path, "rb") as file:
        assert file.read() == (house / NAME).read_bytes()
    assert counter.bytes == locked.size_bytes
    assert server.paths() == [f"/files/{NAME}"]
    with fetcher(tmp_path, offline=True) as fetch:
        assert fetch.fetch(locked) == path


def test_a_broken_wheel_of_the_cache_is_fetched_again(tmp_path, house, server, locked):
    with fetcher(tmp_path) as fetch:
        path = fetch.fetch(locked)
        with open(path, "r+b") as file:
            file.truncate(10)
        assert fetch.fetch(locked) == path
    with open(path, "rb") as file:
        assert file.read() == (house / NAME).read_bytes()


def test_a_download_that_breaks_off_begins_again(tmp_path, server, locked):
    server.torn[f"/files/{NAME}"] = 1
    counter = Counter()
    with fetcher(tmp_path, reporter=counter) as fetch:
        fetch.fetch(locked)
    assert server.statuses(f"/files/{NAME}") == [200, 200]
    assert counter.bytes == locked.size_bytes


def test_a_download_that_always_breaks_off(tmp_path, server, locked):
    server.torn[f"/files/{NAME}"] = 9
    with fetcher(tmp_path) as fetch, pytest.raises(OutsideError) as caught:
        fetch.fetch(locked)
    text, _, rest = str(caught.value).partition(": peer closed")
    assert text == f"{locked.url}: the server {server.host} did not answer"
    assert rest.endswith(
        "\n  help: check the network, the proxy and the index's URL, then run the command again"
    )
    assert os.listdir(tmp_path / "cache" / "wheels-v1" / locked.digest[7:]) == []


def test_other_bytes_than_the_lock_says(tmp_path, server, locked):
    wanted = replaced(locked, digest="sha256:" + "0" * 64)
    with fetcher(tmp_path) as fetch, pytest.raises(UntrustedError) as caught:
        fetch.fetch(wanted)
    assert str(caught.value) == (
        f"{locked.url}: {NAME} is not the file it should be: "
        f"expected sha256:{'0' * 64}, got {locked.digest}\n"
        "  help: do not use this file; if the index replaced it on purpose, "
        "run `envc lock --upgrade`"
    )
    assert os.listdir(tmp_path / "cache" / "wheels-v1" / ("0" * 64)) == []


def test_a_wrong_size_counts_less_than_the_right_digest(tmp_path, house, server, locked):
    with fetcher(tmp_path) as fetch:
        path = fetch.fetch(replaced(locked, size_bytes=10))
    assert Path(path).read_bytes() == (house / NAME).read_bytes()


def test_a_file_that_the_index_has_no_longer(tmp_path, server, locked):
    wanted = replaced(locked, url=f"http://ann:pw@{server.host}/files/gone.whl?token=1")
    with fetcher(tmp_path) as fetch, pytest.raises(OutsideError) as caught:
        fetch.fetch(wanted)
    assert str(caught.value) == (
        f"http://{server.host}/files/gone.whl: the server {server.host} does not have {NAME} "
        "(404 Not Found)\n"
        "  help: check that the file was not removed; `envc lock --upgrade` chooses another one"
    )


def test_wheelhouse_and_path_come_before_the_network(tmp_path, house, server, locked):
    with fetcher(tmp_path, wheelhouses=[str(tmp_path / "none"), str(house)]) as fetch:
        assert fetch.fetch(locked) == str(house / NAME)
    with fetcher(tmp_path) as fetch:
        assert fetch.fetch(replaced(locked, url=None, path=str(house / NAME))) == str(house / NAME)
        with pytest.raises(OutsideError) as caught:
            fetch.fetch(replaced(locked, url=None, path="/nowhere/x.whl"))
    assert str(caught.value) == (
        "/nowhere/x.whl: the wheel is not there\n"
        "  help: put it there, or name its folder with `--from`"
    )
    assert server.paths() == []


def test_offline_takes_what_is_there(tmp_path, server, locked):
    with fetcher(tmp_path, offline=True) as fetch, pytest.raises(OutsideError) as caught:
        fetch.fetch(locked)
    assert str(caught.value) == (
        f"{NAME}: the wheel is neither in a wheelhouse nor in the cache\n"
        "  help: run without --offline, or name a wheelhouse or bundle with `--from`"
    )
    assert server.paths() == []


def test_indexes_bring_their_credentials(tmp_path, server, locked):
    server.login = ("ann", "s3cret")
    index = IndexSpec(name="site", url=server.url_with("ann", "s3cret"))
    with fetcher(tmp_path, indexes=[index]) as fetch:
        fetch.fetch(locked)
    with fetcher(tmp_path / "other") as fetch, pytest.raises(OutsideError) as caught:
        fetch.fetch(locked)
    assert str(caught.value) == (
        f"{locked.url}: the server {server.host} refuses access (401 Unauthorized)\n"
        "  help: give credentials: in ~/.netrc, in ENVC_INDEX_<NAME>_USERNAME and "
        "ENVC_INDEX_<NAME>_PASSWORD, in the keyring, or in the index's URL"
    )


def test_of_two_indexes_on_a_server_the_one_that_links_a_file_lets_in(tmp_path, server, locked):
    server.login = ("ann", "s3cret")
    other = IndexSpec(name="other", url=f"http://{server.host}/other")
    index = IndexSpec(name="site", url=server.url_with("ann", "s3cret"))
    with fetcher(tmp_path, indexes=[other, index]) as fetch:
        assert sha256_of_path(fetch.fetch(locked)) == locked.digest
    assert server.statuses(f"/files/{NAME}") == [401, 200]


def test_without_a_cache_wheels_live_as_long_as_the_fetcher(tmp_path, server, locked):
    (tmp_path / "cache").write_text("in the way")
    counter = Counter()
    with fetcher(tmp_path, reporter=counter) as fetch:
        path = fetch.fetch(locked)
        assert sha256_of_path(path) == locked.digest
        fetch.fetch(locked)
    assert not os.path.exists(path)
    assert counter.warnings == [
        f"the cache {tmp_path}/cache cannot be written (File exists): nothing is kept"
    ]


def test_several_threads_fetch_one_wheel(tmp_path, server, locked):
    with fetcher(tmp_path) as fetch, ThreadPoolExecutor(8) as pool:
        paths = set(pool.map(fetch.fetch, [locked] * 8))
    (path,) = paths
    assert sha256_of_path(path) == locked.digest
    assert os.listdir(os.path.dirname(path)) == [NAME]


def test_closing_waits_for_no_download(tmp_path, server, locked):
    server.held = {f"/files/{NAME}"}
    with ThreadPoolExecutor(1) as pool, fetcher(tmp_path) as fetch:
        path = pool.submit(fetch.fetch, locked)
        server.arrived.acquire()
        fetch.close()
        with pytest.raises(OutsideError) as caught:
            path.result()
        assert server.requests == []
        with pytest.raises(OutsideError) as again:
            fetch.fetch(locked)
    assert str(caught.value) == str(again.value)
    assert str(caught.value) == (
        "the run ended before the answer was there\n  help: run the command again"
    )


def test_two_wheels_of_one_name_are_kept_apart(tmp_path, house, server, locked):
    first = fetcher(tmp_path)
    path = first.fetch(locked)
    Recipe(name="six", version="1.16.0", files={"six.py": "x = 2"}).build(house)
    other = replaced(locked, digest="sha256:" + sha256_of(house / NAME), size_bytes=None)
    assert first.fetch(other) != path
    first.close()


def sha256_of_path(path):
    import pathlib

    return "sha256:" + sha256_of(pathlib.Path(path))
