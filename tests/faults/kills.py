"""The system calls of a process that matter, and how to tamper with each of them.

strace counts the calls of each name and each tracee (thread or process) for itself. The calls of
the first thread are hit exactly: without `-f`, only they are counted. Those of other threads and
of child processes are hit where none before them is the n-th of its own tracee.
"""

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from faults.processes import Processes
from support.sites import Answer

MUTATING = (
    "openat", "write", "pwrite64", "sendfile", "copy_file_range", "fsync", "fdatasync", "syncfs",
    "rename", "renameat", "renameat2", "link", "linkat", "symlink", "symlinkat", "mkdir",
    "mkdirat", "unlink", "unlinkat", "rmdir", "chmod", "fchmod", "fchmodat", "utimensat",
    "ftruncate",
)  # fmt: skip
READING = ("read", "pread64", "getdents64", "openat")
_CALL = re.compile(r"(\d+) +(\w+)\((.*)")
# A write to stdout or stderr, which may speak of any path.
_MESSAGE = re.compile(r"[12]<")
_WRITES = ("O_CREAT", "O_WRONLY", "O_RDWR", "O_TRUNC")


@dataclass(frozen=True, slots=True)
class Call:
    """The `number`-th call of that name; in the first thread, or in whichever is first to make it.

    `does` is the call as strace shows it, for messages.
    """

    syscall: str
    number: int
    first_thread: bool
    does: str

    def options(self, tampering: str) -> list[str]:
        """strace's options that tamper with this call: `signal=KILL`, `error=EIO`."""
        inject = f"inject={self.syscall}:{tampering}:when={self.number}"
        return [*([] if self.first_thread else ["-f"]), "-e", inject]

    def __str__(self) -> str:
        who = "the first thread" if self.first_thread else "any"
        return f"{self.syscall} {self.number} of {who}: {self.does}"


def traced(
    processes: Processes, words: Sequence[object], *, root: Path, log: Path
) -> tuple[Answer, list[Call], list[Call]]:
    """How an undisturbed run ends, and every call that it makes below `root`, in order.

    First the mutating ones, then those that read.
    """
    names = ",".join(f"?{name}" for name in dict.fromkeys((*MUTATING, *READING)))
    options = ["-f", "-y", "-o", str(log), "-e", f"trace={names}", "-e", "signal=none"]
    answer = processes.run(*words, strace=options)
    with log.open(encoding="utf-8", errors="replace") as lines:
        calls = list(_calls(lines, str(root)))
    mutating = [call for call in calls if _mutates(call)]
    reading = [call for call in calls if call.syscall in READING and not _mutates(call)]
    return answer, mutating, reading


def _calls(lines: Iterator[str], root: str) -> Iterator[Call]:
    first_thread: str | None = None
    counts: Counter[tuple[str, str]] = Counter()
    reached: Counter[str] = Counter()
    for line in lines:
        match = _CALL.match(line)
        if match is None:
            continue  # the second half of a call that another one interrupted
        tracee, syscall, rest = match.groups()
        first_thread = first_thread or tracee
        counts[tracee, syscall] += 1
        number = counts[tracee, syscall]
        is_first = number > reached[syscall]
        reached[syscall] = max(reached[syscall], number)
        own = tracee == first_thread
        if (own or is_first) and root in rest and not _MESSAGE.match(rest):
            yield Call(syscall, number, own, rest.strip())


def _mutates(call: Call) -> bool:
    if call.syscall == "openat":
        return any(flag in call.does for flag in _WRITES)
    return call.syscall in MUTATING
