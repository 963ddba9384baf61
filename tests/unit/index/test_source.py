import io
import os
import tarfile
from datetime import UTC, datetime
from pathlib import Path

import pytest

from envc.disk.cache import Cache
from envc.errors import OutsideError, UntrustedError, UsageError
from envc.index import IndexSource, pages
from envc.index.ahead import WORKERS
from envc.index.client import Client
from envc.index.reader import Elsewhere
from envc.index.remote import RemoteIndex
from envc.model.release import CoreMetadata
from envc.model.spec import IndexSpec
from envc.ports import SilentReporter
from support.index_server import FileFacts, IndexServer
from support.sdists import Sdist
from support.wheels import Recipe, sha256_of


class Notes:
    """A reporter that remembers."""

    def __init__(self):
        self.heard = []

    def start(self, task, total, unit):
        self.heard.append(("start", task, unit))

    def advance(self, task, amount=1):
        self.heard.append(("advance", task, amount))

    def finish(self, task):
        self.heard.append(("finish", task))

    def warn(self, message):
        self.heard.append(("warn", message))


@pytest.fixture
def open_source(tmp_path):
    opened = []

    def open_(*indexes, sources=None, **options):
        options.setdefault("cache", str(tmp_path / "cache"))
        source = IndexSource(indexes, sources or {}, **options)
        opened.append(source)
        return source

    yield open_
    for source in opened:
        source.close()


def site(server, **options):
    return IndexSpec(name="site", url=server.url, **options)


def wheel_of(source, project, number=0):
    wheels = [d for d in source.releases(project)[number].distributions if d.kind == "wheel"]
    return wheels[-1]


SIX = CoreMetadata(
    project="six", version="1.16.0", requires=("attrs>=20; extra == 'all'",), extras=("all",)
)


@pytest.mark.parametrize("form", ["json", "html"])
def test_releases_come_newest_first_with_all_that_the_page_says(house, open_source, form):
    facts = {
        "six-1.9.0-py3-none-any.whl": FileFacts(
            requires_python=">=3.6", upload_time="2026-01-02T03:04:05Z", yanked="broken"
        )
    }
    with IndexServer(house, form=form, facts=facts) as server:
        source = open_source(site(server))
        newest, oldest = source.releases("six")
        assert [str(newest.version), str(oldest.version)] == ["1.16.0", "1.9.0"]
        assert [(d.filename, d.kind) for d in newest.distributions] == [
            ("six-1.16.0-cp311-cp311-linux_x86_64.whl", "wheel"),
            ("six-1.16.0-py3-none-any.whl", "wheel"),
            ("six-1.16.0.tar.gz", "sdist"),
        ]
        (old,) = oldest.distributions
        path = house / old.filename
        assert old.url == f"http://{server.host}/files/{old.filename}"
        assert old.index == server.url
        assert old.digest == "sha256:" + sha256_of(path)
        assert (old.requires_python, old.yanked) == (">=3.6", "broken")
        assert str(old.metadata).startswith("sha256:")
        if form == "json":
            assert old.size_bytes == path.stat().st_size
            assert old.upload_time == datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)


def test_the_first_index_that_has_a_project_is_the_only_one(house, open_source, tmp_path):
    Recipe(name="six", version="99").build(tmp_path / "public")
    Recipe(name="rich", version="1").build(tmp_path / "public")
    with IndexServer(house) as private, IndexServer(tmp_path / "public") as public:
        other = IndexSpec(name="public", url=public.url)
        source = open_source(site(private), other)
        assert str(source.releases("six")[0].version) == "1.16.0"
        assert str(source.releases("rich")[0].version) == "1"
        assert source.releases("nothing") == ()
        assert public.paths() == ["/simple/rich/", "/simple/nothing/"]


@pytest.mark.parametrize("form", ["json", "html"])
def test_an_index_that_has_an_empty_page_of_a_project_has_it(house, open_source, tmp_path, form):
    Recipe(name="rich", version="1").build(tmp_path / "public")
    with IndexServer(house, form=form) as private, IndexServer(tmp_path / "public") as public:
        private.empty.add("rich")
        for _ in range(2):
            notes = Notes()
            other = IndexSpec(name="public", url=public.url)
            source = open_source(site(private), other, reporter=notes)
            assert source.releases("rich") == ()
            assert [heard[1] for heard in notes.heard if heard[0] == "warn"] == [
                "index 'site' has a page of rich without a release: no later index is asked for it"
            ]
        assert public.paths() == []


