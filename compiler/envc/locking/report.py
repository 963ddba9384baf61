"""What `envc lock` is asked and what it answers; light to import."""

from typing import TYPE_CHECKING

from envc.model.value import value

if TYPE_CHECKING:
    from envc.model.arrival import ArrivedPins


@value(kw_only=True)
class LockOptions:
    """What to lock, and what may move. `projects` are those that `--upgrade-package` names.

    The first lock of an overlay starts from what `arrived`; that of a layer, from its pins file.
    """

    layers: tuple[str, ...] = ()
    overlay: str | None = None
    upgrade: bool = False
    projects: frozenset[str] = frozenset()
    check: bool = False
    arrived: "ArrivedPins | None" = None
