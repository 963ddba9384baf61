"""What `envc generations --json` prints."""

from envc.model.digest import Digest
from envc.model.value import field, value
from envc.reports.change import LayerChange


@value(kw_only=True)
class GenerationEntry:
    """A generation as it is listed. `kept` says why gc would keep it, None: it would not."""

    generation: int
    published: str
    digest: Digest
    current: bool
    pinned: bool
    kept: str | None
    layers: dict[str, LayerChange]


@value(kw_only=True)
class AuditEvent:
    """A line of the audit log: what happened to which generation, when, by whom, on which node.

    `user` is a number; `operator` who asked for it from another machine.
    """

    event: str
    time: str
    user: int
    node: str
    generation: int
    operator: str | None = None


@value(kw_only=True)
class GenerationsReport:
    """The generations of a target, the oldest first; `log`, if asked for, in the same order."""

    target: str
    generations: tuple[GenerationEntry, ...]
    log: tuple[AuditEvent, ...] | None = None


@value(kw_only=True)
class RollbackReport:
    """Where `current` led, and where it leads now."""

    target: str
    before: int
    generation: int
    digest: Digest
    changed: bool


@value(kw_only=True)
class CollectReport:
    """What gc removed, or (with `dry_run`) would remove.

    `others_removed` are paths below the target: carried interpreters that nothing runs on, an older
    envc, sites and files of wanted states that no wanted generation needs. `overlays` maps the
    folders of overlays that stand on what was removed to the generation.
    """

    target: str
    dry_run: bool
    kept: dict[int, str]
    removed: tuple[int, ...]
    stored_trees_removed: tuple[str, ...]
    others_removed: tuple[str, ...]
    overlays: dict[str, int] = field(default_factory=dict)