def test_what_is_gone_is_not_there(house, open_source, tmp_path):
    Recipe(name="rich", version="1").build(tmp_path / "public")
    with IndexServer(house) as private, IndexServer(tmp_path / "public") as public:
        private.failures["/simple/rich/"] = [410]
        source = open_source(site(private), IndexSpec(name="public", url=public.url))
        assert str(source.releases("rich")[0].version) == "1"


def test_sources_name_an_index_and_explicit_ones_serve_nobody_else(house, open_source, tmp_path):
    Recipe(name="six", version="99").build(tmp_path / "special")
    with IndexServer(house) as plain, IndexServer(tmp_path / "special") as special:
        named = IndexSpec(name="special", url=special.url, explicit=True)
        assert str(open_source(named, site(plain)).releases("six")[0].version) == "1.16.0"
        source = open_source(named, site(plain), sources={"six": "special"})
        assert str(source.releases("six")[0].version) == "99"


def test_an_index_that_fails_is_not_passed_over(house, open_source, tmp_path):
    with IndexServer(house) as broken, IndexServer(house) as public:
        broken.failures["/simple/six/"] = [503] * 9
        source = open_source(site(broken), IndexSpec(name="public", url=public.url))
        with pytest.raises(OutsideError) as caught:
            source.releases("six")
        assert str(caught.value) == (
            f"{broken.url}/six/: index 'site' failed (503 Service Unavailable)\n"
            "  help: run the command again later"
        )
        assert public.paths() == []


def test_a_failure_that_passes_is_tried_again(house, open_source):
    with IndexServer(house) as server:
        server.failures["/simple/six/"] = [503, 429]
        server.torn["/simple/attrs/"] = 1
        source = open_source(site(server))
        source.prefetch(["six", "attrs"])
        assert len(source.releases("six")) == 2
        assert len(source.releases("attrs")) == 1
        assert server.statuses("/simple/six/") == [503, 429, 200]
        assert server.statuses("/simple/attrs/") == [200, 200]


def test_credentials_are_used_and_kept_from_sight(house, open_source, monkeypatch, tmp_path):
    with IndexServer(house, login=("ann", "s3cret"), metadata="none") as server:
        source = open_source(IndexSpec(name="site", url=server.url_with("ann", "s3cret")))
        wheel = wheel_of(source, "six")
        assert wheel.url == f"http://{server.host}/files/six-1.16.0-py3-none-any.whl"
        assert wheel.index == server.url
        assert source.metadata(wheel) == SIX
        for folder, _, names in os.walk(tmp_path / "cache"):
            for name in names:
                with open(os.path.join(folder, name), "rb") as file:
                    assert b"s3cret" not in file.read()

        with pytest.raises(OutsideError) as caught:
            open_source(IndexSpec(name="my-site", url=server.url_with("ann", "wrong"))).releases(
                "x"
            )
        assert str(caught.value) == (
            f"{server.url}/x/: index 'my-site' refuses access (401 Unauthorized)\n"
            "  help: give credentials: in ~/.netrc, in ENVC_INDEX_MY_SITE_USERNAME and "
            "ENVC_INDEX_MY_SITE_PASSWORD, in the keyring, or in the index's URL"
        )

        monkeypatch.setenv("ENVC_INDEX_SITE_USERNAME", "ann")
        monkeypatch.setenv("ENVC_INDEX_SITE_PASSWORD", "s3cret")
        assert open_source(site(server)).releases("attrs")
        monkeypatch.delenv("ENVC_INDEX_SITE_USERNAME")
        monkeypatch.delenv("ENVC_INDEX_SITE_PASSWORD")
        (tmp_path / ".netrc").write_text("machine 127.0.0.1 login ann password s3cret\n")
        assert open_source(site(server)).releases("six")


CREDENTIALS_IN_LINKS = (
    "index 'site' has credentials in its links: they serve this run alone, and whoever "
    "materializes gives them in ~/.netrc"
)


