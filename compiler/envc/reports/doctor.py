"""What `envc doctor --json` prints."""

from typing import Literal

from envc.model.value import value

State = Literal["ok", "warning", "error"]


@value
class Diagnosis:
    """One thing that was looked at: what is so, and how to mend it unless it is well."""

    name: str
    state: State
    what: str
    mend: str = ""


@value(kw_only=True)
class Exposure:
    """A path that somebody else could change: run code as the caller thereby, or stop him.

    `subject` is what the path is to envc (`overlay`, `PATH`, …), `where` the folder or the file on
    the way to it that others have rights on.
    """

    threat: Literal["run", "stop"]
    subject: str
    path: str
    who: str
    where: str
    what: str
    mend: str


@value(kw_only=True)
class DoctorReport:
    """What was looked at, in order; `ok` when nothing is an error.

    `exposures` are of what the caller's processes read and start, and, where he owns the target, of
    what his work on it needs.
    """

    ok: bool
    target: str | None
    overlay: str | None
    diagnoses: tuple[Diagnosis, ...]
    exposures: tuple[Exposure, ...] = ()
