"""The table of names that can stand in a target, or in an overlay's folder."""

import pytest

from envc.model.names import TAKEN_NAMES, TARGET_NAMES

HEX = "0123456789abcdef" * 4


def named(names, *standing):
    return [name for name in names if name.fits(*standing)]


@pytest.mark.parametrize(
    "standing",
    [
        ("current", "link", "generations/000003"),
        (f"by-lock/{HEX}", "link", "../generations/000003"),
        ("user", "link", "current/user"),
        ("modulefiles/canopy/user.lua", "link", "../../current/user/modulefile.lua"),
        ("bin/envc", "file", ""),
        ("generations/000003", "folder", ""),
        (f"store/wheels/{HEX}-cpython-311-5", "folder", ""),
        ("location.toml", "file", ""),
        ("policy.json", "file", ""),
        (".lock", "file", ""),
    ],
)
def test_what_envc_puts_into_a_target_is_in_the_table_once(standing):
    assert len(named(TARGET_NAMES, *standing)) == 1


@pytest.mark.parametrize(
    "standing",
    [
        ("bin/tool", "file", ""),
        ("modulefiles/gcc/12.lua", "file", ""),
        ("modulefiles/gcc/default", "link", "12.lua"),
        ("latest", "link", "current"),
        ("user", "folder", ""),
        ("current", "folder", ""),
        ("store/wheels/mine", "folder", ""),
        ("store", "folder", ""),
        ("generations/old", "folder", ""),
        (f"by-lock/{HEX}", "link", "/etc"),
    ],
)
def test_what_somebody_else_put_there_is_not(standing):
    assert named(TARGET_NAMES, *standing) == []


def test_a_folder_is_entered_only_where_the_table_names_something_in_it():
    assert any(name.stands_in("modulefiles/canopy") for name in TARGET_NAMES)
    assert not any(name.stands_in("lib") for name in TARGET_NAMES)


@pytest.mark.parametrize("name", ["bin", "store", "current", "site", "manifests", "trash", "pins"])
def test_no_layer_takes_a_name_of_the_table(name):
    assert name in TAKEN_NAMES
