r"""Stored trees as streams of bytes, and back: what bundles carry of them.

    envc-tree 1 <size of facts.json> <size of manifest>\n
    facts.json, manifest, and the content of each file in the manifest's order

A tree that is not a wheel has no facts: size 0. Every file that arrives is held against the
manifest's line of it.
"""

import hashlib
import os
import re
from collections.abc import Iterable, Iterator, Mapping
from functools import partial
from itertools import chain
from typing import NamedTuple

from envc.disk.durable import disk_error, syncing
from envc.disk.processes import share_out
from envc.errors import REPAIR, EnvcError, UntrustedError
from envc.formats.facts import facts_from_json, facts_to_json
from envc.model.manifest import EXECUTABLE_MODE, FILE_MODE, Entry, manifest_from_text
from envc.ports import Reporter, SilentReporter
from envc.store.ingest import listing, seal
from envc.store.names import collisions, name_problem
from envc.store.staging import Staging, staging_in
from envc.store.store import Store
from envc.store.writer import TreeWriter

_CHUNK_BYTES = 1 << 20
_PROCESSES = 8
_HEAD = re.compile(rb"envc-tree 1 (\d{1,9}) (\d{1,9})\n")
_HEAD_BYTES = 64
_ID = re.compile(r"[a-z0-9][a-z0-9_-]{0,200}")
_MEND = "make the bundle again, or fetch it again"


class TreeStream(NamedTuple):
    """A stored tree's bytes; the first `head_bytes` hold the digests of the rest."""

    head_bytes: int
    chunks: Iterator[bytes]


def tree_stream(root: str, store_id: str) -> TreeStream:
    """A stored tree as a stream; the same bytes for the same tree.

    Raises:
        OutsideError, SpecError: the store does not hold it, or it is damaged.
        UntrustedError: a file of it is not what the manifest says.
    """
    store = Store(root)
    manifest = store.manifest(store_id)
    is_wheel = os.path.exists(f"{os.path.dirname(store.tree(store_id))}/facts.json")
    text, facts = manifest.text(), facts_to_json(store.facts(store_id)) if is_wheel else b""
    head = b"envc-tree 1 %d %d\n" % (len(facts), len(text)) + facts + text
    contents = (
        _content(f"{store.tree(store_id)}/{entry.path}", entry)
        for entry in manifest.entries()
        if entry.kind == "f"
    )
    return TreeStream(len(head), chain([head], chain.from_iterable(contents)))


def _content(path: str, entry: Entry) -> Iterator[bytes]:
    hasher = hashlib.sha256()
    try:
        with open(path, "rb") as file:
            while chunk := file.read(_CHUNK_BYTES):
                hasher.update(chunk)
                yield chunk
    except OSError as error:
        raise disk_error(error, "read the store", path) from error
    if hasher.hexdigest() != entry.content:
        raise UntrustedError(
            "this file of the store is not what its manifest says",
            where=path,
            mend=REPAIR,
        )


def receive_trees(
    root: str,
    trees: Mapping[str, Iterable[bytes]],
    *,
    source: str,
    reporter: Reporter | None = None,
) -> None:
    """Bring trees into the store from their streams: store id → chunks. All or none appear.

    `source` is where they come from, for errors.

    As many arrive at a time as there are cores, in the order of the mapping: large ones should come
    first; each stream is read by one process, which may be a fork of this one. The reporter hears
    of the task `receive`, in trees.

    Raises:
        UntrustedError: a stream is no tree, or its files are not what its manifest says.
        OutsideError: the disk refused.
    """
    reporter = reporter or SilentReporter()

    def receive(staging: Staging, told: Reporter, names: Iterator[str]) -> int:
        """Receive the trees with these names; how many there were."""
        number = 0
        for name in names:
            try:
                _receive(staging.add(name), _Stream(trees[name]))
            except _NoTreeError as error:
                raise _damaged(source, name, str(error)) from None
            told.advance("receive")
            number += 1
        return number

    def receive_here(staging: Staging, names: Iterator[str]) -> int:
        with syncing(staging.folder):
            return receive(staging, reporter, names)

    reporter.start("receive", len(trees), "trees")
    try:
        with staging_in(root) as staging:
            for name in trees:
                if _ID.fullmatch(name) is None:
                    raise _damaged(source, name, "its name cannot be that of a stored tree")
            here, *_ = share_out(
                list(trees),
                here=partial(receive_here, staging),
                in_forks=partial(receive, staging, SilentReporter()),
                most=_PROCESSES,
            )
            reporter.advance("receive", len(trees) - here)
            staging.publish(trees)
    except OSError as error:
        raise disk_error(error, "write the store", root) from error
    finally:
        reporter.finish("receive")


