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
class DoctorReport:
    """What was looked at, in order; `ok` when nothing is an error."""

    ok: bool
    target: str | None
    overlay: str | None
    diagnoses: tuple[Diagnosis, ...]
