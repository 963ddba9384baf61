"""What `envc tree --json` prints."""

from envc.model.value import value


@value(kw_only=True)
class TreeProject:
    """A visible project: its pin, the layer it is in, and what it requires here."""

    version: str
    layer: str
    requires: tuple[str, ...]


@value(kw_only=True)
class TreeReport:
    """A stack: its layers top first, what their specs ask for, and every visible project."""

    target: str
    layers: tuple[str, ...]
    roots: tuple[str, ...]
    projects: dict[str, TreeProject]
