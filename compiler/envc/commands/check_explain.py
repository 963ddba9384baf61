"""The page of a finding's code: installed with envc, or in the checkout that envc runs from."""

from importlib import resources

from envc.errors import InternalError, UsageError
from envc.model.codes import CODES


def explanation(code: str) -> str:
    """The page, as Markdown.

    Raises:
        UsageError: there is no such code.
    """
    wanted = code.upper()
    if wanted not in CODES:
        known = ", ".join(sorted(CODES))
        raise UsageError(f"{code!r} is no code of a finding", mend=f"use one of {known}")
    package = resources.files("envc")
    for folder in (package / "findings", package / ".." / ".." / "docs" / "findings"):
        page = folder / f"{wanted}.md"
        if page.is_file():
            return page.read_text(encoding="utf-8")
    raise InternalError(f"the page of {wanted} was not installed")
