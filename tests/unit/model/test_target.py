"""Targets: what `packaging` says of this machine, and what the PEPs say of others."""

import platform
import sys

import pytest
from packaging.markers import default_environment
from packaging.tags import Tag, sys_tags

from envc.host.machine import machine_of
from envc.model.target import Target, default_libc

FULL = ".".join(map(str, sys.version_info[:3]))


def platforms(target):
    """The platform tags of wheels for this very ABI, best first."""
    abi = "cp" + target.python.replace(".", "")
    return [tag.platform for tag in target.tags if tag.abi == tag.interpreter == abi]


def target(platform_, libc=None, **options):
    libc = libc or default_libc(platform_)
    return Target(name="t", python_full="3.11.7", platform=platform_, libc=libc, **options)


@pytest.mark.skipif(sys.platform != "linux", reason="the tags of other systems depend on more")
def test_the_tags_of_this_machine_are_those_that_packaging_finds():
    here = machine_of(None)
    made = Target(name="host", python_full=FULL, platform=here.platform, libc=here.libc)
    assert list(made.tags) == list(sys_tags())


def test_the_markers_of_this_machine_are_those_that_packaging_finds():
    here = machine_of(None)
    made = Target(name="host", python_full=FULL, platform=here.platform, libc=here.libc)
    found = default_environment()
    depends_on_the_boot = {"platform_release", "platform_version"}
    assert {k: v for k, v in made.markers.items() if k not in depends_on_the_boot} == {
        k: v for k, v in found.items() if k not in depends_on_the_boot
    }


def test_glibc_by_age_with_the_old_names():
    assert platforms(target("linux-x86_64", "glibc-2.18")) == [
        "linux_x86_64",
        "manylinux_2_18_x86_64",
        "manylinux_2_17_x86_64",
        "manylinux2014_x86_64",
        "manylinux_2_16_x86_64",
        "manylinux_2_15_x86_64",
        "manylinux_2_14_x86_64",
        "manylinux_2_13_x86_64",
        "manylinux_2_12_x86_64",
        "manylinux2010_x86_64",
        "manylinux_2_11_x86_64",
        "manylinux_2_10_x86_64",
        "manylinux_2_9_x86_64",
        "manylinux_2_8_x86_64",
        "manylinux_2_7_x86_64",
        "manylinux_2_6_x86_64",
        "manylinux_2_5_x86_64",
        "manylinux1_x86_64",
    ]


def test_other_architectures_begin_with_manylinux2014():
    assert platforms(target("linux-aarch64", "glibc-2.17")) == [
        "linux_aarch64",
        "manylinux_2_17_aarch64",
        "manylinux2014_aarch64",
    ]


def test_musl():
    assert platforms(target("linux-x86_64", "musl-1.2")) == [
        "linux_x86_64",
        "musllinux_1_2_x86_64",
        "musllinux_1_1_x86_64",
        "musllinux_1_0_x86_64",
    ]


def test_macos():
    found = platforms(target("macos-arm64", "macos-12.0"))
    assert found[:4] == [
        "macosx_12_0_arm64",
        "macosx_12_0_universal2",
        "macosx_11_0_arm64",
        "macosx_11_0_universal2",
    ]
    assert target("macos-arm64").libc == "macos-14.0"


def test_windows():
    made = target("windows-x86_64")
    assert platforms(made) == ["win_amd64"]
    assert (made.markers["sys_platform"], made.markers["os_name"]) == ("win32", "nt")
    assert made.markers["platform_machine"] == "AMD64"


def test_stable_abi_and_pure_wheels_come_after_the_own_abi():
    tags = target("linux-x86_64", "glibc-2.28").tags
    order = [
        Tag("cp311", "cp311", "manylinux_2_28_x86_64"),
        Tag("cp311", "abi3", "manylinux_2_28_x86_64"),
        Tag("cp311", "none", "manylinux_2_28_x86_64"),
        Tag("cp310", "abi3", "manylinux_2_28_x86_64"),
        Tag("py311", "none", "manylinux_2_28_x86_64"),
        Tag("cp311", "none", "any"),
        Tag("py3", "none", "any"),
    ]
    places = [tags.index(tag) for tag in order]
    assert places == sorted(places)
    assert Tag("cp312", "cp312", "manylinux_2_28_x86_64") not in tags
    assert Tag("cp311", "cp311", "manylinux_2_29_x86_64") not in tags


def test_what_is_not_said_is_the_systems_default():
    assert target("linux-x86_64").libc == "glibc-2.28"
    made = target("linux-x86_64", "glibc-2.34", cpu="x86-64-v3")
    assert (made.python, made.python_full, made.cpu) == ("3.11", "3.11.7", "x86-64-v3")


def test_this_machine_is_what_the_system_says():
    here = machine_of(None)
    assert here.platform == f"{platform.system().lower()}-{platform.machine()}"
    assert here.python_full == FULL
