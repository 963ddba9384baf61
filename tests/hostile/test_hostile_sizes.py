"""Wheels that would fill a node, wheels that are not the lock's, and how the command tells it."""

import os
import struct
import sys
from pathlib import Path

import pytest

from envc.errors import UntrustedError
from envc.model.digest import digest_of
from envc.model.lock import LockedWheel
from envc.ports import SilentReporter
from envc.store import Store
from envc.store import limits as store_limits
from envc.store.unpack import private_bytes
from hostile.forge import (
    DEFLATED,
    FILENAME,
    INFO,
    Entry,
    Lies,
    changed,
    deflated,
    end_of,
    extra_field,
    pack,
    plain,
    recorded,
)
from hostile.scene import MEND, PYTHON, SITE, Case, NearMiss, Scene, each_refused, files, good
from hostile.snapshots import snapshot
from support.sites import SiteFolder
from support.wheels import Recipe

FULL = 0xFFFF_FFFF
COUNT = "it has more than 250000 entries"
RATIO = "it unpacks to more than 100 times its size"


def claiming(size_bytes: int, count: int) -> bytes:
    """So many files that are said to have that size each."""
    field = extra_field(1, struct.pack("<Q", size_bytes))
    bombs = [
        Entry(
            name=b"%d.bin" % number,
            method=DEFLATED,
            both={"size": FULL},
            extra=field,
            local_extra=b"",
        )
        for number in range(count)
    ]
    return pack(recorded([*plain(), *bombs]))


def zeros(count: int) -> bytes:
    """So many MiB of zeros, deflated as well as can be."""
    content = bytes(count * 2**20)
    return pack(recorded([*plain(), Entry(name=b"0.bin", content=content, method=DEFLATED)]))


def empties(count: int) -> bytes:
    """So many files, and not a byte in them."""
    entries = [Entry(name=b"%07d" % number) for number in range(2)]
    local, central = entries[0].local_part(), entries[1].central_part(0)
    body = b"".join(local.replace(b"0000000", b"%07d" % n) for n in range(count))
    head, tail = central[:42], central[46:]
    directory = b"".join(
        head + struct.pack("<L", n * len(local)) + tail.replace(b"0000001", b"%07d" % n)
        for n in range(count)
    )
    lies = Lies(end={"here": 0xFFFF, "count": 0xFFFF}, wide={})
    return body + directory + end_of(count, len(directory), len(body), lies)


CASES = [
    Case("many, said only", lambda: claimed_count(10**6), COUNT),
    Case(
        "one large",
        lambda: claiming(17 * 2**30, 1),
        f"it is larger than {16 * 2**30} bytes",
        "0.bin",
    ),
    Case(
        "large in total",
        lambda: claiming(15 * 2**30, 3),
        f"it unpacks to more than {32 * 2**30} bytes",
        also=((RATIO, ""),),
    ),
    Case("ratio, said only", lambda: claiming(2**30, 1), RATIO),
]


def claimed_count(count: int) -> bytes:
    return pack(
        recorded(plain()),
        lies=Lies(end={"here": 0xFFFF, "count": 0xFFFF}, wide={"here": count, "count": count}),
    )


test_is_refused_by_name = each_refused(CASES)


@pytest.mark.slow
def test_million_empty_files(scene: Scene) -> None:
    scene.refused(Case("many", lambda: empties(10**6), COUNT))


@pytest.mark.slow
def test_bomb_of_zeros(scene: Scene) -> None:
    scene.refused(Case("zeros", lambda: zeros(65), RATIO))


@pytest.mark.slow
def test_bomb_that_unpacks_to_more_than_it_says(scene: Scene) -> None:
    """It is stopped at its first piece too many: no more than that is ever in memory."""
    data = deflated(bytes(200 * 2**20))
    entries = changed(plain(), "demo.py", method=DEFLATED, data=data)
    what = "its data do not unpack to the size and checksum that the archive gives"
    scene.refused(Case("lying", lambda: pack(recorded(entries)), what, "demo.py"))


def test_small_wheel_may_be_repetitive(outbox: Scene) -> None:
    outbox.accepted(NearMiss("zeros", lambda: zeros(8)))


