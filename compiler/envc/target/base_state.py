"""What an overlay was compiled for, and whether its bases are still here, and still the newest."""

import os
from contextlib import suppress
from typing import TYPE_CHECKING, NamedTuple

from envc.disk.digests import bytes_of
from envc.disk.durable import disk_error
from envc.errors import AnswerIsNo, EnvcError, shell_word
from envc.formats.stack_text import HERE, STACK_FILE, BaseRecord, base_references, described_records
from envc.model.digest import Digest, hex_of
from envc.model.generation import Generation
from envc.model.names import OVERLAY_SPEC, site_packages_of
from envc.target.directory import Directory, Shape

if TYPE_CHECKING:
    from envc.reports.change import LayerChange


def environments_below(directory: Directory, current: Generation) -> list[str]:
    """The folders of environments that envc did not build and that a generation stands on."""
    found: dict[str, None] = {}
    for layer in current.layers:
        with suppress(EnvcError):  # a tree whose data cannot be read is told as such
            text = stack_text(directory.tree(current.generation, layer), current.python)
            found |= dict.fromkeys(each.folder for each in described_records(text))
    return list(found)


class BaseState(NamedTuple):
    """A base that a tree was compiled for, at the place where it stands.

    `held` is the generation that has it, None where this node does not hold it any more;
    `present` is the closure that the layer has there now, None where it is gone altogether.
    """

    layer: str
    closure: Digest
    location: str
    held: Generation | None
    present: Digest | None
    subdirectory: str

    @property
    def tree(self) -> str:
        """The folder of the base's tree, by its digest."""
        return f"{self.location}/by-lock/{hex_of(self.closure)}/{self.subdirectory}".rstrip("/")

    @property
    def moved_on(self) -> bool:
        """Whether the layer has another state now than the tree was compiled for, or is none."""
        return self.held is not None and self.present != self.closure

    def said(self, folder: str) -> str:
        """What has become of a base that moved on, and what the overlay in that folder needs."""
        if self.present is not None:
            return f"{self.layer} is another one now; run {_sync(folder)}"
        return f"{self.location} has no layer {self.layer} any more; {self.mend(folder)}"

    def mend(self, folder: str) -> str:
        """What brings the overlay in that folder to a base that is here."""
        if self.present is not None:
            return f"compile it for the base that is here ({_sync(folder)})"
        return f"name another `base` in {folder}/{OVERLAY_SPEC}, then run {_sync(folder)}"


def _sync(folder: str) -> str:
    return f"`envc overlay sync --dir {shell_word(folder)}`"


def base_states(tree: str, python: str) -> tuple[BaseState, ...]:
    """The bases of a tree, the nearest first.

    Raises:
        OutsideError: what the tree stands on cannot be read.
    """
    records = base_references(stack_text(tree, python))
    # A common layer names one of its own target by that only.
    own = os.path.normpath(f"{os.path.realpath(tree)}/../../..")
    return tuple(_state(record, own) for record in records)


def stack_text(tree: str, python: str) -> str:
    """What a tree's start-up hook reads of its stack (`formats/stack_text`).

    Raises:
        OutsideError: it cannot be read.
    """
    path = f"{tree}/{site_packages_of(python)}/{STACK_FILE}"
    try:
        return bytes_of(path).decode(errors="replace")
    except OSError as error:  # on the way of every run: a context is one more file to enter
        raise disk_error(error, "read what the layer stands on", path) from error


def compiled_for(directory: Directory, overlay: Generation) -> str:
    """The target that an overlay's tree was compiled for; "": it is not recorded.

    Raises:
        OutsideError: what the tree stands on cannot be read.
    """
    states = _bases_of(directory, overlay)
    return next((state.location for state in states if state.subdirectory), "")


def common_layer(states: tuple[BaseState, ...]) -> str:
    """The nearest common layer among an overlay's bases; "": what they were is not recorded."""
    return next((state.layer for state in states if state.subdirectory), "")


def _state(record: BaseRecord, own: str) -> BaseState:
    shape = Shape.TARGET if record.subdirectory else Shape.OVERLAY
    directory = Directory(own if record.location == HERE else record.location, shape)
    current, held = directory.sound_current(), None
    number = directory.holder(record.closure)
    with suppress(EnvcError):
        held = directory.record(number) if number is not None else None
    now = current.layers.get(record.layer) if current is not None else None
    return BaseState(
        layer=record.layer,
        closure=record.closure,
        location=directory.path,
        held=held,
        present=now.closure if now is not None else None,
        subdirectory=record.subdirectory,
    )


def refuse_absent(overlay: str, folder: str, states: tuple[BaseState, ...]) -> None:
    """Refuse to run a tree whose base this node does not hold.

    Raises:
        AnswerIsNo: it does not hold one of them.
    """
    for state in states:
        if state.held is None:
            raise AnswerIsNo(
                f"this node does not hold the base {state.layer!r} that overlay {overlay} was "
                f"compiled for: {state.closure}",
                where=state.location,
                mend=f"{state.mend(folder)}, or have that base materialized here again",
            )


def refuse_without_core(tree: str, mend: str) -> None:
    """Refuse to run a tree whose interpreter is gone: another one would be found on `PATH`.

    Raises:
        AnswerIsNo: it is.
    """
    interpreter = gone_interpreter(tree)
    if interpreter is not None:
        raise AnswerIsNo(
            f"the interpreter that this tree was built for is gone: {interpreter}",
            where=tree,
            mend=f"build it for the core that is here (`{mend}`), or bring that core back",
        )


def gone_interpreter(tree: str) -> str | None:
    """The interpreter that a tree's `python` leads to, where it is not there any more."""
    python = f"{tree}/bin/python"
    return None if os.path.exists(python) else os.path.realpath(python)


def said_of_moved_bases(overlay: str, folder: str, states: tuple[BaseState, ...]) -> str | None:
    """What to tell a person who runs a tree whose base has a newer state; None: nothing."""
    for state in states:
        if state.moved_on and state.held is not None:
            runs = (
                f"overlay {overlay} runs on generation {state.held.generation} of "
                f"{state.location}, which it was compiled for"
            )
            if state.present is None:
                return f"{state.said(folder)}; {runs}, until gc removes that"
            return (
                f"the base {state.layer!r} was upgraded since; {runs}, until "
                f"`envc overlay sync --dir {shell_word(folder)}`"
            )
    return None


def base_changes(overlay: Directory, before: Generation, after: Generation) -> "LayerChange | None":
    """What the bases of an overlay have otherwise than before; None: nothing, or unknown."""
    earlier, now = _bases_of(overlay, before), _bases_of(overlay, after)
    if [state.closure for state in earlier] == [state.closure for state in now]:
        return None
    from envc.reports.change import changes_between  # bases seldom change

    had, has = _projects(earlier), _projects(now)
    return changes_between(had, has) if had is not None and has is not None else None


def _bases_of(overlay: Directory, record: Generation) -> tuple[BaseState, ...]:
    tree = overlay.tree(record.generation, next(iter(record.layers), ""))
    return base_states(tree, record.python)


def _projects(states: tuple[BaseState, ...]) -> dict[str, str] | None:
    """Project → version in the nearest base that has it; None where a base is gone."""
    found: dict[str, str] = {}
    for state in states:
        if state.held is None:
            return None
        for wheel in state.held.layers[state.layer].wheels:
            found.setdefault(wheel.project, wheel.version)
    return found
