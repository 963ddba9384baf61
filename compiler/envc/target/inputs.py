"""What a target is wanted to be and what it is, as far as short looks tell: labels and texts.

    TARGET/.inputs.json     what the current generation was made from, when that was last looked at

It is a memo: without it, specs and locks are read and planned again, and the answer is the same.
"""

import json
import os
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, NamedTuple

from envc.disk.code import digest_of_code
from envc.disk.durable import doing, write_file
from envc.disk.sights import only_tables_of
from envc.errors import EnvcError
from envc.host.machine import interpreter_stamp
from envc.model.digest import digest_of, digest_of_json
from envc.model.generation import Generation
from envc.model.names import (
    COMMAND,
    INPUTS_FILE,
    INVENTORY_FILE,
    OVERLAY_SPEC,
    POLICY_FILE,
    lock_file_name,
)
from envc.plan.changes import Inputs, Present
from envc.sites.place import read_spec
from envc.target.directory import Directory, read_bytes

if TYPE_CHECKING:
    from envc.model.publication import Publication

_LOCK = "lock of "
SPEC, LAYERS, FOLDER = "spec", "layers", "folder of the site"
INVENTORIES, ENVIRONMENTS = "inventories", "environments"
_BESIDE = ("location.toml", POLICY_FILE)


class InputNote(NamedTuple):
    """Inputs, and the digest of the spec's bytes that they follow from: a comment is no input.

    `told` is what commands say while nothing of it changes: of a target, each layer's variables and
    modules (as `SiteSpec.settings` has them); of an overlay, its report.
    """

    inputs: Inputs
    text: str = ""
    told: Mapping[str, Any] = {}


def present_in(directory: Directory, current: Generation | None) -> Present:
    """What stands in a folder; `current` is the record of its current generation."""
    if current is None or not directory.is_whole(current):
        return Present(generation=None, inputs={}, links={}, owed={})
    owed = directory.owed_links(current)
    return Present(
        generation=current.generation,
        inputs=_inputs_of(directory, current),
        links=directory.standing_links(owed),
        owed=owed,
    )


def _inputs_of(directory: Directory, current: Generation) -> dict[str, str]:
    noted = dict(noted_inputs(directory, current).inputs)
    if not noted:
        return {}
    noted |= {f"{_LOCK}{name}": layer.lock for name, layer in current.layers.items()}
    noted |= _digests_beside(directory)
    if not directory.is_overlay and not os.path.exists(f"{directory.path}/{COMMAND}"):
        noted["envc"] = ""
    return noted


def noted_inputs(directory: Directory, current: Generation) -> InputNote:
    """What was noted of a generation; nothing where another one was current then."""
    try:
        noted = json.loads(read_bytes(f"{directory.path}/{INPUTS_FILE}", missing_is_fine=True))
        if noted["generation"] == current.digest:
            return InputNote(dict(noted["inputs"]), noted["text"], dict(noted["told"]))
    except (EnvcError, OSError, ValueError, KeyError, TypeError):
        pass
    return InputNote({})


def note_inputs(directory: Directory, current: Generation, note: InputNote) -> None:
    """Note what the current generation was made from, but for its locks, which its record tells.

    Raises:
        OutsideError: the disk refused.
    """
    own = {name: text for name, text in note.inputs.items() if not name.startswith(_LOCK)}
    note = note._replace(inputs=own)
    if noted_inputs(directory, current) == note:
        return
    path = f"{directory.path}/{INPUTS_FILE}"
    record = {"generation": current.digest, **note._asdict()}
    with doing("note what the generation was made from", path):
        write_file(path, json.dumps(record).encode())


def note_site(
    directory: Directory,
    current: Generation,
    publication: "Publication",
    spec: tuple[str, str],
    asked: tuple[str, ...] = (),
) -> None:
    """Note what the current generation was made from.

    Where the spec names files, that is no more than its layers' settings: files may change while
    their spec stays.

    Raises:
        UsageError, OutsideError: the spec cannot be read, or the disk refused.
    """
    note = site_inputs(spec, directory, current, asked)
    layers = " ".join(sorted(json.loads(publication.policy)["modes"]))
    inventories = publication.inventories()
    inputs = {
        **note.inputs,
        LAYERS: layers,
        INVENTORIES: " ".join(name for name, _ in inventories),
        ENVIRONMENTS: "",
        **{name: digest_of(text) for name, text in inventories},
        **_digests_beside(directory),
    }
    if publication.on_files:
        inputs = {}
    settings = json.loads(publication.settings)
    note_inputs(directory, current, InputNote(inputs, note.text, settings))


