"""One suite over every `CandidateSource`: the fake says what the real ones say."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime

import pytest
from packaging.version import Version

from envc.errors import OutsideError, TimeIsUpError
from envc.index import IndexSource
from envc.model.release import CoreMetadata
from envc.model.spec import IndexSpec
from envc.ports import CandidateSource
from support.fakes import FakeRelease, FakeSource
from support.index_server import IndexServer
from support.wheels import build_all

TABLES = {
    "six": {"1.9.0": [], "1.16.0": [], "1.10.0": [], "2.0rc1": []},
    "Mixed.Name": {
        "1.0": {
            "requires": ["six>=1.10; python_version >= '3'"],
            "extras": {"All": ["six<2"]},
            "python": ">=3.8",
            "tags": ["py3-none-any", "cp311-cp311-manylinux_2_28_x86_64"],
            "uploaded": datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC),
        },
        "0.9": {"metadata-python": ">=3.7", "yanked": "broken"},
    },
}
RELEASES = [
    FakeRelease.of(project, version, value)
    for project, versions in TABLES.items()
    for version, value in versions.items()
]


@contextmanager
def fake(folder, cache) -> Iterator[CandidateSource]:
    yield FakeSource(TABLES)


@contextmanager
def of_folder(folder, cache) -> Iterator[CandidateSource]:
    with IndexSource([IndexSpec(name="site", path=str(folder))], {}, cache=cache) as source:
        yield source


@contextmanager
def of_server(folder, cache) -> Iterator[CandidateSource]:
    facts = {
        recipe.filename: release.facts() for release in RELEASES for recipe in release.recipes()
    }
    with (
        IndexServer(folder, facts=facts) as server,
        IndexSource([IndexSpec(name="site", url=server.url)], {}, cache=cache) as source,
    ):
        yield source


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("wheels")
    build_all([recipe for release in RELEASES for recipe in release.recipes()], folder)
    return folder


@pytest.fixture(params=[fake, of_folder, of_server], ids=["fake", "folder", "server"])
def source(request, folder, tmp_path):
    with request.param(folder, str(tmp_path / "cache")) as source:
        yield source


def test_releases_come_newest_first(source):
    found = [str(release.version) for release in source.releases("six")]
    assert found == ["2.0rc1", "1.16.0", "1.10.0", "1.9.0"]


def test_a_project_that_is_nowhere_has_no_releases(source):
    assert source.releases("nowhere") == ()


def test_distributions_come_in_order_of_file_name(source):
    (newest, _) = source.releases("mixed-name")
    assert [
        (file.filename.lower().replace("mixed.name", "mixed_name"), file.kind)
        for file in newest.distributions
    ] == [
        ("mixed_name-1.0-cp311-cp311-manylinux_2_28_x86_64.whl", "wheel"),
        ("mixed_name-1.0-py3-none-any.whl", "wheel"),
    ]


def test_every_distribution_names_its_project_its_version_and_a_digest(source):
    for release in source.releases("mixed-name"):
        for file in release.distributions:
            assert (file.project, file.version) == ("mixed-name", release.version)
            assert file.digest is not None
            assert file.size_bytes


def test_metadata_is_as_the_wheel_has_it(source):
    newest, oldest = source.releases("mixed-name")
    assert source.metadata(newest.distributions[0]) == CoreMetadata(
        project="mixed-name",
        version="1.0",
        requires=("six>=1.10; python_version >= '3'", "six<2 ; extra == 'All'"),
        requires_python=">=3.8",
        extras=("all",),
    )
    assert source.metadata(oldest.distributions[0]).requires_python == ">=3.7"


def test_answers_do_not_change_and_prefetching_changes_none(source):
    before = source.releases("six")
    source.prefetch(["six", "nowhere"])
    source.prefetch_metadata(before[0].distributions)
    assert source.releases("six") == before
    assert source.releases("nowhere") == ()
    first = before[0].distributions[0]
    assert source.metadata(first) == source.metadata(first)
    assert source.arrived_releases("six") in (None, before)
    assert source.arrived_metadata(first) in (None, source.metadata(first))
    assert source.arrived_releases("mixed-name") is None  # nobody has started on it


def test_metadata_of_a_file_that_is_gone_is_an_error_of_the_outside(source):
    first = source.releases("six")[0].distributions[0]
    gone = replace(
        first,
        version=Version("9.9"),
        filename="six-9.9-py3-none-any.whl",
        url=first.url.replace("2.0rc1", "9.9"),
        digest="sha256:" + "0" * 64,
        metadata=False,
    )
    with pytest.raises(OutsideError):
        source.metadata(gone)


def test_a_page_says_what_the_fake_says(folder, tmp_path):
    """Facts that only an index page has: a folder of wheels knows none of them."""
    with of_server(folder, str(tmp_path)) as server, fake(folder, "") as source:
        for said, meant in zip(
            server.releases("mixed-name"), source.releases("mixed-name"), strict=True
        ):
            assert [
                (file.requires_python, file.upload_time, file.yanked) for file in said.distributions
            ] == [
                (file.requires_python, file.upload_time, file.yanked)
                for file in meant.distributions
            ]


def test_a_source_in_a_hurry_answers_as_always_while_there_is_time(source):
    with source.within(3600) as hurried:
        hurried.go_on()
        found, always = hurried.releases("six"), source.releases("six")
        assert [release.version for release in found] == [release.version for release in always]
        file = found[0].distributions[0]
        assert hurried.metadata(file) == source.metadata(file)


def test_whoever_thinks_when_the_time_is_up_is_ended(source):
    if isinstance(source, FakeSource):
        source.looks_in_a_hurry = -1
    with source.within(-1) as hurried, pytest.raises(TimeIsUpError):
        hurried.go_on()
