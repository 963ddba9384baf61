"""Which releases an advisory is about: the examples of OSV's schema, and what databases write."""

import pytest
from packaging.utils import canonicalize_name

from envc.check.vulnerable import vulnerabilities
from envc.model.advisory import Advisory, AffectedProject, VersionRange

PROJECT = canonicalize_name("demo")


def advisory(*events: tuple[str, str], versions: tuple[str, ...] = (), name: str = "A") -> Advisory:
    found = AffectedProject(
        project=PROJECT, versions=versions, ranges=(VersionRange(events=events),) if events else ()
    )
    return Advisory(id=name, affected=(found,))


@pytest.mark.parametrize(
    ("events", "affected", "well"),
    [
        ([("introduced", "0"), ("fixed", "1.0")], ["0.1", "1.0rc1"], ["1.0", "2"]),
        ([("introduced", "1.0"), ("last_affected", "1.5")], ["1.0", "1.5"], ["0.9", "1.5.1"]),
        (
            [("introduced", "0"), ("fixed", "1.0"), ("introduced", "2.0"), ("fixed", "2.2")],
            ["0.5", "2.0", "2.1"],
            ["1.5", "2.2"],
        ),
        # The order in the file tells nothing.
        ([("fixed", "2"), ("introduced", "1")], ["1", "1.9"], ["0.9", "2"]),
        ([("introduced", "1"), ("limit", "3")], ["1", "2.9"], ["3", "4"]),
        ([("introduced", "1"), ("limit", "*")], ["1", "4"], ["0.1"]),
        # What is no version by PEP 440 begins with the first release, and ends nothing.
        ([("introduced", "abc"), ("fixed", "1")], ["0.1"], ["1"]),
        ([("introduced", "0"), ("fixed", "abc")], ["7"], []),
    ],
)
def test_a_range(events, affected, well):
    for version in affected:
        assert vulnerabilities(PROJECT, version, [advisory(*events)]), version
    for version in well:
        assert not vulnerabilities(PROJECT, version, [advisory(*events)]), version


def test_a_local_version_is_the_release_that_it_was_built_from():
    found = advisory(versions=("2.8.0",))
    assert vulnerabilities(PROJECT, "2.8.0+cu126", [found])
    assert not vulnerabilities(PROJECT, "2.8.1+cu126", [found])


def test_one_vulnerability_by_two_names_is_one():
    first = Advisory(id="GHSA-1", aliases=("CVE-1",), affected=advisory(versions=("1",)).affected)
    second = Advisory(id="PYSEC-1", aliases=("CVE-1",), summary="Bad", affected=first.affected)
    (found,) = vulnerabilities(PROJECT, "1", [second, first])
    assert (found.names, found.summary) == (("GHSA-1", "PYSEC-1", "CVE-1"), "Bad")


def test_the_first_releases_that_have_it_mended():
    found = advisory(("introduced", "0"), ("fixed", "1.5"), ("introduced", "1.8"), ("fixed", "2.1"))
    (told,) = vulnerabilities(PROJECT, "1.0", [found])
    assert told.fixed_in == ("1.5",)
