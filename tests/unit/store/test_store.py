import errno
import os
import sys
from pathlib import Path

import pytest

from envc.errors import REPAIR, InternalError, OutsideError, SpecError
from envc.formats.facts import facts_to_json
from envc.model.digest import Digest, digest_from_hex, digest_of, hex_of
from envc.model.lock import LockedWheel
from envc.model.manifest import Entry
from envc.model.value import replace
from envc.model.wheel import ConsoleScript
from envc.ports import SilentReporter
from envc.store import Store, staging, store_id
from support.wheels import Recipe, sha256_of

PYTHON = f"{sys.version_info.major}.{sys.version_info.minor}"
TAG = sys.implementation.cache_tag
SITE = f"lib/python{PYTHON}/site-packages"
INFO = f"{SITE}/demo-1.0.dist-info"

DEMO = Recipe(
    name="demo",
    version="1.0",
    files={
        "demo/__init__.py": "",
        "demo/cli.py": "def main():\n    print('hello')\n",
        "demo/template.py": "class {{ name }}:\n",
        "demo/tool.sh": "#!/bin/sh\n",
        "demo/__pycache__/cli.cpython-311.pyc": b"evil",
        "sitecustomize.py": "",
        "demo.pth": "# nothing\n",
        "demo-1.0.data/scripts/demo-tool": "#!python\nprint(1)\n",
        "demo-1.0.data/data/share/demo/x.txt": "x",
        "demo-1.0.data/headers/demo.h": "",
    },
    requires=["six>=1 ; extra == 'Old'"],
    requires_python=">=3.8",
    extras=["Old"],
    console_scripts={"demo": "demo.cli:main"},
    executables=["demo/tool.sh"],
)


class Progress(SilentReporter):
    """Remembers what it was told."""

    def __init__(self) -> None:
        self.events: list[tuple[str, ...]] = []

    def start(self, task: str, total: int, unit: str) -> None:
        self.events.append(("start", task, str(total), unit))

    def advance(self, task: str, amount: int = 1) -> None:
        self.events.append(("advance", task, str(amount)))

    def finish(self, task: str) -> None:
        self.events.append(("finish", task))


def locked(path: Path) -> tuple[str, LockedWheel]:
    digest = digest_from_hex(sha256_of(path))
    return str(path), LockedWheel(filename=path.name, digest=digest, path=str(path))


def ingest(root: Path, *paths: Path, reporter: SilentReporter | None = None) -> Store:
    store = Store(str(root))
    store.ingest(
        [locked(path) for path in paths],
        python=PYTHON,
        interpreter=sys.executable,
        reporter=reporter or SilentReporter(),
    )
    return store


def id_of(path: Path) -> str:
    return store_id(locked(path)[1].digest, PYTHON)


def on_disk(tree: Path) -> list[tuple[str, int]]:
    return sorted(
        (str(path.relative_to(tree)), path.stat().st_mode & 0o7777) for path in tree.rglob("*")
    )


def test_store_id() -> None:
    digest = Digest("sha256:" + "ab" * 32)
    assert store_id(digest, "3.11") == "ab" * 32 + "-cpython-311-3"


