"""Interpreters' archives that must be refused: by name, with nothing published."""

import gzip
import hashlib
import tarfile
from collections.abc import Sequence
from pathlib import Path

import pytest

from envc.core.travel import receive_core
from envc.core.unpack import unpack_core
from envc.errors import EnvcError, OutsideError, UntrustedError, UsageError
from envc.model.digest import Digest, digest_of
from envc.ports import SilentReporter
from envc.store import limits
from support.cores import file, special, tar_of
from support.sites import PYTHON

PROGRAM = f"python/bin/python{PYTHON}"
MEND = "  help: do not use this archive: take another one, and correct core.archive"
Members = Sequence[tuple[tarfile.TarInfo, bytes]]


def unpacked(folder: Path, content: bytes, digest: Digest | None = None) -> EnvcError:
    """The error with which an archive is refused."""
    folder.mkdir(exist_ok=True)
    archive = folder / "core.tar"
    archive.write_bytes(content)
    with pytest.raises(EnvcError) as caught:
        unpack_core(
            str(folder / "cores"),
            str(archive),
            digest or digest_of(content),
            python=PYTHON,
            reporter=SilentReporter(),
        )
    assert list((folder / "cores").iterdir()) == []
    assert sorted(path.name for path in folder.iterdir()) == ["core.tar", "cores"]
    return caught.value


def runs(*members: tuple[tarfile.TarInfo, bytes]) -> bytes:
    """An archive with an interpreter beside these members."""
    return tar_of(file(PROGRAM, b"#!/bin/sh\n", mode=0o755), *members)


CASES: dict[str, tuple[Members, str, str]] = {
    "absolute": ([file("/etc/envc")], "/etc/envc", "its path is absolute"),
    "traversal": ([file("python/../../x")], "python/../../x", "its path leads out of the tree"),
    "control": ([file("python/a\nb")], "python/a\nb", "its name holds a control character"),
    "backslash": ([file("python\\x")], "python\\x", "its name holds a backslash"),
    "device": (
        [special("python/null", tarfile.CHRTYPE)],
        "python/null",
        "it is neither a file nor a folder nor a link",
    ),
    "fifo": (
        [special("python/fifo", tarfile.FIFOTYPE)],
        "python/fifo",
        "it is neither a file nor a folder nor a link",
    ),
    "setuid": ([file("python/su", mode=0o4755)], "python/su", "it is setuid or setgid"),
    "twice": ([file("python/x"), file("python/x")], "python/x", "it is there twice"),
    "link out": (
        [special("python/out", tarfile.SYMTYPE, "../../etc/passwd")],
        "python/out",
        "its link leads out of the tree",
    ),
    "absolute link": (
        [special("python/out", tarfile.SYMTYPE, "/etc/passwd")],
        "python/out",
        "its link is absolute, or no path",
    ),
    "link by way of a link": (
        [
            special("python/a/here", tarfile.SYMTYPE, "../.."),
            special("python/out", tarfile.SYMTYPE, "a/here/../x"),
        ],
        "python/out",
        "its link leads out of the tree",
    ),
    "circle": (
        [special("python/a", tarfile.SYMTYPE, "b"), special("python/b", tarfile.SYMTYPE, "a")],
        "python/a",
        "its link leads out of the tree",
    ),
    "below a link": (
        [special("python/lib", tarfile.SYMTYPE, "."), file("python/lib/x")],
        "python/lib/x",
        "it stands below a link",
    ),
    "below a file": (
        [file("python/lib"), file("python/lib/x")],
        "python/lib/x",
        "it stands below a file",
    ),
    "file and folder": (
        [file("python/lib/x"), file("python/lib")],
        "python/lib",
        "it is a folder, too",
    ),
    "hard link out": (
        [special("python/out", tarfile.LNKTYPE, "/etc/passwd")],
        "python/out",
        "it is a hard link to no file before it",
    ),
}


@pytest.mark.parametrize("name", CASES)
def test_a_hostile_member_is_named(tmp_path: Path, name: str) -> None:
    members, entry, what = CASES[name]
    error = unpacked(tmp_path / "here", runs(*members))
    assert isinstance(error, UntrustedError)
    archive = tmp_path / "here/core.tar"
    assert str(error) == f"{archive}, entry {entry!r}: {what}\n{MEND}"


