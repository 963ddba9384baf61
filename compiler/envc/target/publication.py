"""What a target is to publish: planned before for the same specs and locks, or planned now."""

from typing import TYPE_CHECKING

from envc.errors import EnvcError
from envc.host.context import Context
from envc.host.machine import default_interpreter
from envc.model.generation import Generation
from envc.target.directory import Directory
from envc.target.opened import read_location
from envc.target.planned import load_plan, plan_key, save_plan

if TYPE_CHECKING:
    from envc.model.bundle import Sources
    from envc.model.publication import Publication


def publication_for(
    spec: tuple[str, str],
    directory: Directory,
    current: Generation | None,
    layers: tuple[str, ...],
    sources: "Sources",
    context: Context,
) -> "Publication":
    """What to publish, with the store filled; `spec` is the site's folder and its spec's name.

    Raises:
        UsageError, AnswerIsNo, UntrustedError, OutsideError: as for `plan_site`.
    """
    here = current.interpreter if current is not None else default_interpreter()
    key = plan_key(*spec, directory, current, layers, interpreter=here)
    kept = load_plan(directory, key) if _is_located(directory, spec[0]) else None
    if kept is not None and kept.policy and not kept.on_files:
        return kept

    from envc.target.planning import plan_site

    publication = plan_site(
        spec, directory, current=current, layers=layers, sources=sources, context=context
    )
    key = plan_key(*spec, directory, current, layers, interpreter=publication.interpreter)
    save_plan(directory, key, publication)
    return publication


def _is_located(directory: Directory, folder: str) -> bool:
    """Whether the target says where it is, and where its site is; planning writes that."""
    try:
        copied_from, location = read_location(folder), read_location(directory.path)
    except EnvcError:
        return False
    origin = copied_from.checkout if copied_from is not None else folder
    return location is not None and (location.target, location.checkout) == (directory.path, origin)
