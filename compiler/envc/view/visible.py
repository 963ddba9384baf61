"""Which importable names of a base are visible: whole, or in part."""

from collections.abc import Iterator

from envc.model.stack import StackLayer
from envc.model.wheel import ModuleTree


def merge(trees: Iterator[ModuleTree]) -> ModuleTree:
    """What several wheels have under their names together; namespaces are joined."""
    merged: ModuleTree = {}
    for tree in trees:
        for name, content in tree.items():
            present = merged.get(name)
            if isinstance(present, dict) and isinstance(content, dict):
                merged[name] = merge(iter((present, content)))
            elif present is None or isinstance(present, dict):
                merged[name] = content  # a package or module hides a namespace of its name
    return merged


def visible_names(layer: StackLayer) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """The dotted names served whole, and the namespaces served in part; both in order.

    A namespace package is served whole when no masked project has a portion of it.
    """
    unowned = layer.described.modules if layer.described is not None else {}
    shown = merge(iter((*(wheel.modules for wheel in layer.visible()), unowned)))
    masked = merge(wheel.modules for wheel in layer.wheels if wheel.project in layer.masked)
    names: list[str] = []
    namespaces: list[str] = []
    split(shown, masked, "", (names, namespaces))
    return tuple(sorted(names)), tuple(sorted(namespaces))


def split(
    shown: ModuleTree, masked: ModuleTree, prefix: str, into: tuple[list[str], list[str]]
) -> None:
    """Sort the shown names into those that are whole and the namespaces that are not."""
    names, namespaces = into
    for name, content in shown.items():
        concealed = masked.get(name)
        if isinstance(content, dict) and isinstance(concealed, dict):
            namespaces.append(prefix + name)
            split(content, concealed, f"{prefix}{name}.", into)
        else:
            names.append(prefix + name)