@pytest.mark.parametrize("form", ["json", "html"])
def test_credentials_of_links_serve_the_run_and_are_kept_nowhere(
    house, open_source, tmp_path, form
):
    heard = []
    reporter = SilentReporter()
    reporter.warn = heard.append
    with (
        IndexServer(house, login=("bob", "S3cret")) as files,
        IndexServer(house, form=form, metadata="none") as server,
    ):
        server.files_at = f"http://bob:S3cret@{files.host}/files"
        source = open_source(site(server), reporter=reporter)
        wheel = wheel_of(source, "six")
        assert wheel.url == f"http://{files.host}/files/{NAME}"
        assert source.metadata(wheel) == SIX
        assert source.releases("attrs")
        source.close()
    assert heard == [CREDENTIALS_IN_LINKS]
    kept = [path.read_bytes() for path in (tmp_path / "cache").rglob("*") if path.is_file()]
    assert kept
    assert not any(b"S3cret" in content for content in kept)


def test_credentials_do_not_follow_a_redirect_to_another_host(house, open_source):
    with IndexServer(house) as other, IndexServer(house, login=("ann", "s3cret")) as server:
        server.redirects["/simple/six/"] = f"{other.url}/six/"
        source = open_source(IndexSpec(name="site", url=server.url_with("ann", "s3cret")))
        assert wheel_of(source, "six").url.startswith(f"http://{other.host}/files/")
        assert other.authorizations == [None]


def test_credentials_do_not_follow_a_redirect_to_another_index(house, open_source):
    with IndexServer(house) as server:
        server.redirects["/team1/six/"] = f"http://{server.host}/simple/six/"
        team = f"http://ann:s3cret@{server.host}/team1"
        source = open_source(IndexSpec(name="team", url=team), site(server))
        assert source.releases("six")
        assert server.authorizations[0] is not None
        assert server.authorizations[1] is None


def test_no_cookie_is_kept(house, open_source):
    with IndexServer(house) as server:
        server.page_headers["Set-Cookie"] = "session=S3cret; Path=/"
        source = open_source(site(server))
        assert wheel_of(source, "six")
        assert source.releases("attrs")
        assert server.cookies == [None, None]


def test_a_second_run_needs_neither_network_nor_httpx(house, open_source):
    with IndexServer(house) as server:
        first = open_source(site(server))
        metadata = first.metadata(wheel_of(first, "six"))
        assert first.releases("nothing") == ()
        asked = len(server.requests)
        notes = Notes()
        second = open_source(site(server), reporter=notes)
        second.prefetch(["six", "nothing"])
        second.prefetch_metadata([wheel_of(second, "six")])
        assert list(second.releases("six")) == list(first.releases("six"))
        assert second.releases("nothing") == ()
        assert second.metadata(wheel_of(second, "six")) == metadata == SIX
        assert len(server.requests) == asked
        assert second._client._opened is None
        assert notes.heard == []


@pytest.mark.parametrize("control", ["max-age=0", "no-cache"])
def test_a_stale_page_is_revalidated(house, open_source, control):
    with IndexServer(house, cache_control=control) as server:
        for _ in range(2):
            assert len(open_source(site(server)).releases("six")) == 2
        assert server.statuses("/simple/six/") == [200, 304]
        Recipe(name="six", version="2").build(house)
        assert len(open_source(site(server)).releases("six")) == 3


@pytest.mark.parametrize("form", ["json", "html"])
@pytest.mark.parametrize("told", ["serial", "header", "modified"])
def test_a_page_older_than_one_seen_before_is_told(house, open_source, form, told):
    days = {7: "Tue, 07 Jul 2026 07:00:00 GMT", 9: "Thu, 09 Jul 2026 09:00:00 GMT"}

    def warnings(day):
        if told == "serial":
            server.serial = day
        elif told == "header":
            server.page_headers["X-PyPI-Last-Serial"] = str(day)
        else:
            server.page_headers["Last-Modified"] = days[day]
        heard = []
        reporter = SilentReporter()
        reporter.warn = heard.append
        source = open_source(site(server), reporter=reporter)
        assert source.releases("six")
        source.close()
        return heard

    older = (
        "index 'site' answers with an older page of six than before: a mirror is behind, or "
        "somebody holds releases back"
    )
    with IndexServer(house, form=form, cache_control="no-cache", etags=False) as server:
        assert [warnings(day) for day in (9, 7, 7, 9)] == [[], [older], [older], []]


def test_no_store_is_not_kept(house, open_source):
    with IndexServer(house, cache_control="no-store") as server:
        for _ in range(2):
            open_source(site(server)).releases("attrs")
        assert server.statuses("/simple/attrs/") == [200, 200]


