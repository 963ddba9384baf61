"""Bytecode for whole trees: one compiler process a core, alive for all wheels of a run."""

import contextlib
import errno
import os
import resource
import signal
from collections.abc import Iterable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from queue import Empty, SimpleQueue
from subprocess import DEVNULL, PIPE, Popen
from typing import BinaryIO, cast

from envc.disk.closing import Closing
from envc.disk.durable import disk_error
from envc.errors import OutsideError, UntrustedError, UsageError
from envc.model.manifest import FILE_MODE, PUBLISHED_MTIME_SECONDS, Entry
from envc.ports import Reporter
from envc.store.identity import build_tag, bytecode_path
from envc.store.limits import BYTECODE_BATCH

TASK = "compile"

# The last resort against a source that is a bomb in a way that `compile_worker` does not know: what
# a batch of sources may take, in a process of its own.
_MEMORY_BYTES = 4 << 30
_CPU_SECONDS = 300
_ENDED_BY_ITS_LIMIT = 128 + signal.SIGXCPU

# What execve(2) says of a file that is missing, or is no program; anything else is trouble.
_NO_PROGRAM = {errno.ENOENT, errno.ENOTDIR, errno.EACCES, errno.ENOEXEC}


class Compiler(Closing):
    """Compiles files of trees below one folder. A context manager; threads may share it."""

    def __init__(self, interpreter: str, *, python: str, folder: str, reporter: Reporter) -> None:
        self._interpreter = os.path.abspath(interpreter) if "/" in interpreter else interpreter
        self._python = python
        self._folder = folder
        self._reporter = reporter
        self._idle: SimpleQueue[_Worker] = SimpleQueue()
        self._pool = ThreadPoolExecutor(len(os.sched_getaffinity(0)), "compile")

    def close(self) -> None:
        """End the compiling processes; what is not begun is not done."""
        self._pool.shutdown(cancel_futures=True)
        while not self._idle.empty():
            self._idle.get().close()

    def submit(self, tree: str, sources: Sequence[str]) -> "list[Future[list[Entry]]]":
        """Begin to compile these files of a tree; `tree` is relative to the folder.

        Each future holds the entries of the bytecode of some of them; a source that does not
        compile has none. Its `result` raises `OutsideError` for disk trouble or a lost process,
        `UsageError` when the interpreter is another Python.
        """
        return [
            self._pool.submit(self._compile, tree, sources[start : start + BYTECODE_BATCH])
            for start in range(0, len(sources), BYTECODE_BATCH)
        ]

    def _compile(self, tree: str, sources: Sequence[str]) -> list[Entry]:
        try:
            worker = self._idle.get_nowait()
        except Empty:
            worker = _Worker(self._interpreter, self._python, self._folder)
        try:
            entries, passed_over = worker.compile(tree, sources)
        except BaseException:
            worker.close()
            raise
        self._idle.put(worker)
        self._reporter.advance(TASK, len(sources))
        for source in passed_over:
            self._reporter.warn(
                f"{source} gets no bytecode: it is larger than what people write, or in an "
                "encoding of an odd kind"
            )
        return entries


class _Worker:
    """One process of `compile_worker`."""

    def __init__(self, interpreter: str, python: str, folder: str) -> None:
        import pkgutil

        program = pkgutil.get_data("envc.store", "compile_worker.py") or b""
        command = [interpreter, "-I", "-S", "-B", "-W", "ignore", "-c", program.decode()]
        self._interpreter = interpreter
        self._python = python
        try:
            self._process = Popen(
                command, stdin=PIPE, stdout=PIPE, stderr=DEVNULL, cwd=folder, process_group=0
            )
        except OSError as error:
            if error.errno not in _NO_PROGRAM:
                raise disk_error(error, "start the core's interpreter", interpreter) from error
            raise OutsideError(
                f"cannot start the core's interpreter: {os.strerror(error.errno or 0)}",
                where=interpreter,
                mend="install it, or correct core.interpreter",
            ) from error
        _limit(self._process.pid)
        self._requests = cast("BinaryIO", self._process.stdin)
        self._answers = cast("BinaryIO", self._process.stdout)
        found = self._receive()
        if not found and self._process.wait() < 0:
            self.close()
            raise self._lost("before it compiled anything")
        if found != build_tag(python):
            self.close()
            what = f"it is {found}" if found else "it is no Python that runs"
            raise UsageError(
                f"the core's interpreter must be {build_tag(python)}; {what}",
                where=interpreter,
                mend=f"set core.interpreter to a CPython {python}, or core.python to what it is",
            )

    def compile(self, tree: str, sources: Sequence[str]) -> tuple[list[Entry], list[str]]:
        """The entries of the bytecode of those sources that compile, in their order.

        And the sources that are not such as people write: they get none.
        """
        targets = [bytecode_path(source, self._python) for source in sources]
        self._send(
            f"{tree}\t{source}\t{target}\t{PUBLISHED_MTIME_SECONDS}\n"
            for source, target in zip(sources, targets, strict=True)
        )
        entries: list[Entry] = []
        passed_over: list[str] = []
        for source, target in zip(sources, targets, strict=True):
            answer = self._receive()
            if not answer:
                if self._process.wait() == _ENDED_BY_ITS_LIMIT:
                    raise _bomb(source)
                raise self._lost(f"while it compiled {source}")
            if answer == "?":
                raise _bomb(source)
            if answer.startswith("!"):
                raise OSError(int(answer[1:]), os.strerror(int(answer[1:])), target)
            if answer == "~":
                passed_over.append(source)
            elif answer != "-":
                digest, size = answer.split()
                entries.append(Entry("f", FILE_MODE, int(size), digest, target))
        return entries, passed_over

    def _send(self, lines: Iterable[str]) -> None:
        """Send a batch. Its answers fit into the pipe, so neither side ever waits for ever."""
        # A process that is gone shows when the answers are read, with the file that ended it.
        with contextlib.suppress(BrokenPipeError):
            self._requests.write("".join(lines).encode() + b"\n")
            self._requests.flush()

    def _lost(self, when: str) -> OutsideError:
        return OutsideError(
            f"the byte-compiler ended with status {self._process.wait()} {when}",
            where=self._interpreter,
            mend="see whether the node ran out of memory, then run again",
        )

    def _receive(self) -> str:
        """The next line; empty when the process has ended."""
        return self._answers.readline().decode(errors="replace").rstrip("\n")

    def close(self) -> None:
        """End the process; it may be busy, or gone."""
        self._process.kill()
        # Closed before the wait: unsent bytes may be left of a process that has ended.
        with contextlib.suppress(BrokenPipeError):
            self._requests.close()
        self._answers.close()
        self._process.wait()


def _limit(process: int) -> None:
    """Let a process, and each of its children, have no more; it may have less already."""
    limits = {
        resource.RLIMIT_AS: _MEMORY_BYTES,
        resource.RLIMIT_CPU: _CPU_SECONDS,
        resource.RLIMIT_CORE: 0,
    }
    # One that has ended is told of where its answer is missed.
    with contextlib.suppress(ProcessLookupError):
        for kind, most in limits.items():
            soft, hard = resource.prlimit(process, kind)
            if soft == resource.RLIM_INFINITY or soft > most:
                resource.prlimit(process, kind, (most, hard))


def _bomb(source: str) -> UntrustedError:
    return UntrustedError(
        "to compile it takes more memory or time than any source may",
        where=source,
        mend="do not use the wheel that it is of, and tell who publishes it",
    )
