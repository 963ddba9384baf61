"""Stored trees as streams: the same tree arrives, and a hostile stream leaves nothing."""

import os

import pytest

from envc.errors import REPAIR, UntrustedError
from envc.model.digest import digest_of, hex_of
from envc.model.manifest import Entry
from envc.store import Store
from envc.store.portable import receive_trees, tree_stream
from support.sites import PYTHON


@pytest.fixture(scope="module")
def sent(built):
    """A store with wheels, and the ids of its trees."""
    root = built.target / "store"
    return root, sorted(path.name for path in (root / "wheels").iterdir())


def test_what_was_sent_arrives(sent, tmp_path):
    root, names = sent
    store = str(tmp_path / "store")
    receive_trees(
        store, {name: tree_stream(str(root), name).chunks for name in names}, source="a.envc"
    )
    for name in names:
        here, there = root / "wheels" / name, tmp_path / "store" / "wheels" / name
        paths = sorted(path.relative_to(here) for path in here.rglob("*"))
        assert paths == sorted(path.relative_to(there) for path in there.rglob("*"))
        for path in paths:
            one, other = (here / path).stat(), (there / path).stat()
            assert (one.st_mode, int(one.st_mtime)) == (other.st_mode, int(other.st_mtime))
            if (here / path).is_file():
                assert (here / path).read_bytes() == (there / path).read_bytes()
        assert Store(store).manifest(name) == Store(str(root)).manifest(name)


def test_chunks_of_any_size(sent, tmp_path):
    root, names = sent
    whole = b"".join(tree_stream(str(root), names[0]).chunks)
    pieces = (whole[start : start + 7] for start in range(0, len(whole), 7))
    receive_trees(str(tmp_path), {names[0]: pieces}, source="a.envc")
    assert Store(str(tmp_path)).has(names[0])


def test_what_the_store_itself_has_wrong_is_not_sent(sent):
    root, names = sent
    path = next(path for path in (root / "wheels" / names[0] / "tree").rglob("*.py"))
    original, status = path.read_bytes(), path.stat()
    path.chmod(0o644)
    path.write_bytes(bytes(reversed(original)))
    try:
        with pytest.raises(UntrustedError) as caught:
            list(tree_stream(str(root), names[0]).chunks)
    finally:
        path.write_bytes(original)
        path.chmod(status.st_mode)
        os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns))  # other tests have this store
    assert str(caught.value) == (
        f"{path}: this file of the store is not what its manifest says\n  help: {REPAIR}"
    )


def stream(*entries: Entry, content: bytes = b"", head: bytes | None = None) -> bytes:
    text = b"".join(entry.line() + b"\n" for entry in entries)
    return (head or b"envc-tree 1 0 %d\n" % len(text)) + text + content


def file(path: str, content: bytes = b"x", mode: int = 0o444) -> Entry:
    return Entry("f", mode, len(content), hex_of(digest_of(content)), path)


FOLDER = Entry("d", 0o755, 0, "-", "lib")
HOSTILE = {
    "climbs": (stream(file("../a"), content=b"x"), "it cannot hold '../a'"),
    "absolute": (stream(file("/a"), content=b"x"), "it cannot hold '/a'"),
    "a link": (stream(Entry("l", 0o777, 0, "/etc", "lib")), "it cannot hold 'lib'"),
    "setuid": (stream(file("a", mode=0o4555), content=b"x"), "it cannot hold 'a'"),
    "twice": (stream(file("a"), file("a"), content=b"xx"), "of 'a': it is there twice"),
    "a file for a folder": (
        stream(file("a"), file("a/b"), content=b"xx"),
        "of 'a': it is both a file and a folder",
    ),
    "other content": (stream(file("a"), content=b"y"), "'a' is not what its manifest says"),
    "no folder": (
        stream(file("lib/a"), content=b"x"),
        "its manifest is not that of its files",
    ),
    "out of order": (
        stream(file("lib/a"), FOLDER, content=b"x"),
        "its manifest is not that of its files",
    ),
    "another mode of a folder": (
        stream(Entry("d", 0o777, 0, "-", "lib"), file("lib/a"), content=b"x"),
        "its manifest is not that of its files",
    ),
    "a size in other digits": (
        b"envc-tree 1 0 78\n" + file("a").line().replace(b"\t1\t", b"\t01\t") + b"\nx",
        "its manifest is not that of its files",
    ),
    "short": (stream(file("a")), "it ends too early"),
    "long": (stream(file("a"), content=b"xy"), "something follows it"),
    "nothing": (b"", "it ends too early"),
    "another head": (b"tree\n", "it does not begin as one"),
    "records": (stream(head=b"envc-tree 1 0 4\nabc\n"), "its records are damaged"),
    "facts": (stream(head=b"envc-tree 1 2 0\n{}"), "its records are damaged"),
}


@pytest.mark.parametrize("case", HOSTILE)
def test_a_hostile_stream_leaves_nothing(case, tmp_path):
    content, why = HOSTILE[case]
    good = f"good-{PYTHON.replace('.', '')}"
    with pytest.raises(UntrustedError) as caught:
        receive_trees(
            str(tmp_path / "store"),
            {good: [stream(FOLDER, file("lib/a"), content=b"x")], "bad": [content]},
            source="a.envc",
        )
    assert caught.value.faults[0].where == "a.envc"
    assert caught.value.faults[0].what == f"bad is no stored tree: {why}"
    assert list((tmp_path / "store" / "wheels").iterdir()) == []
    assert list((tmp_path / "store" / "tmp").iterdir()) == []


def test_a_name_that_leads_out(tmp_path):
    with pytest.raises(UntrustedError, match="its name cannot be that of a stored tree"):
        receive_trees(str(tmp_path / "store"), {"../a": [b""]}, source="a.envc")