def site_inputs(
    spec: tuple[str, str],
    directory: Directory,
    current: Generation | None,
    asked: tuple[str, ...],
) -> InputNote:
    """What a target is to be made from, by a site's folder and its spec's name.

    `asked` are the layers to look at, none: all.

    Raises:
        UsageError, OutsideError: the spec cannot be read.
    """
    folder, name = spec
    noted = noted_inputs(directory, current) if current is not None else InputNote({})
    text = read_spec(f"{folder}/{name}")
    only_tables_of(f"{folder}/{name}")
    digest = digest_of(text)
    wanted = {
        SPEC: noted.inputs[SPEC] if digest == noted.text else digest_of_tables(text),
        LAYERS: noted.inputs.get(LAYERS, ""),
        "target": directory.path,
        FOLDER: folder,
        **{name: noted.inputs.get(name, "") for name in _BESIDE},
        "interpreter": interpreter_stamp(current.interpreter) if current is not None else "",
        "envc": digest_of_code(),
        INVENTORIES: noted.inputs.get(INVENTORIES, ""),
        ENVIRONMENTS: "",
    }
    if current is not None and wanted[INVENTORIES]:
        wanted |= {name: _digest_at(f"{folder}/{name}") for name in wanted[INVENTORIES].split()}
        from envc.target.environments import changed_below  # few sites describe any

        for layer in current.layers:
            tree = directory.tree(current.generation, layer)
            wanted[ENVIRONMENTS] += changed_below(tree, current.python)
    for layer in asked or wanted[LAYERS].split():
        wanted[f"{_LOCK}{layer}"] = _digest_at(f"{folder}/{lock_file_name(layer)}")
    return InputNote(wanted, digest, noted.told)


def target_inputs(base: Generation, target: str) -> Inputs:
    """What an overlay rests on, on the current generation `base` of its target."""
    return {
        "target": target,
        "base": base.digest,
        "site": digest_of_json(base.specs),
        "policy": _digest_at(f"{target}/{POLICY_FILE}"),
        "interpreter": interpreter_stamp(base.interpreter),
    }


def described_inputs(folder: str, interpreter: str, state: str = "") -> Inputs:
    """What an overlay in `folder` rests on, on an environment; `state`: what has changed there."""
    return {
        "target": "",
        "base": _digest_at(f"{folder}/{INVENTORY_FILE}"),
        "state": state,
        "interpreter": interpreter_stamp(interpreter),
    }


def overlay_inputs(directory: Directory, current: Generation, base: Inputs) -> InputNote:
    """What an overlay is to be made from, on what it rests on.

    Raises:
        UsageError, OutsideError: its spec cannot be read.
    """
    noted = noted_inputs(directory, current)
    digest = digest_of(read_spec(f"{directory.path}/{OVERLAY_SPEC}"))
    (layer,) = current.layers
    wanted = {
        SPEC: noted.inputs.get(SPEC, "") if digest == noted.text else digest,
        f"{_LOCK}{layer}": _digest_at(f"{directory.path}/{lock_file_name(layer)}"),
        **base,
        "envc": digest_of_code(),
        **{name: noted.inputs.get(name, "") for name in _BESIDE},
    }
    return InputNote(wanted, digest, noted.told)


def note_overlay(
    directory: Directory, current: Generation, base: Inputs, told: Mapping[str, Any]
) -> None:
    """Note what an overlay's current generation was made from, and what is told of it.

    Raises:
        UsageError, OutsideError: its spec cannot be read, or the disk refused.
    """
    note = overlay_inputs(directory, current, base)
    inputs = {**note.inputs, SPEC: note.text, **_digests_beside(directory)}
    note_inputs(directory, current, InputNote(inputs, note.text, told))


def digest_of_tables(text: bytes) -> str:
    """A digest of what a TOML file says, comments aside; of its bytes where it is none."""
    import tomllib  # a spec whose bytes are known is not read

    try:
        tables: Any = tomllib.loads(text.decode())
        return digest_of_json(json.loads(json.dumps(tables, default=str)))
    except (ValueError, RecursionError):
        return digest_of(text)


def _digests_beside(directory: Directory) -> dict[str, str]:
    """The digests of what a generation leaves beside it; as it left them, they are inputs, too."""
    return {name: _digest_at(f"{directory.path}/{name}") for name in _BESIDE}


def _digest_at(path: str) -> str:
    try:
        return digest_of(read_bytes(path, missing_is_fine=True))
    except (EnvcError, FileNotFoundError):
        return ""