def test_offline_uses_what_is_there_however_old(house, open_source):
    with IndexServer(house, cache_control="max-age=0") as server:
        online = open_source(site(server))
        online.metadata(wheel_of(online, "six"))
        asked = len(server.requests)
        source = open_source(site(server), offline=True)
        assert source.metadata(wheel_of(source, "six")) == SIX
        with pytest.raises(OutsideError) as caught:
            source.releases("attrs")
        assert str(caught.value) == (
            f"{server.url}/attrs/: attrs: the cache holds nothing of it from index 'site'\n"
            "  help: run without --offline"
        )
        with pytest.raises(OutsideError) as caught:
            source.metadata(wheel_of(source, "six", 1))
        assert str(caught.value) == (
            f"http://{server.host}/files/six-1.9.0-py3-none-any.whl: "
            "the metadata of six-1.9.0-py3-none-any.whl is not in the cache\n"
            "  help: run without --offline"
        )
        assert len(server.requests) == asked


def test_a_broken_cache_is_asked_for_again(house, open_source, tmp_path):
    with IndexServer(house) as server:
        source = open_source(site(server))
        source.metadata(wheel_of(source, "six"))
        for folder, _, names in os.walk(tmp_path / "cache"):
            for name in names:
                path = os.path.join(folder, name)
                with open(path, "rb") as file:
                    content = file.read()
                with open(path, "wb") as file:
                    file.write(content[:-9])
        again = open_source(site(server))
        assert list(again.releases("six")) == list(source.releases("six"))
        assert again.metadata(wheel_of(again, "six")) == SIX
        assert server.statuses("/simple/six/") == [200, 200]


def test_a_cache_that_cannot_be_written_is_told_once(house, open_source, tmp_path):
    (tmp_path / "file").write_text("in the way")
    notes = Notes()
    with IndexServer(house, metadata="none", ranges="off") as server:
        source = open_source(site(server), cache=str(tmp_path / "file" / "cache"), reporter=notes)
        assert source.metadata(wheel_of(source, "six")) == SIX
    warnings = [heard[1] for heard in notes.heard if heard[0] == "warn"]
    assert warnings == [
        f"the cache {tmp_path}/file/cache cannot be written (Not a directory): nothing is kept"
    ]


def test_progress_is_told(house, open_source):
    notes = Notes()
    with IndexServer(house) as server:
        source = open_source(site(server), reporter=notes)
        source.metadata(wheel_of(source, "six"))
        source.close()
    assert notes.heard == [
        ("start", "index", "projects"),
        ("advance", "index", 1),
        ("start", "metadata", "files"),
        ("advance", "metadata", 1),
        ("finish", "index"),
        ("finish", "metadata"),
    ]


def test_sources_must_name_an_index(open_source):
    with pytest.raises(UsageError) as caught:
        open_source(IndexSpec(name="a", path="."), sources={"six": "b"})
    assert str(caught.value) == (
        "sources.six: no index is called 'b'\n  help: name one of the [[index]] tables: a"
    )


def test_an_index_must_be_of_http(open_source):
    with pytest.raises(UsageError) as caught:
        open_source(IndexSpec(name="a", url="ftp://ann:pw@host/simple"))
    assert str(caught.value) == (
        "[[index]] a: the URL of index 'a' is not one of HTTP\n"
        "  help: give it as https://host/path, or a folder of wheels by `path`"
    )


def test_a_folder_is_an_index(house, open_source):
    source = open_source(IndexSpec(name="house", path=str(house)))
    source.prefetch(["six", "attrs"])
    assert [str(release.version) for release in source.releases("six")] == ["1.16.0", "1.9.0"]
    wheel = wheel_of(source, "six")
    path = house / wheel.filename
    assert (wheel.url, wheel.index) == (path.as_uri(), str(house))
    assert wheel.digest == "sha256:" + sha256_of(path)
    assert source.metadata(wheel) == SIX
    assert source.releases("nothing") == ()
    Recipe(name="six", version="1.16.0").build(house)
    changed = wheel_of(open_source(IndexSpec(name="house", path=str(house))), "six")
    assert changed.digest == "sha256:" + sha256_of(path) != wheel.digest


def test_a_folder_that_is_not_there(open_source, tmp_path):
    source = open_source(IndexSpec(name="house", path=str(tmp_path / "none")))
    source.prefetch(["six"])
    with pytest.raises(OutsideError) as caught:
        source.releases("six")
    assert str(caught.value) == (
        f"{tmp_path}/none: index 'house' cannot be read: No such file or directory\n"
        "  help: check that the folder is there and can be read"
    )