def _receive(folder: str, stream: "_Stream") -> None:
    match = _HEAD.fullmatch(stream.line())
    if match is None:
        raise _NoTreeError("it does not begin as one")
    facts, text = (stream.take(int(size)) for size in match.groups())
    entries = _checked(text, facts)
    tree = f"{folder}/tree"
    os.mkdir(tree)
    with TreeWriter(tree) as writer:
        for entry in entries:
            if entry.kind == "f":
                content = stream.pieces(entry.size_bytes)
                if writer.write(entry.path, content, entry.mode) != entry:
                    raise _NoTreeError(f"{entry.path!r} is not what its manifest says")
    stream.end()
    seal(folder, manifest_from_text(text), {"facts.json": facts} if facts else {})


def _checked(text: bytes, facts: bytes) -> list[Entry]:
    """The entries, if a stored tree can have them: whoever wrote them, nothing leads out of it.

    The files' digests show when they are written.
    """
    try:
        entries = list(manifest_from_text(text).entries())
        if facts:
            facts_from_json(facts, "facts.json")
    except (ValueError, KeyError, EnvcError) as error:
        raise _NoTreeError("its records are damaged") from error
    files = [entry for entry in entries if entry.kind == "f"]
    for entry in entries:
        is_plain = entry.mode in (FILE_MODE, EXECUTABLE_MODE) and entry.size_bytes >= 0
        if entry.kind == "l" or (entry.kind == "f" and not is_plain) or name_problem(entry.path):
            raise _NoTreeError(f"it cannot hold {entry.path!r}")
    for problem in collisions(entry.path for entry in files):
        raise _NoTreeError(f"of {problem.entry!r}: {problem.what}")
    if listing(files).text() != text:
        raise _NoTreeError("its manifest is not that of its files")
    return entries


class _NoTreeError(Exception):
    """Why what arrives is no stored tree."""


class _Stream:
    """Chunks of any size, taken in pieces of a known size."""

    def __init__(self, chunks: Iterable[bytes]) -> None:
        self._chunks = iter(chunks)
        self._rest = memoryview(b"")

    def line(self) -> bytes:
        """The first line, the newline included; cut off where it is too long."""
        found = b""
        while not found.endswith(b"\n") and len(found) < _HEAD_BYTES:
            found += self.take(1)
        return found

    def take(self, size: int) -> bytes:
        """So many bytes."""
        return b"".join(self.pieces(size))

    def pieces(self, size: int) -> Iterator[memoryview]:
        """So many bytes, in pieces."""
        while size:
            if not self._rest:
                self._rest = self._next()
            piece = self._rest[:size]
            self._rest = self._rest[len(piece) :]
            size -= len(piece)
            yield piece

    def end(self) -> None:
        """Read to the end, where nothing may be left: only then is the stream verified."""
        if self._rest or any(self._chunks):
            raise _NoTreeError("something follows it")

    def _next(self) -> memoryview:
        chunk = next(self._chunks, None)
        if chunk is None:
            raise _NoTreeError("it ends too early")
        return memoryview(chunk)


def _damaged(source: str, name: str, why: str) -> UntrustedError:
    return UntrustedError(f"{name} is no stored tree: {why}", where=source, mend=_MEND)
