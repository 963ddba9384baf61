"""Disturb an operation at one system call after another, and ask the oracle each time."""

import errno
import os
import re
import shutil
import signal
import subprocess
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path

from faults.kills import Call, traced
from faults.oracle import Before, Listing, changes, incomplete, leftovers, listing, violations
from faults.processes import Processes
from faults.world import Elsewhere, Operation, World
from support.sites import Answer

_KILLED = -9
_INTERRUPTED = re.compile(
    r"(about to write [^\n]+\n)?"
    r"error: interrupted: [^\n]+\n help: run the same command again: it goes on\n"
)
# What tells who wrote last, and when; a memo of how that was found; a folder that may be empty, or
# not there: what is in it counts.
_OWN = re.compile(r"(.*/)?(audit\.jsonl|\.inputs\.json|\..*lock|store/tmp)")


@dataclass
class Stage:
    """A world that is brought back to the same state, at the same place, as often as one likes."""

    world: World
    operation: Operation
    processes: Processes
    mutating: list[Call] = field(default_factory=list)
    reading: list[Call] = field(default_factory=list)
    finished: Listing = field(default_factory=dict)
    sound: dict[str, Listing] = field(default_factory=dict)

    @property
    def directory(self) -> Path:
        return self.operation.folder(self.world)

    def words(self) -> list[object]:
        return list(self.operation.words(self.world))

    def restore(self) -> Before:
        """The world as it was before the operation, times and shared inodes included."""
        restore(self.world.root, Path(f"{self.world.root}.saved"))
        outside = [
            "sentinel",
            "wheels",
            "site-1",
            "site-2",
            "target",
            "overlay",
            "storage",
            "state",
        ]
        folders = [self.world.root / name for name in outside]
        others = [
            folder for folder in folders if folder not in (self.directory, *self.directory.parents)
        ]
        before = Before.of(self.directory, others)
        leaves = not isinstance(self.operation, Elsewhere)
        return before if leaves else replace(before, generations={})

    def rehearse(self) -> None:
        """Run it undisturbed: what is there at its end, and which calls lead there."""
        self.restore()
        log = Path(f"{self.world.root}.log")
        answer, self.mutating, self.reading = traced(
            self.processes, self.words(), root=self.world.root, log=log
        )
        assert answer.status == 0, answer.stderr
        self.finished = outcome(self.directory)
        if isinstance(self.operation, Elsewhere):
            faults = list(self.operation.faults(self.world))
            assert faults == [], faults
            return
        self.sound = {
            folder.name: listing(folder, inodes=False)
            for folder in (self.directory / "generations").iterdir()
        }
        faults = [*violations(self.directory), *incomplete(self.directory)]
        assert faults == [], faults

    def kill_at(self, call: Call) -> Iterator[str]:
        """Every violation that a kill at this call leads to."""
        for answer in self._disturbed(call, "signal=KILL"):
            if isinstance(answer, str):
                yield answer
            elif answer.status != _KILLED:
                yield from _not_killed(answer, call)

    def end_at(self, call: Call, name: str) -> Iterator[str]:
        """Every violation when a signal asks for the end at this call: `INT`, `TERM`."""
        number = getattr(signal, f"SIG{name}")
        for answer in self._disturbed(call, f"signal={name}"):
            if isinstance(answer, str):
                yield answer
            elif answer.status != 128 + number or not _INTERRUPTED.fullmatch(answer.stderr):
                yield f"{name} ends with {answer.status}: {answer.stderr}"

    def fail_at(self, call: Call, error: str) -> Iterator[str]:
        """Every violation that follows when this call fails: `EIO`, `ENOSPC`.

        What envc can do without (a plan kept for later, cleaning up) may fail, and it goes on.
        """
        for answer in self._disturbed(call, f"error={error}"):
            if isinstance(answer, str):
                yield answer
            elif answer.status != 0 and not self._named(answer):
                yield from _badly_told(answer, error)

    def _named(self, answer: Answer) -> bool:
        """Whether a repair says of what it could not read that it is not repaired."""
        return self.operation.repairs and answer.status == 1 and "NOT repaired" in answer.stdout

    def _disturbed(self, call: Call, tampering: str) -> Iterator[Answer | str]:
        """The answer of a run that is tampered with, then every violation."""
        before = self.restore()
        if isinstance(self.operation, Elsewhere):
            yield from self._disturbed_elsewhere(self.operation, before, call, tampering)
            return
        allowed = set(violations(self.directory))
        damaged = {name: _without_inodes(old) for name, old in before.generations.items()}
        strace = [*call.options(tampering), "-o", os.devnull]
        yield self.processes.run(*self.words(), strace=strace)
        yield from self._current()
        yield from (found for found in violations(self.directory) if found not in allowed)
        if self.operation.repairs:
            yield from self._neither(damaged)
        else:
            yield from changes(before, self.directory, self.operation.leaving)
        again = self.processes.run(*self.words())
        if again.status != 0:
            yield f"a plain re-run ends with {again.status}: {again.stderr}"
            return
        swept = self.processes.run("gc", "--target", self.directory, "--keep", 9)
        if swept.status != 0:
            yield f"gc ends with {swept.status}: {swept.stderr}"
        yield from violations(self.directory)
        yield from incomplete(self.directory)
        yield from leftovers(self.directory)
        yield from _unlike(self.finished, outcome(self.directory))

    def _disturbed_elsewhere(
        self, operation: Elsewhere, before: Before, call: Call, tampering: str
    ) -> Iterator[Answer | str]:
        """The same of what leaves no generations; a re-run may find that nothing is left to do."""
        strace = [*call.options(tampering), "-o", os.devnull]
        yield self.processes.run(*self.words(), strace=strace)
        yield from operation.faults(self.world)
        yield from changes(before, self.directory)
        is_done = outcome(self.directory) == self.finished
        again = self.processes.run(*self.words())
        if again.status != 0 and not is_done:
            yield f"a plain re-run ends with {again.status}: {again.stderr}"
            return
        yield from operation.faults(self.world)
        yield from changes(before, self.directory)
        yield from leftovers(self.directory)
        yield from _unlike(self.finished, outcome(self.directory))

    def _current(self) -> Iterator[str]:
        path = self.directory / "current"
        number = int(os.path.basename(os.readlink(path))) if path.is_symlink() else None
        if number not in self.operation.ends:
            yield f"current is {number}, which is neither the old nor the new generation"

    def _neither(self, damaged: dict[str, Listing]) -> Iterator[str]:
        """Paths of generations that are neither as the damage left them nor mended."""
        for name, sound in self.sound.items():
            found = listing(self.directory / "generations" / name, inodes=False)
            for path in sound:
                if found.get(path) not in (sound[path], damaged[name].get(path)):
                    yield f"generation {name}: {path} is neither as before nor mended"