def test_tree_is_the_installed_form(tmp_path: Path) -> None:
    path = DEMO.build(tmp_path)
    store = ingest(tmp_path / "store", path)
    tree = Path(store.tree(id_of(path)))
    entries = list(store.manifest(id_of(path)).entries())
    assert [(e.path, e.mode) for e in entries if e.kind == "f"] == [
        ("bin/demo", 0o555),
        ("bin/demo-tool", 0o555),
        (f"include/site/python{PYTHON}/demo/demo.h", 0o444),
        (f"{SITE}/__pycache__/sitecustomize.{TAG}.pyc", 0o444),
        (f"{INFO}/INSTALLER", 0o444),
        (f"{INFO}/METADATA", 0o444),
        (f"{INFO}/RECORD", 0o444),
        (f"{INFO}/WHEEL", 0o444),
        (f"{INFO}/entry_points.txt", 0o444),
        (f"{SITE}/demo.pth", 0o444),
        (f"{SITE}/demo/__init__.py", 0o444),
        (f"{SITE}/demo/__pycache__/__init__.{TAG}.pyc", 0o444),
        (f"{SITE}/demo/__pycache__/cli.{TAG}.pyc", 0o444),
        (f"{SITE}/demo/cli.py", 0o444),
        (f"{SITE}/demo/template.py", 0o444),
        (f"{SITE}/demo/tool.sh", 0o555),
        (f"{SITE}/sitecustomize.py", 0o444),
        ("share/demo/x.txt", 0o444),
    ]
    assert sorted((e.path, e.mode) for e in entries) == on_disk(tree)
    assert {int(os.stat(tree / e.path).st_mtime) for e in entries} == {315532800}
    assert all(
        digest_of((tree / e.path).read_bytes()) == f"sha256:{e.content}"
        and (tree / e.path).stat().st_size == e.size_bytes
        for e in entries
        if e.kind == "f"
    )
    assert (tree / INFO / "INSTALLER").read_text() == "envc\n"
    assert (tree / "bin/demo-tool").read_text().startswith("#!/bin/sh\n'''exec' ")
    rows = (tree / INFO / "RECORD").read_text().splitlines()
    assert [row.partition(",")[0] for row in rows][:2] == [
        "../../../bin/demo",
        "../../../bin/demo-tool",
    ]
    assert len(rows) == len([e for e in entries if e.kind == "f"])


def test_facts(tmp_path: Path) -> None:
    path = DEMO.build(tmp_path)
    facts = ingest(tmp_path / "store", path).facts(id_of(path))
    assert (facts.filename, facts.digest) == (path.name, locked(path)[1].digest)
    assert (facts.project, facts.version, facts.size_bytes) == ("demo", "1.0", path.stat().st_size)
    assert facts.dist_info == "demo-1.0.dist-info"
    assert facts.requires == ("six>=1 ; extra == 'Old'",)
    assert (facts.requires_python, facts.extras) == (">=3.8", ("old",))
    assert facts.modules == {"demo": "package", "sitecustomize": "module"}
    assert facts.console_scripts == (ConsoleScript("demo", "demo.cli", "main"),)
    assert facts.scripts == ("bin/demo-tool",)
    assert facts.start_files == (f"{SITE}/demo.pth", f"{SITE}/sitecustomize.py")
    assert facts.data_files == (f"include/site/python{PYTHON}/demo/demo.h", "share/demo/x.txt")


def test_facts_that_lack_names_get_them(tmp_path: Path) -> None:
    """0.1 noted no module whose name is no identifier, and its stores and bundles are used."""
    native = "6ec57f84__mypyc"
    path = Recipe(name="fast", version="1", files={"f.py": "", f"{native}.abi3.so": ""}).build(
        tmp_path
    )
    store = ingest(tmp_path / "store", path)
    noted = store.facts(id_of(path))
    assert noted.modules == {native: "module", "f": "module"}
    old = facts_to_json(replace(noted, modules={"f": "module"}))
    place = tmp_path / "store/wheels" / id_of(path)
    sums = (place / "SHA256SUMS").read_text()
    sums = sums.replace(sha256_of(place / "facts.json"), hex_of(digest_of(old)))
    for name, content in (("facts.json", old), ("SHA256SUMS", sums.encode())):
        (place / name).unlink()
        (place / name).write_bytes(content)
    assert store.facts(id_of(path)) == noted


