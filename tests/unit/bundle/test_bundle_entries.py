"""Bundles: what is written is read, listed by ordinary tools, and never used when it differs."""

import errno
import io
import json
import os
import zipfile

import pytest

from envc.bundle import Bundle, BundleWriter
from envc.errors import OutsideError, SpecError, UntrustedError, UsageError
from envc.model.digest import digest_of

LARGE = os.urandom(1 << 20) * 3 + bytes(1 << 20)


def write(path, *, title="alice"):
    with BundleWriter(str(path)) as bundle:
        bundle.add("small", [b"one", b"", b"two"])
        bundle.add("trees/large", [LARGE])
        bundle.add("empty", [])
        return bundle.finish("overlay", title)


@pytest.fixture
def path(tmp_path):
    write(tmp_path / "a.envc")
    return tmp_path / "a.envc"


def test_what_is_written_is_read(tmp_path):
    path = tmp_path / "a.envc"
    digest = write(path)
    with Bundle(str(path)) as bundle:
        assert bundle.digest == digest
        assert (bundle.index.kind, bundle.index.title) == ("overlay", "alice")
        assert [entry.name for entry in bundle.index.entries] == ["small", "trees/large", "empty"]
        assert bundle.read("trees/large") == LARGE
        assert bundle.read("small") == b"onetwo"
        assert bundle.read("empty") == b""


def test_equal_entries_give_equal_bytes(path, tmp_path):
    assert write(tmp_path / "b.envc") == write(tmp_path / "c.envc")
    assert path.read_bytes() == (tmp_path / "b.envc").read_bytes()


def test_ordinary_tools_list_it(path):
    with zipfile.ZipFile(path) as archive:
        assert archive.testzip() is None
        assert archive.namelist() == [
            "small.zst",
            "trees/large.zst",
            "empty.zst",
            "bundle.json",
        ]
        index = json.loads(archive.read("bundle.json"))
    assert index["entries"][1]["size_bytes"] == len(LARGE)


def test_what_is_not_finished_leaves_nothing(tmp_path):
    def failing():
        yield b"some"
        raise RuntimeError

    with pytest.raises(RuntimeError), BundleWriter(str(tmp_path / "a.envc")) as bundle:
        bundle.add("one", failing())
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("fraction", [0.0, 0.2, 0.4, 0.6, 0.8, 0.95])
def test_every_flipped_bit_of_an_entry_is_noticed(path, fraction):
    content = bytearray(path.read_bytes())
    with zipfile.ZipFile(path) as archive:
        info = archive.getinfo("trees/large.zst")
    start = info.header_offset + 30 + len(info.filename) + 20
    content[start + int(fraction * (info.file_size - 1))] ^= 4
    path.write_bytes(content)
    with Bundle(str(path)) as bundle:
        assert bundle.read("small") == b"onetwo"
        with pytest.raises(UntrustedError, match="trees/large"):
            bundle.read("trees/large")


@pytest.mark.parametrize("size", [0, 1, 700_000, 1 << 20, len(LARGE)])
def test_the_first_bytes_are_verified_before_any_comes(tmp_path, size):
    path = tmp_path / "a.envc"
    with BundleWriter(str(path)) as bundle:
        bundle.add("tree", [LARGE[:1000], LARGE[1000:]], digest_bytes=size)
        bundle.finish("overlay", "alice")
    with Bundle(str(path)) as bundle:
        assert bundle.read("tree") == LARGE
        (entry,) = bundle.index.entries
        assert entry.digest == digest_of(LARGE[:size])
    rewrite(path, lambda index: index["entries"][0].update(digest=digest_of(b"other")))
    with Bundle(str(path)) as bundle, pytest.raises(UntrustedError) as caught:
        next(bundle.chunks("tree"))
    assert caught.value.faults[0].what == "entry tree of this bundle is damaged"


def test_a_member_that_zip_has_packed_again(tmp_path, path):
    rewrite(path, lambda index: None, compression=zipfile.ZIP_DEFLATED)
    with Bundle(str(path)) as bundle, pytest.raises(UntrustedError) as caught:
        bundle.read("small")
    assert caught.value.faults[0].what == "entry small of this bundle is damaged"


def test_a_truncated_bundle(path):
    path.write_bytes(path.read_bytes()[:-100])
    with pytest.raises(UntrustedError) as caught:
        Bundle(str(path))
    assert str(caught.value) == (
        f"{path}: this is no bundle\n  help: make the bundle again, or fetch it again"
    )


def rewrite(path, change, *, compression=zipfile.ZIP_STORED) -> None:
    """The bundle with another index."""
    with zipfile.ZipFile(path) as archive:
        members = {name: archive.read(name) for name in archive.namelist()}
    index = json.loads(members["bundle.json"])
    change(index)
    members["bundle.json"] = json.dumps(index).encode()
    with zipfile.ZipFile(path, "w", compression) as archive:
        for name, content in members.items():
            archive.writestr(name, content)


def test_an_index_that_promises_less(path):
    """A bomb: the entry goes on after what the index says."""
    rewrite(path, lambda index: index["entries"][1].update(size_bytes=5, digest_bytes=5))
    with Bundle(str(path)) as bundle, pytest.raises(UntrustedError) as caught:
        bundle.read("trees/large")
    assert caught.value.faults[0].what == "entry trees/large is larger than the index says"


def test_an_entry_that_is_not_there(path):
    rewrite(path, lambda index: index["entries"][1].update(name="absent"))
    with Bundle(str(path)) as bundle:
        for name, what in (
            ("absent", "entry absent of this bundle is damaged"),
            ("other", "the bundle has no entry other"),
        ):
            with pytest.raises(UntrustedError) as caught:
                bundle.read(name)
            assert caught.value.faults[0].what == what


@pytest.mark.parametrize(
    "change",
    [
        lambda index: index.clear(),
        lambda index: index.update(extra=1),
        lambda index: index.update(version="1"),
        lambda index: index["entries"][0].update(digest="sha256:x"),
        lambda index: index["entries"][0].update(size_bytes=-1),
        lambda index: index["entries"][0].update(digest_bytes=-1),
        lambda index: index["entries"][0].update(digest_bytes=1000),
        lambda index: index["entries"].append(index["entries"][0]),
    ],
)
def test_a_damaged_index(path, change):
    rewrite(path, change)
    with pytest.raises(UntrustedError):
        Bundle(str(path))


def test_a_newer_format(path):
    rewrite(path, lambda index: index.update(version=2))
    with pytest.raises(SpecError) as caught:
        Bundle(str(path))
    assert str(caught.value) == (
        f"{path} (bundle.json): this bundle's index has format 2, and this envc reads format 1\n"
        "  help: use the envc that wrote it, or a newer one"
    )


def test_no_bundle(tmp_path):
    with pytest.raises(UsageError):
        Bundle(str(tmp_path / "absent"))
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as archive:
        archive.writestr("a", "b")
    with pytest.raises(UntrustedError, match="it has no index"):
        Bundle(str(tmp_path / "a.zip"))


def test_a_disk_that_refuses_is_not_taken_for_another_file(path, monkeypatch):
    class Broken(io.FileIO):
        def read(self, size=-1):
            raise OSError(errno.EIO, os.strerror(errno.EIO))

    monkeypatch.setattr("envc.bundle.reader.open", Broken, raising=False)
    with pytest.raises(OutsideError, match="Input/output error"):
        Bundle(str(path))