def test_an_index_of_a_later_major_version(house, open_source):
    with IndexServer(house, api_version="2.0") as server:
        for form in ("json", "html"):
            server.form = form
            with pytest.raises(OutsideError) as caught:
                open_source(site(server)).releases("six")
            assert str(caught.value) == (
                f"{server.url}/six/: index 'site' cannot be read: "
                "the page is of version 2.0 of the simple API; envc knows 1.x\n"
                "  help: check that the URL of the index is that of its simple API"
            )


def test_nobody_at_the_other_end(house, open_source):
    with IndexServer(house) as server:
        url = server.url
    with pytest.raises(OutsideError) as caught:
        open_source(IndexSpec(name="site", url=url)).releases("six")
    assert str(caught.value) == (
        f"{url}/six/: index 'site' did not answer: [Errno 111] Connection refused\n"
        "  help: check the network, the proxy and the index's URL, then run the command again"
    )


def test_closing_waits_for_no_server(house, open_source):
    notes = Notes()
    with IndexServer(house) as server:
        server.held = {"/simple/six/", "/simple/attrs/"}
        source = open_source(site(server), reporter=notes)
        source.prefetch(["six", "attrs"])
        server.arrived.acquire()
        server.arrived.acquire()
        source.close()
        for project in ("six", "rich"):
            source.prefetch([project])
        with pytest.raises(OutsideError) as caught:
            source.releases("six")
        assert server.requests == []
    assert str(caught.value) == (
        "the run ended before the answer was there\n  help: run the command again"
    )
    assert notes.heard == [("start", "index", "projects"), ("finish", "index")]


def test_what_had_not_begun_is_never_asked(house, open_source):
    with IndexServer(house) as server:
        server.held = {f"/simple/p{number}/" for number in range(30)}
        source = open_source(site(server))
        source.prefetch(f"p{number}" for number in range(30))
        for _ in range(WORKERS):
            server.arrived.acquire()
        source.close()
        assert not server.arrived.acquire(blocking=False)


@pytest.mark.parametrize("form", ["json", "html"])
def test_a_release_of_source_distributions_alone_is_listed(house, open_source, form):
    (house / "old-1.0.tar.gz").write_bytes(b"source")
    (house / "old-0.9.zip").write_bytes(b"source")
    with IndexServer(house, form=form) as server:
        newest, oldest = open_source(site(server)).releases("old")
        for release, name in ((newest, "old-1.0.tar.gz"), (oldest, "old-0.9.zip")):
            assert [(d.filename, d.kind) for d in release.distributions] == [(name, "sdist")]


@pytest.mark.parametrize("form", ["json", "html"])
def test_a_later_minor_version_is_read_in_silence(house, open_source, form):
    with IndexServer(house, form=form, api_version="1.99") as server:
        assert len(open_source(site(server)).releases("six")) == 2  # a warning would be an error


def files_asked(server):
    return [(r.path.rpartition("/")[2], r.status) for r in server.requests if "files" in r.path]


NAME = "six-1.16.0-py3-none-any.whl"
OLD = "six-1.9.0-py3-none-any.whl"


def test_metadata_comes_from_the_announced_file(house, open_source):
    with IndexServer(house) as server:
        source = open_source(site(server))
        assert source.metadata(wheel_of(source, "six")) == SIX
        assert files_asked(server) == [(f"{NAME}.metadata", 200)]


def test_metadata_files_are_tried_where_nothing_is_announced(house, open_source):
    with IndexServer(house, metadata="silent") as server:
        source = open_source(site(server))
        assert source.metadata(wheel_of(source, "six")) == SIX
        assert files_asked(server) == [(f"{NAME}.metadata", 200)]


def test_one_metadata_file_that_is_not_there_ends_the_trying(house, open_source):
    with IndexServer(house, metadata="none") as server:
        source = open_source(site(server))
        assert source.metadata(wheel_of(source, "six")) == SIX
        assert source.metadata(wheel_of(source, "six", 1)).version == "1.9.0"
        assert files_asked(server) == [(f"{NAME}.metadata", 404), (NAME, 206), (OLD, 206)]


