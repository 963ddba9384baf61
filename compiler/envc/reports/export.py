"""What `envc export --json` prints."""

from typing import Literal

from envc.model.value import value

ExportFormat = Literal["requirements", "pylock", "cyclonedx"]


@value(kw_only=True)
class ExportReport:
    """What was exported: where to, or (without a path) the content.

    With the format `tree` it is an environment; then `projects` and `files` count.
    """

    title: str
    format: ExportFormat | Literal["tree"]
    path: str | None = None
    content: str | None = None
    projects: int | None = None
    files: int | None = None
