"""envc processes for tests that disturb them: quick to start, and traced from the first call on."""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import pytest

from support.sites import PROGRESS, Answer

needs_strace = pytest.mark.skipif(
    shutil.which("strace") is None, reason="strace is not installed (apt-get install strace)"
)


_APART = ("unshare", "--pid", "--fork", "--kill-child", "--mount-proc")
# So that two processes that wait for each other fail a test, and do not stop it.
_LOCK_TIMEOUT_SECONDS = "20"


@cache
def can_be_apart() -> bool:
    """Whether processes can be started here that see no others."""
    try:
        return subprocess.run([*_APART, "true"], capture_output=True, check=False).returncode == 0
    except FileNotFoundError:
        return False


class Processes:
    """Starts envc processes one after another; a context manager.

    They are forks of a process that has imported envc already: a start takes a millisecond, and
    the n-th system call of a kind is the same one in every run; on one processor (`alone`) also
    where work is shared out between processes; where these see no others (`apart`, if that can be
    had) also for who looks at all processes of the machine.
    """

    def __init__(
        self, environment: Mapping[str, str], *, alone: bool = False, apart: bool = False
    ) -> None:
        self._environment = {"ENVC_LOCK_TIMEOUT": _LOCK_TIMEOUT_SECONDS, **environment}
        command = [sys.executable, "-B", str(Path(__file__).with_name("zygote.py"))]
        if apart and can_be_apart():
            command = [*_APART, *command]
        if alone:
            command = ["taskset", "--cpu-list", str(min(os.sched_getaffinity(0))), *command]
        self._zygote = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._zygote.communicate()

    def run(
        self,
        *words: object,
        strace: Sequence[str] | None = None,
        files: int | None = None,
        user: int | None = None,
        environment: Mapping[str, str] | None = None,
    ) -> Answer:
        """How one process ended; a negative status is the signal that ended it.

        `strace` are strace's options, `files` is the limit of open files; `user` runs it.
        """
        request: dict[str, Any] = {
            "words": [str(word) for word in words],
            "environment": {**self._environment, **(environment or {})},
            "strace": None if strace is None else list(strace),
            "files": files,
            "user": user,
        }
        requests, answers = self._zygote.stdin, self._zygote.stdout
        assert requests is not None
        assert answers is not None
        requests.write(json.dumps(request) + "\n")
        requests.flush()
        answer = json.loads(answers.readline())
        return Answer(**{**answer, "stderr": PROGRESS.sub("", answer["stderr"])})

    def traced(self) -> int:
        """The process that strace is attached to now."""
        zygote = self._zygote.pid
        children = Path(f"/proc/{zygote}/task/{zygote}/children").read_text().split()
        for child in map(int, children):
            if "TracerPid:\t0\n" not in Path(f"/proc/{child}/status").read_text():
                return child
        raise ProcessLookupError("no process is traced")