def test_an_extended_header_that_claims_gigabytes(tmp_path: Path) -> None:
    info, _ = special("././@LongLink", tarfile.GNUTYPE_LONGNAME)
    info.size = 8 << 30
    error = unpacked(tmp_path / "here", runs()[:1024] + info.tobuf(tarfile.GNU_FORMAT))
    assert error.faults[0].what == "its header claims an impossible size"


def test_an_archive_that_grows_too_much(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "RATIO_EXEMPT_BYTES", 1 << 20)
    error = unpacked(tmp_path / "here", gzip.compress(runs(file("python/x", bytes(4 << 20)))))
    assert error.status == 5
    assert error.faults[0].what == "it unpacks to far more than an archive of its size"


def test_too_many_entries(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "ENTRIES", 3)
    error = unpacked(tmp_path / "here", runs(*(file(f"python/{n}") for n in range(4))))
    assert error.faults[0].what == "it has more than 3 entries"


def test_other_bytes_than_the_site_names(tmp_path: Path) -> None:
    content = runs()
    wanted = digest_of(b"another")
    error = unpacked(tmp_path / "here", content, wanted)
    assert isinstance(error, UntrustedError)
    assert str(error) == (
        f"{tmp_path}/here/core.tar: the interpreter's archive is {digest_of(content)}, and should "
        f"be {wanted}\n"
        "  help: fetch it again; if it is meant to be another one, correct core.archive"
    )


@pytest.mark.parametrize("content", [b"", b"no tar at all" * 100, gzip.compress(b"x" * 99)[:-9]])
def test_no_tar(tmp_path: Path, content: bytes) -> None:
    error = unpacked(tmp_path / "here", content)
    assert error.status == 5
    assert error.faults[0].what.startswith("it is no tar archive, or damaged: ")


def test_no_interpreter_in_it(tmp_path: Path) -> None:
    error = unpacked(tmp_path / "here", tar_of(file("python/bin/python2.7", mode=0o755)))
    assert isinstance(error, UsageError)
    assert str(error) == (
        f"{tmp_path}/here/core.tar: the archive holds no bin/python{PYTHON}, at its top or in one "
        "leading folder\n"
        f"  help: take an archive of a CPython {PYTHON}, or correct core.python"
    )


@pytest.mark.parametrize(
    ("program", "told"),
    [
        (b"\x7fELF of another machine", "Exec format error"),
        (b"#!/bin/sh\necho cannot find libc >&2; exit 127\n", "cannot find libc"),
        (b"#!/bin/sh\necho 2.7\n", "it is Python 2.7"),
    ],
)
def test_an_interpreter_that_does_not_run(tmp_path: Path, program: bytes, told: str) -> None:
    error = unpacked(tmp_path / "here", tar_of(file(PROGRAM, program, mode=0o755)))
    assert isinstance(error, UsageError)
    assert str(error) == (
        f"{tmp_path}/here/core.tar: the interpreter in this archive does not run here as Python "
        f"{PYTHON}: {told}\n"
        f"  help: take an archive of a CPython {PYTHON} for this kind of machine"
    )


def test_an_archive_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(OutsideError) as caught:
        unpack_core(
            str(tmp_path / "cores"),
            str(tmp_path / "core.tar"),
            digest_of(b""),
            python=PYTHON,
            reporter=SilentReporter(),
        )
    assert str(caught.value) == (
        f"{tmp_path}/core.tar: the interpreter's archive cannot be read: No such file or "
        "directory\n  help: put it there, or correct core.archive"
    )


def test_a_core_that_is_not_what_its_manifest_says(tmp_path: Path) -> None:
    manifest = f"f\t0444\t1\t{hashlib.sha256(b'a').hexdigest()}\tx\n".encode()
    sound = tar_of(file("envc-manifest", manifest), file("x", b"a"))
    changed = tar_of(file("envc-manifest", manifest), file("x", b"b"))
    digest = digest_of(b"archive")
    with pytest.raises(UntrustedError) as caught:
        receive_core(str(tmp_path / "cores"), digest, [changed], where="a.envc")
    assert str(caught.value) == (
        "a.envc: its files are not what its manifest says\n"
        "  help: run the same command again; if it stays so, make or fetch the file again"
    )
    assert list((tmp_path / "cores").iterdir()) == []
    receive_core(str(tmp_path / "cores"), digest, [sound], where="a.envc")
    assert (tmp_path / "cores" / digest.removeprefix("sha256:") / "x").read_bytes() == b"a"
