"""Resolutions of several targets in one lock, and its bytes."""

from dataclasses import replace
from random import Random

import pytest

from envc.errors import OutsideError
from envc.formats.pylock import lock_to_text
from envc.formats.pylock_read import lock_from_text
from envc.lock import pinned_versions, select_wheels, with_absolute_paths
from envc.lock.merge import lock_layer
from support.cases import Case

TARGETS = """
[[target]]
name = "old"
platform = "linux-x86_64"
libc = "glibc-2.17"
python-full = "3.11.7"
[[target]]
name = "new"
platform = "linux-x86_64"
libc = "glibc-2.34"
python-full = "3.11.7"
[[target]]
name = "mac"
platform = "macos-arm64"
python-full = "3.11.7"
"""
TEXT = (
    """
[releases.numpy]
"1.0".tags = [ "cp311-cp311-manylinux2014_x86_64", "cp311-cp311-manylinux_2_28_x86_64",\
 "cp311-cp311-macosx_11_0_arm64" ]
"2.0" = { tags = ["cp311-cp311-macosx_11_0_arm64"] }
[releases.pure]
"1.0" = ["helper; sys_platform == 'darwin'"]
[releases.helper]
"1.0" = []
[releases.pinned]
"1.0" = { tags = ["cp311-cp311-manylinux2014_x86_64"] }
"1.1" = { tags = ["cp311-cp311-macosx_11_0_arm64"] }
[layer.user]
requires = ["numpy", "pure", "pinned"]
"""
    + TARGETS
)


def solve(text=TEXT):
    case = Case(text)
    (solved,) = case.solve()
    return case, solved


def test_pins_of_all_targets_with_markers_where_they_differ():
    _, solved = solve()
    assert [(pin.project, pin.version, pin.marker) for pin in solved.lock.pins] == [
        ("helper", "1.0", "sys_platform == 'darwin'"),
        ("numpy", "1.0", None),
        ("pinned", "1.0", "sys_platform == 'linux'"),
        ("pinned", "1.1", "sys_platform == 'darwin'"),
        ("pure", "1.0", None),
    ]
    assert solved.lock.environments == (
        "sys_platform == 'linux' and platform_machine == 'x86_64'",
        "sys_platform == 'darwin' and platform_machine == 'arm64'",
    )


def test_targets_that_no_marker_tells_apart_list_the_wheels_of_all():
    case, solved = solve()
    numpy = next(pin for pin in solved.lock.pins if pin.project == "numpy")
    assert [wheel.filename for wheel in numpy.wheels] == [
        "numpy-1.0-cp311-cp311-macosx_11_0_arm64.whl",
        "numpy-1.0-cp311-cp311-manylinux2014_x86_64.whl",
        "numpy-1.0-cp311-cp311-manylinux_2_28_x86_64.whl",
    ]
    chosen = {
        target.name: next(
            wheel.filename
            for pin, wheel in select_wheels(solved.lock, target)
            if pin.project == "numpy"
        )
        for target in case.site.targets
    }
    assert chosen == {
        "old": "numpy-1.0-cp311-cp311-manylinux2014_x86_64.whl",
        "new": "numpy-1.0-cp311-cp311-manylinux_2_28_x86_64.whl",
        "mac": "numpy-1.0-cp311-cp311-macosx_11_0_arm64.whl",
    }


def test_a_lock_gives_back_what_each_target_was_resolved_to():
    _, solved = solve()
    for resolution in solved.resolutions:
        expected = {pin.project: pin.version for pin in resolution.pins}
        for target in resolution.problem.targets:
            assert pinned_versions(solved.lock, target.markers) == expected


def test_the_file_reads_back_as_the_same_lock():
    """But for the quotes inside markers, which packaging writes its own way."""
    _, solved = solve()
    read = lock_from_text(lock_to_text(solved.lock), "pylock.user.toml", "user")
    assert lock_from_text(lock_to_text(read), "again", "user") == read
    assert lock_to_text(read).replace(b'\\"', b"'") == lock_to_text(solved.lock)


def shuffled(text, random):
    """The same case with every table's lines, and every list, in another order."""
    blocks = [block.splitlines() for block in text.strip().replace("\n[", "\n\0[").split("\0")]
    for block in blocks:
        rest = block[1:]
        random.shuffle(rest)
        block[1:] = rest
    targets = [block for block in blocks if block[0].startswith("[[")]
    others = [block for block in blocks if not block[0].startswith("[[")]
    random.shuffle(others)
    lines = [line for block in [*others, *targets] for line in block if line]
    return "\n".join(lines).replace('"numpy", "pure", "pinned"', '"pinned", "numpy", "pure"')


@pytest.mark.parametrize("seed", range(5))
def test_shuffled_input_gives_the_same_bytes(seed):
    other = shuffled(TEXT, Random(seed))
    assert lock_to_text(solve(other)[1].lock) == lock_to_text(solve()[1].lock)


def test_a_wheel_without_digest_cannot_be_locked():
    _, solved = solve()
    first = solved.resolutions[0]
    pin = first.pins[0]
    files = tuple(replace(file, digest=None) for file in pin.distributions)
    broken = replace(first, pins=(replace(pin, distributions=files),))
    with pytest.raises(OutsideError) as caught:
        lock_layer("user", [broken], inputs=solved.lock.inputs, base=solved.base, folder="/site")
    assert str(caught.value) == (
        "index https://index.test/simple gives no sha256 for "
        f"{files[0].filename}\n"
        "  help: use an index that lists hashes (PEP 503), or a folder of wheels"
    )


def test_relative_paths_start_at_the_folder_of_the_spec():
    _, solved = solve()
    pin = solved.lock.pins[0]
    there = replace(pin.wheels[0], url=None, path="wheels/x.whl")
    absolute = replace(pin.wheels[0], url=None, path="/w/x.whl")
    lock = replace(solved.lock, pins=(replace(pin, wheels=(there, absolute, pin.wheels[0])),))
    found = with_absolute_paths(lock, "/site").pins[0].wheels
    assert [wheel.path for wheel in found] == ["/site/wheels/x.whl", "/w/x.whl", None]


def test_the_order_of_the_targets_does_not_count():
    old, new, mac = TARGETS.split("[[target]]")[1:]
    shuffled = TEXT.replace(TARGETS, "".join(f"[[target]]{each}" for each in (mac, new, old)))
    assert shuffled != TEXT
    assert lock_to_text(solve(shuffled)[1].lock) == lock_to_text(solve()[1].lock)


def test_an_upper_bound_that_a_target_exceeds_is_not_written():
    releases = (
        '[releases.a]\n"1" = { python = "<3.10" }\n[releases.b]\n"1" = { python = "<3.12" }\n'
    )
    _, solved = solve(releases + '[layer.user]\nrequires = ["a", "b"]\n')
    assert [(pin.project, pin.requires_python) for pin in solved.lock.pins] == [
        ("a", None),
        ("b", "<3.12"),
    ]