def restore(folder: Path, saved: Path) -> None:
    """Put a saved folder in place, hard links and times as they were."""
    remove(folder)
    subprocess.run(["cp", "-a", saved, folder], check=True)


def remove(folder: Path) -> None:
    """Remove a folder, read-only ones in it too."""
    if folder.exists():
        if os.geteuid() != 0:
            subprocess.run(["chmod", "-R", "u+w", folder], check=True)
        shutil.rmtree(folder)


def outcome(directory: Path) -> Listing:
    """What an operation leaves, but for what names processes and times."""
    found = listing(directory, inodes=False)
    return {path: seen for path, seen in found.items() if not _OWN.fullmatch(path)}


def _without_inodes(seen: Listing) -> Listing:
    return {path: values[:3] for path, values in seen.items()}


def _not_killed(answer: Answer, call: Call) -> Iterator[str]:
    """A child process was killed, and envc told it; or another thread was the first this time."""
    if call.first_thread:
        yield f"the call is not made any more: {answer.stderr}"
    elif answer.status not in (0, 4) or (answer.status == 4 and "\n help: " not in answer.stderr):
        yield f"envc ends with {answer.status} when its child is killed: {answer.stderr}"


def _badly_told(answer: Answer, error: str) -> Iterator[str]:
    """A failed call ends with status 4, its cause, where it was, and what to do."""
    cause = os.strerror(getattr(errno, error))
    parts = [f": {cause}\n", "\n   at: ", "\n help: "]
    if answer.status != 4 or not all(part in answer.stderr for part in parts):
        yield f"{error} ends with {answer.status}: {answer.stderr}"


def _unlike(wanted: Listing, found: Listing) -> Iterator[str]:
    paths = [p for p in sorted(wanted.keys() | found.keys()) if wanted.get(p) != found.get(p)]
    for path in paths[:1]:
        what = f"{path} is {found.get(path)}, not {wanted.get(path)}"
        yield f"after the re-run {len(paths)} paths are not as ever; {what}"


@contextmanager
def stages(template: World, arena: Path, operation: Operation, count: int) -> Iterator[list[Stage]]:
    """`count` copies of a world, each at a place of its own, ready for the operation."""
    with ExitStack() as stack:
        made: list[Stage] = []
        for number in range(count):
            root = arena / f"{operation.name}-{number}"
            world = copied(template, root)
            operation.prepare(world)
            subprocess.run(["cp", "-a", root, f"{root}.saved"], check=True)
            stack.callback(remove, root)
            stack.callback(remove, Path(f"{root}.saved"))
            apart = Processes(world.environment, alone=operation.alone, apart=True)
            processes = stack.enter_context(apart)
            made.append(Stage(world, operation, processes))
            made[-1].rehearse()
        yield made


def copied(template: World, root: Path) -> World:
    """A copy of a world elsewhere."""
    subprocess.run(["cp", "-a", template.root, root], check=True)
    return World(root)


def sweep(
    stages: Sequence[Stage],
    calls: Sequence[Call],
    disturb: Callable[[Stage, Call], Iterator[str]],
) -> list[str]:
    """All violations, the calls shared between the stages; each names its call."""

    def swept(number: int) -> list[str]:
        return [
            f"{stages[number].operation.name}, at {call}\n    {violation}"
            for call in calls[number :: len(stages)]
            for violation in disturb(stages[number], call)
        ]

    with ThreadPoolExecutor(len(stages)) as pool:
        return [found for part in pool.map(swept, range(len(stages))) for found in part]


def thinned(calls: Sequence[Call], count: int) -> Sequence[Call]:
    """About so many of the calls, evenly; the last one is among them."""
    return calls[::-1][:: max(1, len(calls) // count)]
