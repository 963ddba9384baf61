"""An overlay locked on a described base: what is compiled there stays, unless it is named."""

from collections.abc import Callable

from packaging.utils import NormalizedName

from envc.errors import ShadowRefusedError, UnsatisfiableError
from envc.lock import Base
from envc.lock.described import constraints_of, protected
from envc.locking.task import Outcome
from envc.model.inventory import Inventory
from envc.model.spec import OverlaySpec
from envc.model.value import replace


def lock_protected(overlay: OverlaySpec, base: Base, lock_on: Callable[[Base], Outcome]) -> Outcome:
    """What `lock_on` makes on `base`, which holds its compiled projects where they are.

    Raises:
        ShadowRefusedError: there is a solution only where one of them is replaced, or lifted.
        UnsatisfiableError: there is none at all.
    """
    if base.inventory is None:
        return lock_on(base)
    held = protected(base.inventory, overlay.replace)
    try:
        outcome = lock_on(base)
    except UnsatisfiableError:
        # Without a solution at all, it says why itself.
        outcome = lock_on(replace(base, constraints=constraints_of(base.inventory)))
        if not _replaced(outcome) & held:
            raise
    named = _replaced(outcome) & held
    if named:
        raise _refused(overlay, base.inventory, named, outcome)
    return outcome


def _replaced(outcome: Outcome) -> set[NormalizedName]:
    return {*outcome.file.lock.shadows, *outcome.file.lock.lifts}


def _refused(
    overlay: OverlaySpec, base: Inventory, projects: set[NormalizedName], outcome: Outcome
) -> ShadowRefusedError:
    pins = {pin.project: pin.version for pin in outcome.file.lock.pins}
    has = {each.project: each.version for each in base.visible()}
    names = sorted(projects)
    told = [f"{name} {has[name]} by {pins[name]}" for name in names]
    whole = ", ".join(f'"{name}"' for name in sorted({*overlay.replace, *names}))
    error = ShadowRefusedError(
        f"overlay {overlay.name} would replace compiled projects of its base: {', '.join(told)}; "
        "metadata does not tell what else there was compiled against them",
        where=f"{overlay.file} (overlay.replace)",
        mend=f"ask for a release that goes with what is there; or allow it: write "
        f"replace = [{whole}] below [overlay], and run the same command again",
    )
    error.projects = tuple(names)
    return error
