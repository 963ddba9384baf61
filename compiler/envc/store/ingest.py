"""Wheels and other trees → the store: verified, unpacked, byte-compiled, durable, published."""

import os
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import Future, ThreadPoolExecutor

from envc.disk.durable import disk_error
from envc.errors import Fault, UntrustedError
from envc.formats.facts import facts_to_json
from envc.formats.installed_record import installed_record
from envc.model.digest import digest_of
from envc.model.lock import LockedWheel
from envc.model.manifest import (
    EXECUTABLE_MODE,
    FILE_MODE,
    Entry,
    Manifest,
    directory_entry,
    manifest_of,
    parents_of,
)
from envc.model.names import site_packages_of
from envc.model.value import value
from envc.model.wheel import WheelFacts
from envc.ports import Reporter
from envc.store.bytecode import TASK as COMPILE
from envc.store.bytecode import Compiler
from envc.store.identity import SUMS_NAME, sum_line
from envc.store.staging import Staging, staging_in
from envc.store.unpack import Unpacked, sources_of, unpack
from envc.store.writer import TreeWriter

_UNPACK = "unpack"

Bytecode = list[Future[list[Entry]]]
Judge = Callable[[WheelFacts], Fault | None]


@value(kw_only=True)
class Run:
    """What the trees of one run have in common: the store's root and the core.

    `judge` is shown each wheel that is unpacked, and says what is wrong with it beside its bytes.
    """

    root: str
    python: str
    interpreter: str
    reporter: Reporter
    judge: Judge | None = None


def ingest_wheels(run: Run, wheels: Mapping[str, tuple[str, LockedWheel]]) -> None:
    """Bring wheels into the store: store id → local path and what the lock says.

    All or none are published. As many are unpacked at a time as there are cores, the largest
    first, while as many processes compile what is ready.

    Raises:
        UntrustedError: wheels are not what the lock says, or hostile: all of them, in order.
        OutsideError: disk trouble, or the interpreter cannot be started.
        UsageError: the interpreter is another Python than `run.python`.
    """
    run.reporter.start(_UNPACK, len(wheels), "wheels")
    run.reporter.start(COMPILE, 0, "files")
    try:
        with staging_in(run.root) as staging:
            with _compiler(run, staging) as compiler:
                unpacked = _unpack_all(run, wheels, staging, compiler)
                for name, (wheel, bytecode) in unpacked.items():
                    _finish_wheel(os.path.join(staging.folder, name), wheel, bytecode)
            staging.publish(wheels)
    except OSError as error:
        raise disk_error(error, "write the store", run.root) from error
    finally:
        run.reporter.finish(_UNPACK)
        run.reporter.finish(COMPILE)


def ingest_tree(run: Run, name: str, files: Mapping[str, bytes]) -> None:
    """Bring files that are no wheel into the store, under that name; paths as in a tree.

    Raises:
        OutsideError, UsageError: as `ingest_wheels` does.
    """
    try:
        with staging_in(run.root) as staging:
            folder = staging.add(name)
            tree = _make_tree(folder)
            with TreeWriter(tree) as writer:
                entries = [
                    writer.write(path, [files[path]], _mode_of(path)) for path in sorted(files)
                ]
            sources = sources_of(sorted(files), site_packages_of(run.python))
            with _compiler(run, staging) as compiler:
                entries += _entries(compiler.submit(f"{name}/tree", sources))
            seal(folder, listing(entries), {})
            staging.publish([name])
    except OSError as error:
        raise disk_error(error, "write the store", run.root) from error


def _compiler(run: Run, staging: Staging) -> Compiler:
    return Compiler(
        run.interpreter, python=run.python, folder=staging.folder, reporter=run.reporter
    )


def _unpack_all(
    run: Run,
    wheels: Mapping[str, tuple[str, LockedWheel]],
    staging: Staging,
    compiler: Compiler,
) -> dict[str, tuple[Unpacked, Bytecode]]:
    """Unpack all wheels and hand their sources to the compiler; by store id."""

    def unpack_one(name: str) -> tuple[Unpacked, Bytecode]:
        path, wheel = wheels[name]
        unpacked = unpack(path, wheel, python=run.python, tree=_make_tree(staging.add(name)))
        fault = run.judge(unpacked.facts) if run.judge is not None else None
        if fault is not None:
            raise UntrustedError.of([fault])
        bytecode = compiler.submit(f"{name}/tree", unpacked.sources)
        run.reporter.advance(_UNPACK)
        return unpacked, bytecode

    # Large ones first, else the last one keeps one core busy and leaves the others idle.
    order = sorted(wheels, key=lambda name: (-_size_of(wheels[name][0]), name))
    pool = ThreadPoolExecutor(len(os.sched_getaffinity(0)), "unpack")
    try:
        futures = {name: pool.submit(unpack_one, name) for name in order}
        return _results({name: futures[name] for name in wheels})
    finally:
        pool.shutdown(cancel_futures=True)


def _results(
    futures: Mapping[str, Future[tuple[Unpacked, Bytecode]]],
) -> dict[str, tuple[Unpacked, Bytecode]]:
    """What the futures hold. Every refused wheel is told, not the first alone."""
    results: dict[str, tuple[Unpacked, Bytecode]] = {}
    faults: list[Fault] = []
    for name, future in futures.items():
        try:
            results[name] = future.result()
        except UntrustedError as error:
            faults += error.faults
    if faults:
        raise UntrustedError.of(faults)
    return results


def _size_of(path: str) -> int:
    """The size of a file; 0 when it cannot be told, which shows when the file is opened."""
    try:
        return os.stat(path).st_size
    except OSError:
        return 0


def _make_tree(folder: str) -> str:
    tree = os.path.join(folder, "tree")
    os.mkdir(tree)
    return tree


def _entries(bytecode: Bytecode) -> list[Entry]:
    return [entry for future in bytecode for entry in future.result()]


def _finish_wheel(folder: str, wheel: Unpacked, bytecode: Bytecode) -> None:
    """Add what needs all files of a wheel to be there: RECORD, facts, manifest."""
    entries = [*wheel.entries, *_entries(bytecode)]
    record = installed_record(entries, wheel.record)
    with TreeWriter(os.path.join(folder, "tree")) as writer:
        entries.append(writer.write(wheel.record, [record], FILE_MODE))
    seal(folder, listing(entries), {"facts.json": facts_to_json(wheel.facts)})


def listing(entries: Iterable[Entry]) -> Manifest:
    """The manifest of a tree with these files: they, and every folder above them."""
    files = list(entries)
    folders = map(directory_entry, parents_of(entry.path for entry in files))
    return manifest_of(entry.line() for entry in (*files, *folders))


def seal(folder: str, manifest: Manifest, records: Mapping[str, bytes]) -> None:
    """Give all folders their final mode and time, and write the records: the tree is complete."""
    with TreeWriter(os.path.join(folder, "tree")) as writer:
        writer.seal("")
        for path in manifest.folders():
            writer.seal(path)
    records = {**records, "manifest": manifest.text()}
    sums = [sum_line(name, digest_of(content)) for name, content in records.items()]
    with TreeWriter(folder) as writer:
        for name, content in records.items():
            writer.write(name, [content], FILE_MODE)
        writer.write(SUMS_NAME, sums, FILE_MODE)


def _mode_of(path: str) -> int:
    return EXECUTABLE_MODE if path.startswith("bin/") else FILE_MODE
