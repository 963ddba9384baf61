"""Wheels that could not be looked into."""

from collections.abc import Iterator

from envc.check.make import finding
from envc.check.subject import Subject
from envc.model import codes
from envc.model.finding import Finding

_SHOWN = 5


def unknown(subject: Subject) -> Iterator[Finding]:
    """One finding for each reason, with the projects that it keeps in the dark."""
    by_reason: dict[tuple[str, str], dict[str, str]] = {}
    for each in subject.unknown:
        fault = each.fault
        by_reason.setdefault((fault.what, fault.mend), {})[each.project] = fault.where
    for (what, mend), places in by_reason.items():
        names = sorted(places)
        place = f" ({places[names[0]]})" if len(names) == 1 and places[names[0]] else ""
        shown = ", ".join(names[:_SHOWN])
        more = f" and {len(names) - _SHOWN} more" if len(names) > _SHOWN else ""
        yield finding(
            codes.CONTENTS_UNKNOWN,
            f"what {shown}{more} would install is not known: {what}{place}",
            names,
            where=subject.where(names[0]),
            mend=mend or "let envc read the wheel: give it the network, a store or `--from DIR`",
        )
