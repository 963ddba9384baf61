"""A Python as one word: versions, and the free-threaded build's `t`."""

import sys
import sysconfig

import pytest

from envc.model.python import (
    is_free_threaded,
    minor_of,
    python_of,
    running_python,
    running_python_full,
    version_of,
)
from envc.model.target import Target


@pytest.mark.parametrize(
    ("full", "python", "version"), [("3.11.7", "3.11", "3.11.7"), ("3.14.10t", "3.14t", "3.14.10")]
)
def test_a_word_has_a_version_and_a_build(full, python, version):
    assert (python_of(full), version_of(full)) == (python, version)
    assert minor_of(python) == int(version.split(".")[1])
    assert is_free_threaded(python) == is_free_threaded(full) == full.endswith("t")


def test_the_running_one_is_named_as_its_folders_are():
    assert running_python_full().startswith(sys.version.split()[0].rstrip("+"))
    assert sysconfig.get_path("purelib").endswith(f"/python{running_python()}/site-packages")


def tags_of(python_full: str) -> set[str]:
    target = Target(
        name="host", python_full=python_full, platform="linux-x86_64", libc="glibc-2.17"
    )
    return {str(tag) for tag in target.tags}


def test_the_free_threaded_build_takes_its_own_wheels():
    found = tags_of("3.13.5t")
    assert "cp313-cp313t-manylinux_2_17_x86_64" in found
    assert {"cp313-none-any", "py3-none-any", "py313-none-any"} <= found
    assert not {"cp313-cp313-manylinux_2_17_x86_64", "cp38-abi3-manylinux_2_17_x86_64"} & found
    assert "cp313-cp313t-manylinux_2_17_x86_64" not in tags_of("3.13.5")


def test_markers_do_not_tell_builds_apart():
    one, other = (
        Target(name="n", python_full=full, platform="linux-x86_64", libc="glibc-2.17")
        for full in ("3.14.1", "3.14.1t")
    )
    assert one.markers == other.markers
    assert (one.python, other.python) == ("3.14", "3.14t")