def test_an_announced_file_that_is_not_there_is_read_by_ranges(house, open_source):
    with IndexServer(house) as server:
        server.failures[f"/files/{NAME}.metadata"] = [404]
        source = open_source(site(server))
        assert source.metadata(wheel_of(source, "six")) == SIX
        assert files_asked(server) == [(f"{NAME}.metadata", 404), (NAME, 206)]


@pytest.mark.parametrize(("ranges", "status"), [("off", 200), ("broken", 206)])
def test_without_ranges_the_whole_wheel_is_kept(house, open_source, tmp_path, ranges, status):
    with IndexServer(house, form="html", metadata="none", ranges=ranges) as server:
        source = open_source(site(server))
        wheel = wheel_of(source, "six")
        assert source.metadata(wheel) == SIX
        assert files_asked(server) == [(f"{NAME}.metadata", 404), (NAME, status), (NAME, 200)]
        kept = tmp_path / "cache" / "wheels-v1" / wheel.digest[7:] / NAME
        assert kept.read_bytes() == (house / NAME).read_bytes()


@pytest.mark.parametrize("status", [400, 401, 403, 404, 405, 416, 429, 500, 501, 503])
def test_a_server_that_refuses_ranges_is_asked_for_whole_wheels(house, open_source, status):
    attrs = "attrs-25.1-py3-none-any.whl"
    with IndexServer(house, metadata="none", ranges=status) as server:
        source = open_source(site(server))
        assert source.metadata(wheel_of(source, "six")) == SIX
        assert server.statuses(f"/files/{NAME}")[-2:] == [status, 200]
        assert source.metadata(wheel_of(source, "attrs")).version == "25.1"
        assert server.statuses(f"/files/{attrs}") == [200]  # it is not asked in vain again


def test_a_wheel_that_is_refused_as_a_whole_is_told(house, open_source):
    with IndexServer(house, metadata="none") as server:
        source = open_source(site(server))
        server.failures[f"/files/{NAME}"] = [403, 403]
        with pytest.raises(OutsideError, match=r"refuses access \(403 Forbidden\)"):
            source.metadata(wheel_of(source, "six"))


@pytest.mark.parametrize("status", [403, 500, 503])
def test_a_metadata_file_that_is_refused_is_read_from_the_wheel(house, open_source, status):
    with IndexServer(house) as server:
        server.failures[f"/files/{NAME}.metadata"] = [status] * 4
        source = open_source(site(server))
        assert source.metadata(wheel_of(source, "six")) == SIX


@pytest.mark.parametrize("form", ["json", "html"])
def test_large_wheels_are_read_in_few_ranges(house, open_source, form):
    noise = os.urandom(300_000)
    files = {f"big/{n}.py": b"" for n in range(1500)} | {"big/data": noise}
    Recipe(name="big", version="1", files=files).build(house)
    with IndexServer(house, form=form, metadata="none") as server:
        source = open_source(site(server))
        assert source.metadata(wheel_of(source, "big")).version == "1"
        sizes = [r.size_bytes for r in server.requests if r.status == 206]
        assert len(sizes) <= 3
        assert sum(sizes) < 300_000


def test_metadata_that_the_index_did_not_promise(house, open_source):
    with IndexServer(house) as server:
        server.metadata_hash = "0" * 64
        source = open_source(site(server))
        with pytest.raises(UntrustedError) as caught:
            source.metadata(wheel_of(source, "attrs"))
        got = str(caught.value).partition("got ")[2].partition("\n")[0]
        name = "attrs-25.1-py3-none-any.whl"
        assert str(caught.value) == (
            f"http://{server.host}/files/{name}.metadata: the metadata of {name} is not what the "
            f"index promised: expected sha256:{'0' * 64}, got {got}\n"
            "  help: tell who runs the index; a mirror in between may mix old and new pages"
        )


def test_metadata_of_another_project(house, open_source):
    name = "other-1.0-py3-none-any.whl"
    (house / name).write_bytes((house / NAME).read_bytes())
    with IndexServer(house) as server:
        source = open_source(site(server))
        with pytest.raises(UntrustedError) as caught:
            source.metadata(wheel_of(source, "other"))
        assert str(caught.value) == (
            f"http://{server.host}/files/{name}: the metadata of {name} is that of six 1.16.0\n"
            "  help: do not use this file: exclude its version, and tell who runs the index"
        )


