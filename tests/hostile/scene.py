"""A store in the middle of files that a hostile wheel would like to reach."""

import os
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import pytest

from envc.errors import UntrustedError
from envc.model.digest import digest_of
from envc.model.lock import LockedWheel
from envc.model.wheel import WheelFacts
from envc.ports import SilentReporter
from envc.store import Store, store_id
from envc.target.compare import verify_tree
from hostile.forge import FILENAME, INFO, Entry, changed, pack, plain, recorded
from hostile.snapshots import snapshot

PYTHON = f"{sys.version_info.major}.{sys.version_info.minor}"
SITE = f"lib/python{PYTHON}/site-packages"
MEND = "\n  help: do not use this wheel: pin another release, and tell the project"
X = b"x = 1\n"
Y = b"y = 1\n"

Build = Callable[[], bytes]


@dataclass(frozen=True)
class Case:
    """A hostile wheel, and what is said of it; `entry` empty: of the wheel as a whole."""

    name: str
    build: Build
    what: str
    entry: str = ""
    filename: str = FILENAME
    also: tuple[tuple[str, str], ...] = ()

    @property
    def message(self) -> str:
        """The whole error; `also` are what else is wrong, and with which entry."""
        lines = []
        for what, entry in ((self.what, self.entry), *self.also):
            place = f"{self.filename}, entry {entry!r}" if entry else self.filename
            lines.append(f"{place}: {what}{MEND}")
        return "\n".join(lines)


@dataclass(frozen=True)
class NearMiss:
    """A wheel that looks much the same and is legal; `has` must be in its tree, `lacks` not."""

    name: str
    build: Build
    has: tuple[str, ...] = (f"{SITE}/demo.py",)
    lacks: tuple[str, ...] = ()


def named(name: str | bytes, content: bytes = X, **fields: object) -> Build:
    """A wheel with one more entry of that name."""
    raw = name.encode() if isinstance(name, str) else name
    return lambda: pack(recorded([*plain(), Entry(name=raw, content=content, **fields)]))


def files(*paths: str, content: str = "x = 1\n") -> Build:
    """A wheel with these files, recorded as they should be."""
    return lambda: pack(recorded(plain(dict.fromkeys(paths, content))))


def demo(**changes: object) -> Build:
    """A wheel whose demo.py is packed in another way."""
    return lambda: pack(recorded(changed(plain(), "demo.py", **changes)))


def record(edit: Callable[[str], str]) -> Build:
    """A wheel with an edited RECORD."""
    return lambda: pack(recorded(plain(), edit))


def metadata(name: str, text: str) -> Build:
    """A wheel with another file of its `.dist-info`."""
    return lambda: pack(recorded(changed(plain(), f"{INFO}/{name}", content=text.encode())))


def scripts(text: str) -> Build:
    """A wheel with these console scripts."""
    return lambda: pack(recorded(plain(entry_points=f"[console_scripts]\n{text}\n")))


def good() -> bytes:
    """An honest wheel of the same forge."""
    return pack(recorded(plain()))


@dataclass(frozen=True)
class Scene:
    """`root` holds the store and the sentinel; wheels arrive in `inbox`."""

    root: Path
    inbox: Path

    @property
    def store(self) -> Path:
        return self.root / "store"

    def lay(self) -> "Scene":
        """Publish an honest wheel, and put a sentinel where paths that climb out would arrive."""
        for path, mode in (("etc/x.py", 0o644), ("x.py", 0o600), ("bin/python", 0o755)):
            place = self.root / path
            place.parent.mkdir(parents=True, exist_ok=True)
            place.write_text("sentinel\n")
            place.chmod(mode)
            os.utime(place, (1_000_000_000, 1_000_000_000))
        (self.root / "link").symlink_to("etc")
        self.ingest(good())
        return self

    def ingest(self, content: bytes, filename: str = FILENAME) -> str:
        """Ingest a wheel with these bytes; its store id."""
        path = self.inbox / filename
        path.write_bytes(content)
        wheel = LockedWheel(filename=filename, digest=digest_of(content), path=str(path))
        Store(str(self.store)).ingest(
            [(str(path), wheel)],
            python=PYTHON,
            interpreter=sys.executable,
            reporter=SilentReporter(),
        )
        return store_id(wheel.digest, PYTHON)

    def seen(self) -> dict[str, tuple[object, ...]]:
        """All but the store's own folder for work in progress, whose time alone may change."""
        found = snapshot(self.root)
        temporary = f"{self.store}/tmp/."
        assert [path for path in found if path.startswith(temporary[:-1])] == [temporary]
        found.pop(temporary)
        found.pop(f"{self.store}/tmp")
        return found

    def refused(self, case: Case) -> None:
        """Ingest the case's wheel: it is refused by name, and nothing else has happened."""
        content = case.build()
        before = self.seen()
        with pytest.raises(UntrustedError) as caught:
            self.ingest(content, case.filename)
        assert str(caught.value) == case.message
        assert self.seen() == before

    def accepted(self, near: NearMiss) -> WheelFacts:
        """Ingest the near miss's wheel: it is published, and what its manifest says."""
        store = Store(str(self.store))
        name = self.ingest(near.build())
        manifest = store.manifest(name)
        assert verify_tree(manifest, store.tree(name)) == []
        paths = {entry.path for entry in manifest.entries()}
        assert paths.issuperset(near.has)
        assert paths.isdisjoint(near.lacks)
        return store.facts(name)


def each_refused(cases: Sequence[Case]) -> Callable[..., None]:
    """A test of each case: it is refused by name, and nothing else has happened."""

    @pytest.mark.parametrize("case", cases, ids=lambda case: case.name)
    def test(case: Case, scene: Scene) -> None:
        scene.refused(case)

    return test


def each_accepted(near_misses: Sequence[NearMiss]) -> Callable[..., None]:
    """A test of each near miss: it is published."""

    @pytest.mark.parametrize("near", near_misses, ids=lambda near: near.name)
    def test(near: NearMiss, outbox: Scene) -> None:
        outbox.accepted(near)

    return test
