"""Groups of targets, and the shortest marker that names some of them."""

import pytest
from packaging.markers import Marker

from envc.lock import target_groups
from envc.lock.targets import marker_for
from envc.model.target import Target, default_libc


def target(name, platform, python="3.11.7", libc=None):
    libc = libc or default_libc(platform)
    return Target(name=name, python_full=python, platform=platform, libc=libc)


LINUX = target("linux", "linux-x86_64")
OLD = target("old", "linux-x86_64", libc="glibc-2.17")
ARM = target("arm", "linux-aarch64")
MAC = target("mac", "macos-arm64")
WINDOWS = target("windows", "windows-x86_64")
PATCH = target("patch", "linux-x86_64", "3.11.9")
MAC_PATCH = target("mac-patch", "macos-arm64", "3.11.9")


def test_only_markers_tell_targets_apart():
    assert target_groups([LINUX, ARM, OLD]) == ((LINUX, OLD), (ARM,))


def test_targets_are_resolved_in_one_order_however_they_are_written():
    every = [WINDOWS, MAC, ARM, PATCH, OLD, LINUX]
    expected = ((LINUX, OLD), (PATCH,), (ARM,), (MAC,), (WINDOWS,))
    assert target_groups(every) == target_groups(every[::-1]) == expected


MARKERS = [
    ([LINUX, MAC], [LINUX, MAC], None),
    ([LINUX], [LINUX, MAC], "sys_platform == 'linux'"),
    ([LINUX], [LINUX, ARM], "platform_machine == 'x86_64'"),
    ([LINUX], [LINUX, PATCH], "python_full_version == '3.11.7'"),
    ([LINUX], [LINUX, ARM, MAC], "sys_platform == 'linux' and platform_machine == 'x86_64'"),
    ([MAC, WINDOWS], [LINUX, MAC, WINDOWS], "sys_platform == 'darwin' or sys_platform == 'win32'"),
    (
        [LINUX, MAC],
        [LINUX, ARM, MAC],
        (
            "(sys_platform == 'linux' and platform_machine == 'x86_64')"
            " or (sys_platform == 'darwin' and platform_machine == 'arm64')"
        ),
    ),
]


@pytest.mark.parametrize(("chosen", "all_", "marker"), MARKERS)
def test_the_marker_is_the_shortest_that_does(chosen, all_, marker):
    groups = target_groups(all_)
    assert marker_for([(each,) for each in chosen], groups) == marker


EVERY = [LINUX, ARM, MAC, WINDOWS, PATCH, MAC_PATCH]


@pytest.mark.parametrize("bits", range(1, 2 ** len(EVERY) - 1))
def test_a_marker_holds_on_what_was_chosen_and_nowhere_else(bits):
    chosen = [each for number, each in enumerate(EVERY) if bits >> number & 1]
    text = marker_for([(each,) for each in chosen], target_groups(EVERY))
    holds = [each for each in EVERY if Marker(text).evaluate(dict(each.markers))]
    assert holds == chosen
