"""What a run sees of the world while it looks for its answer: the same sights, the same answer.

A sight is what a path or a variable looked like when the run first asked for it. `Sights` notes
them by itself: what is opened or listed, the interpreter tells (PEP 578); the functions of `os`
that it keeps quiet about are replaced for the time. A run that changes something, starts another
process or asks the network has no sights that would do.
"""

import os
import stat
import sys
import time

TYPE_CHECKING = False  # a call that is answered by its sights imports next to nothing
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from typing import Any

# As what something is looked at. A folder that nobody lists is only itself: whose it is and who may
# write there, not when a name came or went. What was opened is opened again: on NFS that alone asks
# the server. Of a TOML file that is read for its tables comments do not count.
ITSELF, LISTED, OPENED = "itself", "listed", "opened"
TABLES, VARIABLE = "tables", "variable"
# A file could be written again within one tick of the clock that stamps it, and look the same. Some
# file systems for clusters count whole seconds.
_TICK_NS, _COARSE_TICK_NS = 50_000_000, 2_000_000_000
_MOST = 5_000
_CHANGES = frozenset(
    f"os.{word}"
    for word in (
        *("chmod", "chown", "link", "mkdir", "remove", "rename", "rmdir", "setxattr", "symlink"),
        *("truncate", "utime"),
    )
)
_BEYOND = frozenset(
    {"os.exec", "os.fork", "os.forkpty", "os.posix_spawn", "os.system", "subprocess.Popen"}
    | {"socket.bind", "socket.connect", "socket.getaddrinfo"}
)
_WRITING = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_APPEND


def look(kind: str, name: str) -> str:
    """What something looks like now; of what is not there, or not to be seen, why."""
    if kind == VARIABLE:
        return repr(os.environ.get(name))
    if kind == TABLES:
        return _without_comments(name)
    return _look(kind, name)[0]


def _look(kind: str, path: str) -> tuple[str, int]:
    """The same of a path, and when it was last changed, in nanoseconds; 0: that does not count."""
    try:
        if kind == OPENED:
            os.close(os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK))
        status = _lstat(path)
        seen, changed = _state(status, kind)
        if stat.S_ISLNK(status.st_mode):
            further, last = _state(_stat(path), kind)
            return f"{seen} {_readlink(path)} {further}", max(changed, last)
    except OSError as error:
        return f"error {error.errno}", 0
    return seen, changed


def _without_comments(path: str) -> str:
    """A TOML file's lines but for blank ones and comments; all, where a text may go over lines."""
    with open(path, encoding="utf-8", errors="surrogateescape") as file:
        text = file.read()
    if '"""' in text or "'''" in text:
        return text
    lines = (line.strip(" \t\r") for line in text.split("\n"))
    return "\n".join(line for line in lines if line and line[0] != "#")


def _state(status: os.stat_result, kind: str) -> tuple[str, int]:
    who = f"{status.st_mode:o} {status.st_uid} {status.st_gid} {status.st_dev} {status.st_ino}"
    if kind != LISTED and stat.S_ISDIR(status.st_mode):
        return who, 0
    return f"{who} {status.st_size} {status.st_mtime_ns} {status.st_ctime_ns}", status.st_ctime_ns


_lstat, _stat, _readlink = os.lstat, os.stat, os.readlink
_SILENT = (os.stat, os.lstat, os.readlink, os.access)
_LIBRARY = f"{os.path.dirname(os.__file__)}/"


def _is_library(path: str) -> bool:
    """Whether a file is the interpreter's own, which its version tells, or made of a source."""
    return "/__pycache__/" in path or (path.startswith(_LIBRARY) and "-packages/" not in path)


