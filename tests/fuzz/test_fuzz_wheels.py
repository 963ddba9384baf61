"""Wheels that were honest until somebody changed them: refused, or unpacked into their folder."""

import os
import stat
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import strategies as st

from envc.errors import UntrustedError
from envc.model.digest import digest_of
from envc.model.lock import LockedWheel
from envc.store.unpack import Unpacked, unpack
from fuzz.arena import Arena, Fuzz
from fuzz.mutations import WORDS, mutated, mutated_archive
from hostile.forge import (
    DEFLATED,
    FILENAME,
    INFO,
    RECORD,
    Entry,
    Lies,
    changed,
    pack,
    plain,
    recorded,
    with_descriptor,
)

pytestmark = pytest.mark.slow

FILES = {
    "demo/__init__.py": "x = 1\n",
    "demo/data.txt": "y" * 300,
    "demo-1.0.data/scripts/tool": "#!python\nprint(1)\n",
    "demo-1.0.data/data/share/x.txt": "",
}
ENTRIES = plain(FILES, console_scripts={"demo": "demo:main"})
DEFLATED_ENTRIES = [
    *changed(ENTRIES, "demo/data.txt", method=DEFLATED)[1:],
    with_descriptor(ENTRIES[0]),
    Entry(name=b"demo/", mode=0o40755),
]
ARCHIVES = (
    pack(recorded(ENTRIES)),
    pack(recorded(DEFLATED_ENTRIES)),
    pack(recorded(ENTRIES), lies=Lies(wide={})),
)


def unpacked(arena: Arena) -> Callable[[bytes], None]:
    """Unpacks a wheel's bytes and looks at what is there afterwards."""

    def check(content: bytes) -> None:
        before = arena.around()
        work = arena.fresh()
        (work / FILENAME).write_bytes(content)
        tree = work / "tree"
        tree.mkdir()
        wheel = LockedWheel(filename=FILENAME, digest=digest_of(content), path="x")
        try:
            found = unpack(str(work / FILENAME), wheel, python="3.11", tree=str(tree))
        except UntrustedError:
            pass
        else:
            _look_at(tree, found)
        assert sorted(os.listdir(work)) == sorted([FILENAME, "tree"])
        assert arena.around() == before

    return check


def _look_at(tree: Path, found: Unpacked) -> None:
    """What is in the tree is what is said, and it is files and folders only."""
    files = set()
    for folder, _, names in os.walk(tree):
        for name in names:
            path = os.path.join(folder, name)
            status = os.lstat(path)
            assert stat.S_ISREG(status.st_mode)
            assert stat.S_IMODE(status.st_mode) in (0o444, 0o555)
            files.add(os.path.relpath(path, tree))
    assert files == {entry.path for entry in found.entries}


def test_archive(fuzz: Fuzz[bytes], arena: Arena) -> None:
    pieces = (*ARCHIVES, *(ARCHIVES[0][start : start + 60] for start in range(0, 900, 60)), *WORDS)
    bases = [mutated_archive(archive, pieces) for archive in ARCHIVES]
    fuzz(st.one_of(bases), unpacked(arena))


def test_member_names_modes_and_headers(fuzz: Fuzz[bytes], arena: Arena) -> None:
    """Archives that are whole, with entries of which anything may be said."""
    words = (
        "a b .. . demo x.py \\ c: e\u0301 \xe9 \0 __pycache__ x.pyc demo-1.0.data scripts purelib"
    )
    parts = st.sampled_from([*words.split(" "), "", "python", INFO, "INSTALLER", "a" * 250])
    names = st.lists(parts | st.text(max_size=4), min_size=1, max_size=5).map("/".join)
    entry = st.builds(
        Entry,
        name=names.map(lambda name: name.encode("utf-8", "surrogatepass")) | st.binary(max_size=9),
        content=st.binary(max_size=9),
        mode=st.sampled_from([0o100644, 0o100755, 0, 0o120777, 0o104755, 0o40755, 0o10644]),
        attributes=st.sampled_from([0, 0, 0, 0x10, 0x08]),
        method=st.sampled_from([0, 8, 8, 12]),
        flags=st.sampled_from([0x800, 0x800, 0, 1, 8, 0x20]),
        extra=st.sampled_from([b"", b"", b"ab", b"\1\0\0\0", b"up\5\0\1abcd"]),
        comment=st.sampled_from([b"", b"", b"", b"PK\5\6"]),
    )
    added = st.lists(entry, min_size=1, max_size=4)
    fuzz(added.map(lambda entries: pack(recorded([*ENTRIES, *entries]))), unpacked(arena))


@pytest.mark.parametrize("name", ["RECORD", "METADATA", "WHEEL", "entry_points.txt"])
def test_file_of_the_dist_info(name: str, fuzz: Fuzz[bytes], arena: Arena) -> None:
    path = f"{INFO}/{name}"
    whole = recorded(ENTRIES)
    (content,) = (entry.content for entry in whole if entry.name.decode() == path)

    def with_content(text: bytes) -> bytes:
        if path == RECORD:
            return pack(changed(whole, path, content=text))
        return pack(recorded(changed(ENTRIES, path, content=text)))

    fuzz((mutated(content) | st.binary(max_size=200)).map(with_content), unpacked(arena))
