"""`envc kernel`: a stack as a kernel of the user's Jupyter.

It is registered by the path that leads to the stack's current generation, so that it follows every
upgrade, and outlives every generation that gc removes.
"""

import os
import re
from typing import NamedTuple

from envc.errors import EnvcError, UsageError, shell_word
from envc.formats.kernelspec import LAUNCHER, KernelSpec
from envc.formats.stack_text import is_importable
from envc.host.context import Context
from envc.host.kernels import (
    kernels_folder,
    read_kernel,
    registered,
    remove_kernel,
    write_kernel,
)
from envc.host.surroundings import missing_modules, said_of_modules
from envc.model.generation import Generation
from envc.model.names import site_packages_of
from envc.overlays.places import default_folder, is_on_described, refuse_strangers_overlay
from envc.reports.kernel import KernelEntry, KernelList, KernelReport
from envc.target.base_state import base_states, common_layer, gone_interpreter, stack_text
from envc.target.directory import Directory, Shape
from envc.target.opened import (
    LayerSettings,
    built_overlay,
    find_target,
    open_target,
    recorded_target,
)

_NAME = re.compile(r"[a-z0-9][a-z0-9._-]*")
_PROJECT = "ipykernel"
_NO_SETTINGS = LayerSettings({}, ())


class KernelOptions(NamedTuple):
    """Which stack (as for `envc run`), and how its kernel is to be called."""

    layer: str | None = None
    overlay: str | None = None
    target: str | None = None
    word: str | None = None
    name: str | None = None
    display_name: str | None = None


class _Stack(NamedTuple):
    """A stack: what people call it, the path that leads to it, and the tree that is there now."""

    name: str
    title: str
    tree: str
    target: str | None
    layer: str | None
    settings: LayerSettings


def install_kernel(options: KernelOptions, context: Context) -> KernelReport:
    """Register the stack's kernel; one that this stack has under that name is brought up to date.

    Raises:
        UsageError: the stack is not built, has no ipykernel, or the name is another kernel's.
    """
    stack = _of_layer(options) if options.layer is not None else _of_overlay(options)
    name = (options.name or stack.name).lower()
    if _NAME.fullmatch(name) is None:
        raise UsageError(
            f"{name!r} cannot be a kernel's name: letters, digits, dots, - and _",
            mend="name it with --name; --display-name is what Jupyter shows, and may be any text",
        )
    spec = KernelSpec(
        display_name=options.display_name or f"{stack.title} (envc)",
        tree=stack.tree,
        target=stack.target,
        layer=stack.layer,
        env=_variables(stack),
    )
    missing = missing_modules(os.environ, stack.settings.modules)
    if missing:
        context.reporter.warn(f"{said_of_modules(missing)}, before Jupyter starts")
    folder = kernels_folder(os.environ)
    changed = write_kernel(folder, name, spec)
    return KernelReport(kernel=_entry(folder, name, spec), changed=changed)


def list_kernels() -> KernelList:
    """The user's kernels that envc registered, and whether each can start."""
    folder = kernels_folder(os.environ)
    found = tuple(_entry(folder, name, spec) for name, spec in registered(folder))
    return KernelList(folder=folder, kernels=found)


def forget_kernel(name: str) -> KernelReport:
    """Remove a kernel that envc registered.

    Raises:
        UsageError: there is none of that name.
    """
    folder = kernels_folder(os.environ)
    spec = read_kernel(folder, name) if _NAME.fullmatch(name) else None
    if spec is None:
        known = [each for each, _ in registered(folder)]
        mend = f"use one of {', '.join(known)}" if known else "see `envc kernel list`"
        raise UsageError(f"envc has registered no kernel {name!r}", where=folder, mend=mend)
    entry = _entry(folder, name, spec)
    remove_kernel(folder, name)
    return KernelReport(kernel=entry, changed=True)