class Sights:
    """The sights of the run that goes on, which began at `began_ns`.

    What is below `free`, the cache, may be written: no answer rests on it.
    """

    current: "Sights | None" = None

    def __init__(self, free: str, began_ns: int) -> None:
        self._free = f"{free}/"
        self._began_ns = began_ns
        self._seen: dict[tuple[str, str], str] = {}
        self._last_ns = 0
        self.is_watching = True
        self._environ = type(os.environ)
        self.until = float("inf")

    def watch(self) -> None:
        """Note from now on what is looked at; once in a process, as hooks cannot be taken back."""
        sys.addaudithook(self._hear)
        for function in _SILENT:
            self._replace(function, self._noted(function))
        os.environ.__class__ = self._noting(self._environ)
        Sights.current = self

    def end(self) -> None:
        """Note no more; nothing that this run has seen would do."""
        self.until = 0.0
        self._seen.clear()
        self._stop()

    def _stop(self) -> None:
        if self.is_watching and Sights.current is self:
            for function in _SILENT:
                self._replace(getattr(os, function.__name__), function)
            os.environ.__class__ = self._environ
        self.is_watching = False

    def _replace(self, function: "Callable[..., Any]", other: "Callable[..., Any]") -> None:
        """Let `os` have another function of the same name, which can do the same."""
        setattr(os, other.__name__, other)
        for able in (os.supports_dir_fd, os.supports_fd, os.supports_follow_symlinks):
            if function in able:
                able.add(other)

    def found(self) -> "Mapping[tuple[str, str], str] | None":
        """Kind and name → what it looked like; None: there is none that another run could trust."""
        for module in tuple(sys.modules.values()):
            path = getattr(module, "__file__", None)
            if path and not _is_library(path):
                self.note(ITSELF, path)
        self._stop()
        tick = _TICK_NS if self._last_ns % 1_000_000_000 else _COARSE_TICK_NS
        settled = self._last_ns + tick < self._began_ns
        holds = time.time() < self.until
        return self._seen if self._seen and settled and holds else None

    def note(self, kind: str, name: str) -> None:
        """Look at something, the first time that it is asked for."""
        if not self.is_watching or (kind, name) in self._seen or (TABLES, name) in self._seen:
            return
        self._seen[kind, name] = ""  # to look is to ask, too
        if kind in {VARIABLE, TABLES}:
            for other in (ITSELF, OPENED):
                self._seen.pop((other, name), None)
            self._seen[kind, name] = look(kind, name)
            return
        self._seen[kind, name], changed_ns = _look(kind, name)
        self._last_ns = max(self._last_ns, changed_ns)
        if len(self._seen) > _MOST:
            self.end()

    def _note_path(self, kind: str, path: "Any") -> None:
        if isinstance(path, int):
            return  # a descriptor: what it leads to was opened by its path
        self.note(kind, os.path.abspath(os.fsdecode(path)))

    def _noted(self, function: "Callable[..., Any]") -> "Callable[..., Any]":
        def looking(path: "Any", *args: "Any", **named: "Any") -> "Any":
            if self.is_watching:
                if named.get("dir_fd") is not None:
                    self.end()
                else:
                    self._note_path(ITSELF, path)
            return function(path, *args, **named)

        looking.__name__ = function.__name__
        return looking

    def _noting(self, environ: "Any") -> "Any":
        class Noting(environ):  # type: ignore[misc]
            def __getitem__(variables, name: str) -> "Any":  # noqa: N805 - `self` is the sights
                self.note(VARIABLE, name)
                return environ.__getitem__(variables, name)

        return Noting

    def _hear(self, event: str, args: "tuple[Any, ...]") -> None:
        if not self.is_watching:
            return
        if event == "open":
            path, _, flags = args
            if isinstance(path, int):
                return
            if isinstance(flags, int) and flags & _WRITING:
                self._heard_of_change(path)
            elif not _is_library(os.fsdecode(path)):
                self._note_path(OPENED, path)
        elif event in {"os.listdir", "os.scandir"}:
            self._note_path(LISTED, "." if args[0] is None else args[0])
        elif event in _CHANGES:
            self._heard_of_change(args[0])
        elif event in _BEYOND:
            self.end()

    def _heard_of_change(self, path: "Any") -> None:
        if isinstance(path, int) or not os.path.abspath(os.fsdecode(path)).startswith(self._free):
            self.end()


def times_of(folder: str) -> os.stat_result:
    """The status of a folder, where what was added to it or removed counts."""
    if Sights.current is not None:
        Sights.current.note(LISTED, folder)
    return _stat(folder)


def only_tables_of(path: str) -> None:
    """What is looked for in this TOML file now, and elsewhere in this run, are its tables alone."""
    if Sights.current is not None:
        Sights.current.note(TABLES, os.path.abspath(path))


class Asking:
    """While a program is asked that looks at nothing but itself and changes nothing."""

    def __init__(self, program: str) -> None:
        self._sights = Sights.current
        if self._sights is not None and not self._sights.is_watching:
            self._sights = None
        if self._sights is not None:
            self._sights.note(OPENED, program)

    def __enter__(self) -> None:
        if self._sights is not None:
            self._sights.is_watching = False

    def __exit__(self, *_: object) -> None:
        if self._sights is not None:
            self._sights.is_watching = True


def holds_until(seconds: float) -> None:
    """What was found just now is no longer true at that time since the epoch; 0: nor is it then."""
    if Sights.current is not None:
        Sights.current.until = min(Sights.current.until, seconds)
