"""Who else could change or replace a folder: asked of the real path, from the root down."""

import os
import shutil
import struct
import subprocess
from pathlib import Path

import pytest

from envc.disk.ownership import exposure, refuse_exposed
from envc.errors import UsageError

STRANGER, OTHER = 6, 5  # Debian's man and games
needs_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root gives folders away")


@pytest.fixture
def way(tmp_path):
    """Three folders, one in the other, on a way that nobody else can change."""
    folder = tmp_path / "a" / "b" / "c"
    folder.mkdir(parents=True)
    for each in (folder, *folder.parents):
        if each.is_relative_to(tmp_path):
            each.chmod(0o755)
    return folder


def seen(folder, owners=()):
    fault = exposure(str(folder), owners)
    return None if fault is None else (fault.where, fault.what, fault.mend)


def test_a_folder_of_ones_own_is_nobody_elses(way):
    assert seen(way) is None
    assert seen(way / "not" / "there") is None
    refuse_exposed(str(way))


@pytest.mark.parametrize("level", [0, 1, 2])
def test_a_folder_that_all_may_write_to_is_refused_wherever_it_is(way, level):
    exposed = [way, *way.parents][level]
    exposed.chmod(0o777)
    where, what, mend = seen(way)
    assert where == str(exposed)
    assert what == "everybody may write to this folder, and so could replace what is in it"
    assert f"chmod o-w {exposed}" in mend
    with pytest.raises(UsageError, match="everybody may write"):
        refuse_exposed(str(way))


def test_a_sticky_folder_protects_what_is_ones_own_in_it_but_is_not_ones_own(way):
    way.parent.chmod(0o1777)
    assert seen(way) is None
    way.chmod(0o1777)
    assert seen(way)[0] == str(way)


@needs_root
@pytest.mark.parametrize("level", [0, 1, 2])
def test_a_stranger_may_own_nothing_on_the_way(way, level):
    theirs = [way, *way.parents][level]
    os.chown(theirs, STRANGER, STRANGER)
    where, what, _ = seen(way)
    assert where == str(theirs)
    assert what.startswith("it belongs to user man")
    assert seen(way, {STRANGER}) is None


@needs_root
def test_a_sticky_folder_of_a_stranger_protects_nothing(way):
    way.parent.chmod(0o1777)
    os.chown(way.parent, STRANGER, STRANGER)
    assert seen(way)[0] == str(way.parent)


@needs_root
def test_what_a_stranger_put_into_a_sticky_folder_is_refused(way):
    way.parent.chmod(0o1777)
    os.chown(way, STRANGER, STRANGER)
    assert seen(way)[0] == str(way)
    link = way.parent / "link"
    link.symlink_to("/usr")
    assert seen(link / "lib") is None
    os.chown(link, STRANGER, STRANGER, follow_symlinks=False)
    assert seen(link / "lib")[0] == str(link)


def test_a_link_is_followed_to_what_it_leads_to(way, tmp_path):
    link = tmp_path / "link"
    link.symlink_to("a/../a/b")
    assert seen(link / "c") is None
    way.parent.chmod(0o777)
    assert seen(link / "c")[0] == str(way.parent)


def test_links_in_a_circle_are_told(tmp_path):
    (tmp_path / "one").symlink_to("other")
    (tmp_path / "other").symlink_to("one")
    with pytest.raises(UsageError, match="too many links"):
        exposure(str(tmp_path / "one" / "x"))


@needs_root
def test_a_group_with_other_members_is_others(way):
    os.chown(way.parent, 0, 60)  # Debian's games, a group
    way.parent.chmod(0o775)
    where, what, mend = seen(way)
    assert where == str(way.parent)
    assert what.startswith("everybody in group games may write")
    assert f"chmod g-w {way.parent}" in mend
    way.parent.chmod(0o1775)
    assert seen(way) is None


@needs_root
def test_a_group_of_ones_own_is_not(way):
    os.chown(way.parent, OTHER, 60)  # the user games, and the group of his name
    way.parent.chmod(0o775)
    assert seen(way, {OTHER}) is None


@needs_root
def test_an_owner_without_a_number_here_gets_words_of_his_own(way):
    nobody = int(Path("/proc/sys/kernel/overflowuid").read_text())
    os.chown(way, nobody, nobody)
    assert seen(way)[1].startswith("nobody can tell whose this is")


def access_list(folder, *entries):
    """Give a folder an access list: tag, rights, number of each entry."""
    content = struct.pack("<I", 2) + b"".join(struct.pack("<HHI", *each) for each in entries)
    os.setxattr(folder, "system.posix_acl_access", content)


NOBODY = 0xFFFFFFFF


@pytest.mark.parametrize("rights", [7, 5])
def test_an_access_list_counts(way, rights):
    try:
        access_list(
            way.parent,
            (1, 7, NOBODY),
            (2, rights, STRANGER),
            (4, 5, NOBODY),
            (16, 7, NOBODY),
            (32, 5, NOBODY),
        )
    except OSError as error:
        pytest.skip(f"no access lists here: {error}")
    if rights == 5:
        assert seen(way) is None
        return
    where, what, mend = seen(way)
    assert (where, what[:12]) == (str(way.parent), "user man may")
    assert f"setfacl -x u:{STRANGER} {way.parent}" in mend
    setfacl = shutil.which("setfacl")
    if setfacl:
        subprocess.run([setfacl, "-x", f"u:{STRANGER}", way.parent], check=True)
        assert seen(way) is None
