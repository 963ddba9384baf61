"""Every error that envc raises, and the exit status each one ends with.

    EnvcError                      what, where, mend
    ├── AnswerIsNo             1   the question was understood, the answer is no
    ├── UsageError             2   a command line that cannot be carried out
    │   └── SpecError          2   faults of a spec or a lock, all of one file at once
    │       ├── HashMissingError   a wheel has no sha256
    │       └── DamagedError       a file of envc's own is none
    ├── UnsatisfiableError     3   no set of releases meets the requirements
    │   ├── ShadowRefusedError 3   but for a shadow, which is forbidden
    │   └── UnexplainedError   3   and nobody has asked why
    ├── OutsideError           4   network, disk or permissions: retrying may help
    │   ├── BuildError         4   a project's own build did not succeed
    │   └── TimeIsUpError      4   an answer did not come within the time for it
    ├── UntrustedError         5   bytes differ from the lock, or are hostile
    │   └── MetadataError      5   a release's own metadata is broken: another one may be chosen
    ├── Interrupted          130   Ctrl-C, or a signal that ends processes
    └── InternalError         70   a bug in envc

Errors hold their parts as data; only `cli` turns them into text.
"""

from collections.abc import Sequence
from typing import NamedTuple, Self

REPAIR = "run `envc repair --target DIR`, of the target or overlay that it stands in"


def help_line(mend: str) -> str:
    """How to mend it, as people read it."""
    return f"help: {mend}"


class Fault(NamedTuple):
    """One thing that is wrong: what, where (`file:line, key path`), and how to mend it."""

    what: str
    where: str = ""
    mend: str = ""

    def __str__(self) -> str:
        text = f"{self.where}: {self.what}" if self.where else self.what
        return f"{text}\n  {help_line(self.mend)}" if self.mend else text


class EnvcError(Exception):
    """The root of the tree; `faults` holds at least one fault."""

    status = 70
    code = "internal"

    def __init__(self, what: str, *, where: str = "", mend: str = "") -> None:
        self.faults: tuple[Fault, ...] = (Fault(what, where, mend),)
        super().__init__(what)

    @classmethod
    def of(cls, faults: Sequence[Fault]) -> Self:
        """One error that carries all `faults`, in the order given."""
        first, *_ = faults
        error = cls(first.what, where=first.where, mend=first.mend)
        error.faults = tuple(faults)
        return error

    def __str__(self) -> str:
        return "\n".join(map(str, self.faults))


class AnswerIsNo(EnvcError):  # noqa: N818 - it is an answer, not a failure
    """A stale lock, a drifted tree: the question was understood and the answer is no."""

    status = 1
    code = "no"


class UsageError(EnvcError):
    """A command line that cannot be carried out as it was given."""

    status = 2
    code = "usage"


class SpecError(UsageError):
    """A spec, a lock or a manifest that does not say what its format demands."""

    code = "spec"


class HashMissingError(SpecError):
    """A wheel without a sha256: nobody could tell whether its bytes are the right ones."""

    code = "hash-missing"


class DamagedError(SpecError):
    """A file of envc's own is none: who is to write it anew need not read it."""


class UnsatisfiableError(EnvcError):
    """No set of releases meets all requirements.

    `projects` are those at fault, in order of name. `passed_over` are those of which every release
    that could be meant may not be chosen: project, the kind of the newest one's reason, its words.
    """

    status = 3
    code = "unsatisfiable"
    projects: tuple[str, ...] = ()
    passed_over: tuple[tuple[str, str, str], ...] = ()


class ShadowRefusedError(UnsatisfiableError):
    """The only solutions replace a project of the base, and the site or the overlay forbids it."""

    code = "shadow-refused"


class UnexplainedError(UnsatisfiableError):
    """No set of releases meets all requirements, which whoever asked tries in another way then."""


class OutsideError(EnvcError):
    """The network, a disk or a permission failed; the same command may succeed later.

    Whoever reads or writes files may raise it, where the disk refuses: functions tell of it only
    where they have more to tell.
    """

    status = 4
    code = "outside"


class BuildError(OutsideError):
    """A project's build backend failed: with other tools, or elsewhere, it may succeed."""

    code = "build"


class TimeIsUpError(OutsideError):
    """An answer did not come within the time that there is for it."""


class UntrustedError(EnvcError):
    """Bytes that would enter the store differ from the lock, or are hostile."""

    status = 5
    code = "untrusted"


class MetadataError(UntrustedError):
    """A file's metadata cannot be read, or is another release's: another one may be chosen."""


class Interrupted(EnvcError):  # noqa: N818 - somebody wanted it so
    """Somebody ended the run before its end: what is told of it. Nothing raises it.

    `report` is that of what was known by then, where the command has one.
    """

    status = 130
    code = "interrupted"
    report: object = None


class InternalError(EnvcError):
    """A broken invariant: please report it."""


def shell_word(word: str) -> str:
    """A word of a command that people paste, as a POSIX shell takes it: nothing in it is run."""
    from shlex import quote  # for messages

    return quote(word)