def test_file_of_text_is_read_up_to_a_limit(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(store_limits, "TEXT_BYTES", 64)
    scene.refused(
        Case(
            "text",
            lambda: pack(recorded(plain({"demo.py": "y = 2\n"}))),
            "it is larger than 64 bytes",
            f"{INFO}/RECORD",
        )
    )


def test_many_faults_are_listed_up_to_a_limit(scene: Scene) -> None:
    what = "names that begin with '_envc_' are reserved for envc"
    paths = [f"_envc_{letter}.py" for letter in "abcdefghijkl"]
    with pytest.raises(UntrustedError) as caught:
        scene.ingest(files(*paths)())
    assert [str(fault) for fault in caught.value.faults] == [
        *(f"{FILENAME}, entry {path!r}: {what}{MEND}" for path in paths[:10]),
        f"{FILENAME}: 2 more faults{MEND}",
    ]


def ingest(scene: Scene, wheels: dict[str, tuple[bytes, bytes]]) -> str:
    """Ingest files by name: their bytes, and those that the lock has; what is said about it."""
    found = []
    for filename, (content, locked) in wheels.items():
        path = scene.inbox / filename
        path.write_bytes(content)
        wheel = LockedWheel(filename=filename, digest=digest_of(locked), path=str(path))
        found.append((str(path), wheel))
    before = scene.seen()
    with pytest.raises(UntrustedError) as caught:
        Store(str(scene.store)).ingest(
            found, python=PYTHON, interpreter=sys.executable, reporter=SilentReporter()
        )
    assert scene.seen() == before
    return str(caught.value)


def test_other_digest_is_refused_before_anything_is_parsed(scene: Scene) -> None:
    evil, locked = b"not even an archive", b"another"
    assert ingest(scene, {FILENAME: (evil, locked)}) == (
        f"{FILENAME} ({scene.inbox / FILENAME}): the wheel's digest is {digest_of(evil)}, "
        f"the lock says {digest_of(locked)}\n"
        "  help: restore the file, or where it was built again on purpose, lock it: "
        "`envc lock --upgrade-package demo`"
    )


def test_empty_file(scene: Scene) -> None:
    end = "it does not end as a ZIP archive does: bytes are missing, or follow its end"
    assert ingest(scene, {FILENAME: (b"", b"")}) == f"{FILENAME}: {end}{MEND}"


def test_every_hostile_wheel_of_a_run_is_told_and_keeps_the_others_out(scene: Scene) -> None:
    honest = pack(recorded(plain({"demo.py": "z = 3\n"})))
    evil = files("../x.py")()
    end = "it does not end as a ZIP archive does: bytes are missing, or follow its end"
    wheels = {
        "demo-1.0-1-py3-none-any.whl": evil,
        FILENAME: honest,
        "demo-2-py3-none-any.whl": b"x",
    }
    assert ingest(scene, {name: (content, content) for name, content in wheels.items()}) == (
        f"demo-1.0-1-py3-none-any.whl, entry '../x.py': its path leads out of the tree{MEND}\n"
        f"demo-2-py3-none-any.whl: {end}{MEND}"
    )


@pytest.mark.parametrize("limit", [0, 2**20])
def test_wheel_that_is_changed_after_its_digest_was_taken(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, limit: int
) -> None:
    """What was hashed is what is unpacked: nobody else can reach it any more."""
    monkeypatch.setattr(store_limits, "MEMORY_BYTES", limit)
    path = tmp_path / FILENAME
    path.write_bytes(good())
    content = private_bytes(str(path), str(tmp_path))
    with path.open("r+b") as file:
        file.write(b"evil")
        file.truncate(10)
    assert content[:] == good()
    assert os.listdir(tmp_path) == [FILENAME]


@pytest.mark.slow
def test_command_names_wheel_and_entry_and_ends_with_status_5(site: SiteFolder) -> None:
    """The lock is made from an honest wheel; the node then finds another file, or a hostile one."""
    site.done("lock")
    site.materialize()
    folder = site.root / "more"
    Recipe(name="six", version="1.18.0", files={"../../../x.py": "x = 1\n"}).build(folder)
    evil = folder / "six-1.18.0-py3-none-any.whl"
    for wheel in site.wheels.iterdir():
        os.link(wheel, folder / wheel.name)
    (site.folder / "wheels").unlink()
    (site.folder / "wheels").symlink_to(folder)
    site.done("lock", "--upgrade")
    store = site.target / "store/wheels"
    before = snapshot(store), site.current(), sorted(os.listdir(site.root))
    answer = site.envc("materialize", "--target", site.target)
    assert answer.status == 5
    assert answer.stdout == ""
    assert answer.stderr == (
        "error: its path leads out of the tree\n"
        f"   at: {evil.name}, entry '../../../x.py'\n"
        " help: do not use this wheel: pin another release, and tell the project\n"
    )
    assert (snapshot(store), site.current(), sorted(os.listdir(site.root))) == before
    assert os.listdir(site.target / "store/tmp") == []


@pytest.mark.slow
def test_another_project_s_file_is_refused_before_the_switch(site: SiteFolder) -> None:
    """Both wheels are legal by themselves: what they claim together is found by the plan."""
    site.done("lock")
    site.materialize()
    site.edit('"pandas"', '"pandas", "clash-one", "clash-two"')
    site.done("lock")
    before = site.current()
    answer = site.envc("materialize", "--target", site.target)
    assert answer.status == 5
    assert answer.stderr == (
        "error: clash-one 1.0 and clash-two 1.0 both install "
        f"{SITE}/clash/data.txt, with different content\n"
        "   at: layer user\n"
        " help: remove one of the two from the layer, or pin a release of it without this file\n"
    )
    assert site.current() == before
