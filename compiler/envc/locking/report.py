"""What `envc lock` is asked and what it answers; light to import."""

from envc.model.value import value


@value(kw_only=True)
class LockOptions:
    """What to lock, and what may move. `projects` are those that `--upgrade-package` names."""

    layers: tuple[str, ...] = ()
    overlay: str | None = None
    upgrade: bool = False
    projects: frozenset[str] = frozenset()
    check: bool = False