def test_same_wheels_give_the_same_bytes_whatever_the_order_and_umask(tmp_path: Path) -> None:
    other = Recipe(name="other", version="2", files={"other.py": "def main(): 'hello'\n"})
    paths = [DEMO.build(tmp_path), other.build(tmp_path)]
    first = ingest(tmp_path / "a", *paths)
    umask = os.umask(0o077)
    try:
        second = ingest(tmp_path / "b", *paths[::-1])
    finally:
        os.umask(umask)
    for path in paths:
        assert first.manifest(id_of(path)) == second.manifest(id_of(path))
        name = f"wheels/{id_of(path)}"
        assert on_disk(tmp_path / "a" / name) == on_disk(tmp_path / "b" / name)


def test_what_is_there_is_not_ingested_again(tmp_path: Path) -> None:
    path = DEMO.build(tmp_path)
    store = Store(str(tmp_path / "store"))
    assert not store.has(id_of(path))
    assert not (tmp_path / "store").exists()
    progress = Progress()
    ingest(tmp_path / "store", path, path, reporter=progress)
    assert store.has(id_of(path))
    assert progress.events[:2] == [
        ("start", "unpack", "1", "wheels"),
        ("start", "compile", "0", "files"),
    ]
    assert progress.events[-2:] == [("finish", "unpack"), ("finish", "compile")]
    assert sorted(progress.events[2:-2]) == [
        ("advance", "compile", "4"),
        ("advance", "unpack", "1"),
    ]
    again = Progress()
    ingest(tmp_path / "store", path, reporter=again)
    assert again.events == []


def test_wheel_without_python_needs_no_interpreter(tmp_path: Path) -> None:
    path = Recipe(name="data", version="1", files={"data-1.data/data/share/x": "x"}).build(tmp_path)
    store = Store(str(tmp_path / "store"))
    store.ingest(
        [locked(path)], python=PYTHON, interpreter="/nonexistent", reporter=SilentReporter()
    )
    assert store.has(id_of(path))


def test_missing_wheel(tmp_path: Path) -> None:
    wheel = LockedWheel(filename="x-1-py3-none-any.whl", digest=digest_of(b""), path="x")
    path = str(tmp_path / "x-1-py3-none-any.whl")
    with pytest.raises(OutsideError) as caught:
        Store(str(tmp_path / "store")).ingest(
            [(path, wheel)], python=PYTHON, interpreter=sys.executable, reporter=SilentReporter()
        )
    assert str(caught.value) == (
        f"{path}: cannot read the wheel: No such file or directory\n"
        "  help: make it readable, or fetch it again"
    )


def test_wheel_that_is_no_regular_file(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    wheel = LockedWheel(filename="x-1-py3-none-any.whl", digest=digest_of(b""), path="x")
    with pytest.raises(OutsideError) as caught:
        Store(str(tmp_path / "store")).ingest(
            [(str(tmp_path / "pipe"), wheel)],
            python=PYTHON,
            interpreter=sys.executable,
            reporter=SilentReporter(),
        )
    assert str(caught.value) == (
        f"{tmp_path}/pipe: it is no regular file\n  help: put the wheel there"
    )


def test_file_where_the_store_should_be(tmp_path: Path) -> None:
    path = DEMO.build(tmp_path)
    (tmp_path / "store").write_text("")
    with pytest.raises(OutsideError) as caught:
        ingest(tmp_path / "store", path)
    assert str(caught.value) == (
        f"{tmp_path}/store: cannot write the store: Not a directory\n"
        "  help: a file stands where a folder has to be: name another place"
    )


@pytest.mark.parametrize(
    ("number", "reason", "mend"),
    [
        (
            errno.ENOSPC,
            "No space left on device",
            "free space or inodes on this file system",
        ),
        (errno.EROFS, "Read-only file system", "use a file system that can be written"),
        (errno.EIO, "Input/output error", "check the disk; nothing of this run was published"),
        (errno.EACCES, "Permission denied", "run envc as the owner of this folder"),
    ],
)
def test_disk_trouble_publishes_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, number: int, reason: str, mend: str
) -> None:
    def refuse(_: str) -> None:
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(staging, "sync_file_system", refuse)
    path = DEMO.build(tmp_path)
    root = tmp_path / "store"
    with pytest.raises(OutsideError) as caught:
        ingest(root, path)
    assert str(caught.value) == f"{root}: cannot write the store: {reason}\n  help: {mend}"
    assert [os.listdir(root / "wheels"), os.listdir(root / "tmp")] == [[], []]