def test_a_wheel_that_is_none(house, open_source):
    name = "torn-1.0-py3-none-any.whl"
    (house / name).write_bytes(b"not a zip file")
    with IndexServer(house, metadata="none") as server:
        source = open_source(site(server))
        with pytest.raises(UntrustedError) as caught:
            source.metadata(wheel_of(source, "torn"))
        assert str(caught.value) == (
            f"http://{server.host}/files/{name}: {name} is not a wheel that can be read: "
            "File is not a zip file\n"
            "  help: do not use this file: exclude its version, and tell who runs the index"
        )


def sdist_of(source, project):
    (sdist,) = [d for d in source.releases(project)[0].distributions if d.kind == "sdist"]
    return sdist


def test_a_source_distribution_that_tells_its_metadata_is_believed(house, open_source):
    recipe = Recipe(name="six", version="2.0", requires=["attrs"], requires_python=">=3.8")
    Sdist(recipe).build(house)
    with IndexServer(house, metadata="none") as server:
        source = open_source(site(server))
        metadata = source.metadata(sdist_of(source, "six"))
        assert (metadata.requires, metadata.requires_python) == (("attrs",), ">=3.8")
        asked = len(server.requests)
        again = open_source(site(server))
        assert again.metadata(sdist_of(again, "six")) == metadata
        assert len(server.requests) == asked


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("Metadata-Version: 2.4", "Metadata-Version: 2.1"),
        ("Metadata-Version: 2.4", "Metadata-Version: new"),
        ("Name: six", "Name: six\nDynamic: Requires-Dist"),
        ("Name: six", "Name: six\nDynamic: requires-python"),
    ],
)
def test_a_source_distribution_that_may_change_its_mind_is_asked(house, open_source, old, new):
    info = b"Metadata-Version: 2.4\nName: six\nVersion: 2.0\n"
    with tarfile.open(house / "six-2.0.tar.gz", "w:gz") as archive:
        content = info.replace(old.encode(), new.encode())
        member = tarfile.TarInfo("six-2.0/PKG-INFO")
        member.size = len(content)
        archive.addfile(member, io.BytesIO(content))
    asked = []

    def prepare(distribution, path):
        asked.append((distribution.filename, sha256_of(Path(path))))
        return info + b"Requires-Dist: attrs\n"

    with IndexServer(house, metadata="none") as server:
        source = open_source(site(server), elsewhere=Elsewhere(prepare))
        sdist = sdist_of(source, "six")
        assert source.metadata(sdist).requires == ("attrs",)
        assert asked == [("six-2.0.tar.gz", sha256_of(house / "six-2.0.tar.gz"))]
        nobody = open_source(site(server))
        with pytest.raises(OutsideError) as caught:
            nobody.metadata(sdist)
    assert str(caught.value) == (
        f"{sdist.url}: six-2.0.tar.gz does not tell its metadata, and nothing is built here\n"
        "  help: ask for a version that has wheels"
    )


def test_a_source_distribution_that_is_none(house, open_source, tmp_path):
    with IndexServer(house, metadata="none") as server:
        source = open_source(site(server))
        sdist = sdist_of(source, "six")
        with pytest.raises(UntrustedError) as caught:
            source.metadata(sdist)
    place = f"{tmp_path}/cache/wheels-v1/{sdist.digest[7:]}/six-1.16.0.tar.gz"
    assert str(caught.value) == (
        f"{place}: six-1.16.0.tar.gz is not a source distribution that can be read: "
        "not a gzip file\n"
        "  help: do not use this file; ask for another version, or tell who publishes it"
    )


def test_the_cache_is_private(house, open_source, tmp_path):
    with IndexServer(house) as server:
        open_source(site(server)).releases("six")
    assert (tmp_path / "cache").stat().st_mode & 0o777 == 0o700


class Full(Cache):
    """A cache that cannot be written any more."""

    def write(self, place, content):
        """Nothing is kept."""


def test_what_is_listed_stays_on_the_disk_but_never_an_older_page(house, tmp_path):
    with IndexServer(house, cache_control="no-cache") as server:
        cache, client = Cache(str(tmp_path / "cache")), Client()
        index = RemoteIndex("site", server.url, cache=cache, client=client)
        assert isinstance(index._ask("six", None).files, pages._KeptFiles)
        Recipe(name="six", version="99").build(house)
        full = RemoteIndex("site", server.url, cache=Full(cache.root), client=client)
        assert full._ask("six", None).versions[0] == "99"
        client.close()
