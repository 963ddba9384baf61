"""Random locks written and read: the same lock, the same bytes, and what other tools make of it."""

import tomllib
from datetime import UTC, datetime

import pytest
import tomli_w
from hypothesis import given, settings
from hypothesis import strategies as st
from packaging.pylock import Pylock

from envc.formats.pylock import lock_to_text
from envc.formats.pylock_read import lock_from_text
from envc.model.lock import BaseReference, Lock, LockedPin, LockedWheel
from envc.model.target import Target

pytestmark = pytest.mark.slow

names = st.sampled_from(["numpy", "scipy", "six", "a-b", "x1"])
versions = st.sampled_from(["1.0", "2.0.1", "1!2.0rc1", "2026.1.post1", "1.0+local.1"])
digests = st.sampled_from(["sha256:" + "0" * 64, "sha256:" + "9f" * 32])
markers = st.sampled_from(
    [None, 'sys_platform == "linux"', 'sys_platform == "linux" and platform_machine == "x86_64"']
)
FIRST = datetime(2010, 1, 1)  # noqa: DTZ001 - hypothesis takes naive bounds and adds the zone
times = st.none() | st.datetimes(
    min_value=FIRST, max_value=FIRST.replace(year=2030), timezones=st.just(UTC)
)
tags = st.sampled_from(["py3-none-any", "cp311-cp311-manylinux_2_28_x86_64", "1-py3-none-any"])


@st.composite
def wheels(draw, name, version):
    filename = f"{name.replace('-', '_')}-{version}-{draw(tags)}.whl"
    place = {"url": f"https://index.test/{filename}"}
    if draw(st.booleans()):
        place = {"path": draw(st.sampled_from(["", "wheels/", "/w/a b/"])) + filename}
    return LockedWheel(
        filename=filename,
        digest=draw(digests),
        size_bytes=draw(st.none() | st.integers(0, 1 << 40)),
        upload_time=draw(times),
        **place,
    )


@st.composite
def pins(draw):
    name, version = draw(names), draw(versions)
    return LockedPin(
        project=name,
        version=version,
        wheels=tuple(draw(st.lists(wheels(name, version), min_size=1, max_size=2))),
        marker=draw(markers),
        requires_python=draw(st.sampled_from([None, ">=3.8", "<4,>=3.8"])),
        index=draw(st.sampled_from([None, "https://index.test/simple"])),
        dependencies=tuple(sorted(draw(st.sets(names, max_size=2)))),
    )


projects = st.sets(names, max_size=2).map(sorted).map(tuple)
targets = st.builds(
    Target,
    name=st.sampled_from(["node", "host"]),
    python_full=st.just("3.11.7"),
    platform=st.just("linux-x86_64"),
    libc=st.sampled_from(["glibc-2.28", ""]),
    cpu=st.sampled_from([None, "x86-64-v3"]),
)
bases = st.builds(BaseReference, st.sampled_from(["user", "system"]), digests)
locks = st.builds(
    Lock,
    layer=st.sampled_from(["user", "alice"]),
    pins=st.lists(pins(), max_size=3, unique_by=lambda pin: pin.project).map(tuple),
    requires_python=st.sampled_from([None, "==3.11.*"]),
    environments=st.lists(markers.filter(bool), max_size=2, unique=True).map(tuple),
    targets=st.lists(targets, max_size=2).map(tuple),
    inputs=digests,
    base=st.none() | bases,
    shadows=projects,
    lifts=projects,
    hides=projects,
)
quick = settings(max_examples=150, deadline=None, derandomize=True)


@quick
@given(locks)
def test_a_lock_reads_back(lock):
    text = lock_to_text(lock)
    assert lock_from_text(text, "pylock.x.toml", "x") == lock
    assert lock_to_text(lock_from_text(text, "pylock.x.toml", "x")) == text


@quick
@given(locks)
def test_it_is_laid_out_as_by_the_library(lock):
    text = lock_to_text(lock).decode()
    assert tomli_w.dumps(tomllib.loads(text)) == text


@quick
@given(locks)
def test_the_standards_own_reader_accepts_it(lock):
    pylock = Pylock.from_dict(tomllib.loads(lock_to_text(lock).decode()))
    assert [package.name for package in pylock.packages] == [pin.project for pin in lock.pins]