def test_tree_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(OutsideError) as caught:
        Store(str(tmp_path)).manifest("x")
    assert str(caught.value) == (
        f"{tmp_path}/wheels/x/manifest: the store does not hold this\n"
        "  help: materialize its layer again"
    )


@pytest.mark.parametrize("name", ["manifest", "facts.json"])
@pytest.mark.parametrize("damage", [b"", b"\n", b"{}", b"d\t0755\t0\t-\t../x\n"])
def test_damaged_record(tmp_path: Path, name: str, damage: bytes) -> None:
    path = DEMO.build(tmp_path)
    store = ingest(tmp_path / "store", path)
    place = tmp_path / "store/wheels" / id_of(path) / name
    place.unlink()
    place.write_bytes(damage)
    with pytest.raises(SpecError) as caught:
        store.manifest(id_of(path)) if name == "manifest" else store.facts(id_of(path))
    assert str(caught.value) == (
        f"{place}: this record of a stored tree is damaged\n  help: {REPAIR}"
    )


def test_a_manifest_that_lost_its_last_line(tmp_path: Path) -> None:
    path = DEMO.build(tmp_path)
    store = ingest(tmp_path / "store", path)
    place = tmp_path / "store/wheels" / id_of(path) / "manifest"
    shorter = b"".join(place.read_bytes().splitlines(keepends=True)[:-1])
    place.unlink()
    place.write_bytes(shorter)
    with pytest.raises(SpecError, match="this record of a stored tree is damaged"):
        store.manifest(id_of(path))


def test_an_ordinary_tool_verifies_the_records(tmp_path: Path) -> None:
    path = DEMO.build(tmp_path)
    ingest(tmp_path / "store", path)
    folder = tmp_path / "store/wheels" / id_of(path)
    for line in (folder / "SHA256SUMS").read_text().splitlines():
        digest, name = line.split("  ")
        assert sha256_of(folder / name) == digest
    assert len((folder / "SHA256SUMS").read_text().splitlines()) == 2


def test_other_tree(tmp_path: Path) -> None:
    store = Store(str(tmp_path / "store"))
    files = {f"{SITE}/_envc_start.py": b"x = 1\n", "bin/activate": b"# sh\n"}
    core = {"python": PYTHON, "interpreter": sys.executable}
    name = store.add_tree("start", files, **core)
    assert name.startswith("start-")
    assert name.endswith(f"-{TAG}-3")
    assert [(e.path, e.mode) for e in files_of(store, name)] == [
        ("bin/activate", 0o555),
        (f"{SITE}/__pycache__/_envc_start.{TAG}.pyc", 0o444),
        (f"{SITE}/_envc_start.py", 0o444),
    ]
    assert store.add_tree("start", dict(reversed(files.items())), **core) == name
    assert store.add_tree("start", files | {"bin/activate": b""}, **core) != name


def files_of(store: Store, name: str) -> list[Entry]:
    return [entry for entry in store.manifest(name).entries() if entry.kind == "f"]


@pytest.mark.parametrize(("name", "path"), [("../x", "a"), ("x", "../a"), ("x", "/a")])
def test_other_tree_with_an_impossible_name(tmp_path: Path, name: str, path: str) -> None:
    with pytest.raises(InternalError) as caught:
        Store(str(tmp_path)).add_tree(name, {path: b""}, python=PYTHON, interpreter=sys.executable)
    assert str(caught.value) == f"a tree {name!r} cannot be stored: a name in it is impossible"
    assert os.listdir(tmp_path) == []
