"""A built overlay on an environment that envc did not build: whether that is as it was described.

Read off the tree itself: which folders it stands on, and what tells that they are as they were.
"""

import os
from collections.abc import Mapping, Sequence

from envc.described.identity import changed_since
from envc.errors import shell_word
from envc.formats.stack_text import DescribedRecord, described_records
from envc.host.context import Context
from envc.host.surroundings import missing_modules, said_of_modules, shadowing
from envc.model.generation import Generation
from envc.model.names import OVERLAY_SPEC
from envc.plan.changes import Inputs
from envc.target.base_state import refuse_without_core, stack_text
from envc.target.directory import Directory
from envc.target.environments import refuse_changed, who_mends
from envc.target.inputs import described_inputs, noted_inputs
from envc.target.opened import Target


def described_folders(directory: Directory, current: Generation) -> tuple[DescribedRecord, ...]:
    """The folders that an overlay's tree stands on, the nearest first."""
    (layer,) = current.layers
    tree = directory.tree(current.generation, layer)
    return described_records(stack_text(tree, current.python))


def present_inputs(directory: Directory, current: Generation) -> Inputs:
    """What a built overlay rests on now."""
    folders = described_folders(directory, current)
    state = " ".join(each.folder for each in folders if changed_since(each, by_time=True))
    return described_inputs(directory.path, current.interpreter, state)


def refuse_changed_base(directory: Directory, current: Generation) -> str:
    """Refuse to run on a base that has changed; what to tell of it where the overlay lets it.

    Empty: nothing has changed.

    Raises:
        AnswerIsNo: it has, or is not there.
    """
    (layer,) = current.layers
    tree = directory.tree(current.generation, layer)
    mend = who_mends(directory, current)
    return refuse_changed(tree, current.python, (), who=f"overlay {layer}", mend=mend)


def run_on_described(
    directory: Directory, current: Generation, surroundings: Mapping[str, str], context: Context
) -> dict[str, str]:
    """The variables to set for a command in an overlay; what a person should know is told.

    Raises:
        AnswerIsNo: its base has changed, or its interpreter is gone.
    """
    (layer,) = current.layers
    tree = directory.tree(current.generation, layer)
    refuse_without_core(tree, f"envc overlay sync --dir {shell_word(directory.path)}")
    changed = refuse_changed_base(directory, current)
    if changed:
        context.reporter.warn(changed)
    foreign = _without_folders(surroundings, described_folders(directory, current))
    for found in shadowing(foreign, (tree,), current.python):
        context.reporter.warn(found.message)
    missing = missing_modules(surroundings, _modules(directory, current))
    if missing:
        context.reporter.warn(said_of_modules(missing))
    path = surroundings.get("PATH", os.defpath)
    return {"PATH": f"{tree}/bin:{path}", "VIRTUAL_ENV": tree}


def look_at_environment(
    target: Target,
    trees: Sequence[str],
    folders: tuple[DescribedRecord, ...],
    surroundings: Mapping[str, str],
    context: Context,
) -> Mapping[str, str]:
    """The surroundings but for what stands behind a tree of a target anyway, on these folders.

    `trees` are that tree and those below it. What a person should know is told.

    Raises:
        AnswerIsNo: the environment has changed, or is not there.
    """
    tree, *below = trees
    told = refuse_changed(
        tree,
        target.current.python,
        below,
        who=os.path.basename(tree),
        mend=who_mends(target.directory, target.current),
    )
    if told:
        context.reporter.warn(told)
    return _without_folders(surroundings, folders)


def _without_folders(
    surroundings: Mapping[str, str], folders: tuple[DescribedRecord, ...]
) -> dict[str, str]:
    """The surroundings without the entries of PYTHONPATH that stand behind the overlay anyway."""
    own = {each.folder for each in folders}
    entries = surroundings.get("PYTHONPATH", "").split(os.pathsep)
    others = [entry for entry in entries if os.path.realpath(entry) not in own]
    return {**surroundings, "PYTHONPATH": os.pathsep.join(others)}


def _modules(directory: Directory, current: Generation) -> tuple[str, ...]:
    """The environment modules that the overlay needs: as was noted, else by its spec."""
    noted = noted_inputs(directory, current).told.get("modules")
    if noted is not None:
        return tuple(noted)
    from envc.sites.site import load_overlay  # an overlay with editable projects is not noted

    on = load_overlay(f"{directory.path}/{OVERLAY_SPEC}").on
    return on.modules if on is not None else ()