def _of_layer(options: KernelOptions) -> _Stack:
    target = open_target(find_target(options.target, None))
    layer, place = options.layer or "", target.directory.path
    if layer not in target.current.layers:
        raise UsageError(
            f"layer {layer!r} is not materialized here",
            where=place,
            mend=f"use {', '.join(target.current.layers)}",
        )
    tree = target.directory.tree(target.current.generation, layer)
    mend = (
        f"add {_PROJECT} to the layer's `requires` in the site's envc.toml, or register an overlay "
        f"of yours: `envc overlay add {_PROJECT}`, then `envc kernel install`"
    )
    _refuse_without_launcher(tree, target.current, mend)
    site = target.location.site
    return _Stack(
        f"{site}-{layer}",
        f"{site} {layer}",
        f"{place}/{layer}",
        place,
        layer,
        target.settings(layer),
    )


def _of_overlay(options: KernelOptions) -> _Stack:
    folder = os.path.abspath(options.overlay or default_folder(options.target))
    refuse_strangers_overlay(folder, options.word)
    directory = Directory(folder, Shape.OVERLAY)
    current = built_overlay(directory)
    (name,) = current.layers
    tree = directory.tree(current.generation, name)
    mend = f"add it: `envc overlay add {_PROJECT} --dir {shell_word(folder)}`"
    _refuse_without_launcher(tree, current, mend)
    if is_on_described(folder):
        return _Stack(name, name, folder, None, None, _NO_SETTINGS)
    target = open_target(
        recorded_target(folder, options.target) or find_target(options.target, folder)
    )
    below = common_layer(base_states(tree, current.python))
    settings = target.settings(below) if below else _NO_SETTINGS
    return _Stack(name, name, folder, target.directory.path, None, settings)


def _refuse_without_launcher(tree: str, current: Generation, mend: str) -> None:
    if not _has_launcher(tree, current.python):
        raise UsageError(
            f"{_PROJECT} is not in the stack: Jupyter talks to a Python through it",
            where=tree,
            mend=mend,
        )


def _has_launcher(tree: str, python: str) -> bool:
    """Whether a process of the tree could start as a kernel; nothing of it is run."""
    own = f"{tree}/{site_packages_of(python)}/{LAUNCHER}"
    if os.path.exists(f"{own}.py") or os.path.isdir(own):
        return True
    return is_importable(LAUNCHER, stack_text(tree, python))


def _variables(stack: _Stack) -> dict[str, str]:
    """What the kernel's processes get; a job's pin of generations is not for them."""
    target = {"ENVC_TARGET": stack.target} if stack.target is not None else {}
    return {**stack.settings.env, **target, "ENVC_LOCK": ""}


def _entry(folder: str, name: str, spec: KernelSpec) -> KernelEntry:
    why = _missing(spec)
    return KernelEntry(
        name=name,
        display_name=spec.display_name,
        folder=f"{folder}/{name}",
        python=spec.python,
        tree=spec.tree,
        target=spec.target,
        layer=spec.layer,
        state="broken" if why else "ready",
        why=why,
    )


def _missing(spec: KernelSpec) -> str:
    """Why a kernel cannot start, and what helps; empty: it can."""
    remove = "or `envc kernel remove` it"
    is_layer = spec.layer is not None
    try:
        directory = (
            Directory(spec.target or "", Shape.TARGET)
            if is_layer
            else Directory(spec.tree, Shape.OVERLAY)
        )
        current = directory.current()
        if current is None or (is_layer and spec.layer not in current.layers):
            return f"nothing is built at {spec.tree}: build it again, {remove}"
        layer = spec.layer or next(iter(current.layers))
        tree = directory.tree(current.generation, layer)
        if gone_interpreter(tree) is not None:
            return f"the interpreter of {spec.tree} is gone: build it again, {remove}"
        if not _has_launcher(tree, current.python):
            return f"{spec.tree} has no {_PROJECT} any more: add it, {remove}"
    except EnvcError as error:
        return "; ".join(filter(None, error.faults[0]))
    return ""
