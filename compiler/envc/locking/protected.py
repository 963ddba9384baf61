"""A layer locked on a described base: what is compiled there stays, unless it is named."""

from collections.abc import Callable
from typing import TypeVar

from packaging.utils import NormalizedName, canonicalize_name

from envc.errors import ShadowRefusedError, UnsatisfiableError
from envc.lock import Base
from envc.model.lock import Lock
from envc.model.spec import LayerSpec, OverlaySpec, SiteSpec, SourcedRequirement
from envc.model.value import replace

Made = TypeVar("Made")


def protected(
    site: SiteSpec,
    above: LayerSpec | OverlaySpec,
    base: Base,
    lock_on: Callable[[Base], Made],
    lock_of: Callable[[Made], Lock],
) -> Made:
    """What `lock_on` makes, with a lock, for a layer `above` a base: what is compiled there stays.

    Raises:
        ShadowRefusedError: there is a solution only where such a project is replaced, or lifted.
        UnsatisfiableError: there is none at all.
    """
    held = {_project(each) for each in base.protection(above.replace)}
    try:
        made = lock_on(base)
    except UnsatisfiableError:
        # Without a solution at all, it says why itself.
        made = lock_on(replace(base, held=()))
        if not _replaced(lock_of(made)) & held:
            raise
    named = _replaced(lock_of(made)) & held
    if named:
        raise _refused(site, above, base, named, lock_of(made))
    return made


def _project(sourced: SourcedRequirement) -> NormalizedName:
    return canonicalize_name(sourced.requirement.name)


def _replaced(lock: Lock) -> set[NormalizedName]:
    return {*lock.shadows, *lock.lifts}


def _refused(
    site: SiteSpec,
    above: LayerSpec | OverlaySpec,
    base: Base,
    projects: set[NormalizedName],
    lock: Lock,
) -> ShadowRefusedError:
    pins = {pin.project: pin.version for pin in lock.pins}
    has = {_project(each): str(each.requirement.specifier)[2:] for each in base.held}
    told = [f"{name} {has[name]} by {pins[name]}" for name in sorted(projects)]
    if isinstance(above, OverlaySpec):
        who, where, table = f"overlay {above.name}", f"{above.file} (overlay.replace)", "overlay"
    else:
        who, table = f"layer {above.name}", f"layer.{above.name}"
        where = f"{site.file} ({table}.replace)"
    error = ShadowRefusedError(
        f"{who} would replace compiled projects of its base: {', '.join(told)}; "
        "metadata does not tell what else there was compiled against them",
        where=where,
        mend="ask for a release that goes with what is there; or allow it: "
        + _lines(above, base, projects, table),
    )
    error.projects = tuple(sorted(projects))
    return error


def _lines(
    above: LayerSpec | OverlaySpec,
    base: Base,
    projects: set[NormalizedName],
    table: str,
) -> str:
    """What has to be written where, so that these projects may be replaced."""
    lines: list[str] = []
    if not projects <= set(above.replace):
        whole = _quoted({*above.replace, *projects})
        lines.append(f"write replace = [{whole}] below [{table}]")
    if base.replaceable is not None and not projects <= base.replaceable:
        whole = _quoted({*base.replaceable, *projects})
        lines.append(
            f"have the site's administrator write replace = [{whole}] below "
            f"[layer.{base.environment}] of the site"
        )
    return f"{'; '.join(lines)}, and run the same command again"


def _quoted(names: set[NormalizedName]) -> str:
    return ", ".join(f'"{name}"' for name in sorted(names))
