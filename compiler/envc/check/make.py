"""A finding of a code, with the severity that the code has."""

from collections.abc import Sequence

from envc.model.codes import CODES
from envc.model.finding import Finding


def finding(
    code: str, message: str, projects: Sequence[str] = (), *, where: str = "", mend: str = ""
) -> Finding:
    """The finding."""
    return Finding(
        code=code,
        severity=CODES[code][0],
        message=message,
        projects=tuple(projects),
        where=where,
        mend=mend,
    )
