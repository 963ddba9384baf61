import io
import os
import tarfile
from collections.abc import Sequence
from pathlib import Path

import pytest

from envc.disk.untar import untar
from support.cores import file, special, tar_of

Member = tuple[tarfile.TarInfo, bytes]
LINK, HARD = tarfile.SYMTYPE, tarfile.LNKTYPE


def unpacked(folder: Path, *members: Member, limit_bytes: int = 1 << 20) -> dict[str, str]:
    """The files and links that there are afterwards: path → content, or where it leads."""
    folder.mkdir()
    with tarfile.open(fileobj=io.BytesIO(tar_of(*members))) as archive:
        untar(archive, str(folder), limit_bytes)
    return {
        str(path.relative_to(folder)): f"-> {path.readlink()}"
        if path.is_symlink()
        else path.read_text()
        for path in sorted(folder.rglob("*"))
        if path.is_symlink() or path.is_file()
    }


CASES: dict[str, tuple[Sequence[Member], dict[str, str]]] = {
    "a folder without an entry of its own": ([file("a/b/c", b"x")], {"a/b/c": "x"}),
    "an absolute name": ([file("/a/b", b"x")], {"a/b": "x"}),
    "a name with a detour": ([file("./a/../b", b"x")], {"b": "x"}),
    "twice: the later stays": ([file("a", b"1"), file("a", b"2")], {"a": "2"}),
    "a link that a file replaces": ([special("a", LINK, "b"), file("a", b"1")], {"a": "1"}),
    "a file that a link replaces": (
        [file("b", b"1"), file("a", b"2"), special("a", LINK, "b")],
        {"a": "-> b", "b": "1"},
    ),
    "a link to what comes later": (
        [special("a/link", LINK, "../b/c"), file("b/c", b"1")],
        {"a/link": "-> ../b/c", "b/c": "1"},
    ),
    "a link to what is not there": ([special("a", LINK, "none")], {"a": "-> none"}),
    "a hard link": ([file("a", b"1"), special("b", HARD, "a")], {"a": "1", "b": "1"}),
    "one of two hard links replaced": (
        [file("a", b"1"), special("b", HARD, "a"), file("a", b"2")],
        {"a": "2", "b": "1"},
    ),
}


@pytest.mark.parametrize("case", CASES)
def test_what_archives_hold(tmp_path, case):
    members, expected = CASES[case]
    assert unpacked(tmp_path / "here", *members) == expected


HOSTILE: dict[str, tuple[Sequence[Member], str]] = {
    "a name that leads out": ([file("../x")], "'../x' would be extracted to"),
    "a name that leads out by a detour": ([file("a/../../x")], "which is outside the destination"),
    "an absolute link": ([special("a", LINK, "/etc/passwd")], "'a' would link to '/etc/passwd'"),
    "a link that leads out": ([special("a/b", LINK, "../../x")], "'a/b' would link to '../../x'"),
    "a link that leads out by way of another": (
        [special("a/up", LINK, ".."), special("out", LINK, "a/up/../x")],
        "'out' would link to 'a/up/../x'",
    ),
    "links in a circle": (
        [special("a", LINK, "b"), special("b", LINK, "a")],
        "'a' would link to 'b'",
    ),
    "a link without a name": ([special("", LINK, "..")], "is both a file and a folder"),
    "a link to nothing": ([special("a", LINK, "")], "'a' would link to ''"),
    "a file below a link": (
        [special("a", LINK, "."), file("a/x")],
        "'a' is both a link and a folder",
    ),
    "a file below a link that leads out": (
        [special("a", LINK, ".."), file("a/x")],
        "'a' would link to '..'",
    ),
    "a link below a link": (
        [special("a", LINK, "."), special("a/b", LINK, "c")],
        "'a' is both a link and a folder",
    ),
    "a hard link that leads out": ([special("a", HARD, "../x")], "'../x' would be extracted to"),
    "a hard link to what is on the disk": (
        [special("a", HARD, "/etc/passwd")],
        "'a' is a hard link to no file before it",
    ),
    "a hard link to a link": (
        [special("a", LINK, "/etc/passwd"), special("b", HARD, "a")],
        "'b' is a hard link to no file before it",
    ),
    "a hard link to itself": (
        [file("a"), special("a", HARD, "a")],
        "'a' is a hard link to no file before it",
    ),
    "a device": ([special("a", tarfile.CHRTYPE)], "'a' is a special file"),
    "a pipe": ([special("a", tarfile.FIFOTYPE)], "'a' is a special file"),
    "a file and a folder": ([file("a"), file("a/b")], "'a/b' is both a file and a folder"),
    "a folder and a file": ([file("a/b"), file("a")], "'a' is both a file and a folder"),
}


@pytest.mark.parametrize("case", HOSTILE)
def test_what_is_refused(tmp_path, case):
    members, what = HOSTILE[case]
    (tmp_path / "x").write_text("as it was")
    with pytest.raises(tarfile.TarError) as caught:
        unpacked(tmp_path / "here", *members)
    assert what in str(caught.value)
    assert sorted(os.listdir(tmp_path)) == ["here", "x"]
    assert (tmp_path / "x").read_text() == "as it was"


def test_a_chain_of_links_that_is_longer_than_a_path_may_be(tmp_path):
    """`tarfile` looked where such a chain leads, on the disk, and was answered too early."""
    members, place, above = [], "", ""
    for letter in "abcdefghijklmnop":
        members += [special(f"{place}{'d' * 247}", tarfile.DIRTYPE)]
        members += [special(f"{place}{letter}", LINK, "d" * 247)]
        place, above = f"{place}{letter}/", f"../{above}"
    members += [special(f"{place}{'l' * 254}", LINK, above)]
    members += [special("escape", LINK, f"{place}{'l' * 254}/../x"), file("escape", b"y")]
    (tmp_path / "x").write_text("as it was")
    with pytest.raises(tarfile.TarError):
        unpacked(tmp_path / "here", *members)
    assert (tmp_path / "x").read_text() == "as it was"


def test_modes_are_those_of_sources_and_times_are_kept(tmp_path):
    plain, program, strange = file("plain", mode=0o4600), file("program", mode=0o777), file("s")
    plain[0].mtime, strange[0].pax_headers = 1_000_000_000, {"mtime": "inf"}
    unpacked(tmp_path / "here", plain, program, strange)
    found = [os.stat(tmp_path / "here" / name).st_mode & 0o7777 for name in ("plain", "program")]
    assert found == [0o644, 0o755]
    assert os.stat(tmp_path / "here/plain").st_mtime == 1_000_000_000


def test_an_archive_that_is_too_large(tmp_path):
    with pytest.raises(ValueError, match="it unpacks to more than 5 bytes"):
        unpacked(tmp_path / "here", file("a", b"123"), file("b", b"456"), limit_bytes=5)
