"""`python -m venv` on a stack: with `--system-site-packages` the new environment sees all of it.

CPython puts a venv that is made from a venv on the core alone. Here the new environment becomes one
more layer: it gets the start-up hook and a data file in which the stack stands below it, by digest;
and the core's own site-packages stay out. Without the option it is the isolated venv it always was.
"""

import os
import shutil
from contextlib import suppress

from _envc_stack import (  # type: ignore[import-not-found] # it stands beside
    DATA_FILE,
    HERE,
    START_STEM,
    parent,
    python_word,
    start_files_of,
)

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator
    from types import SimpleNamespace
    from typing import Any

    from envc.runtime._envc_stack import Layer


def adapt(builder: "Any", own: "Layer") -> None:
    """Let the builder put environments with system site-packages on the stack of `own`."""
    plain = builder.create_configuration

    def create_configuration(self: "Any", context: "SimpleNamespace") -> None:
        sees_stack, self.system_site_packages = self.system_site_packages, False
        try:
            plain(self, context)
        finally:
            self.system_site_packages = sees_stack
        folder = f"{context.env_dir}/lib/python{python_word()}/site-packages"
        for suffix in (".pth", ".start"):
            with suppress(FileNotFoundError):
                os.unlink(f"{folder}/{START_STEM}{suffix}")
        if sees_stack:
            stand_on(own, folder)

    builder.create_configuration = create_configuration


def stand_on(own: "Layer", folder: str) -> None:
    """Put the hook into a new environment's site-packages, its data first and its start last."""
    name = os.path.basename(parent(folder, 3))
    records = "".join("\t".join(record) + "\n" for record in records_above(own, name))
    with open(f"{folder}/{DATA_FILE}", "wb") as file:
        file.write(os.fsencode(records))
    modules = [n for n in sorted(os.listdir(own.folder)) if n.startswith("_envc_")]
    for module in modules:
        if module.endswith(".py"):
            shutil.copyfile(f"{own.folder}/{module}", f"{folder}/{module}")
    for suffix in (".pth", ".start"):  # a tree has the one that its Python heeds
        with suppress(FileNotFoundError):
            shutil.copyfile(f"{own.folder}/{START_STEM}{suffix}", f"{folder}/{START_STEM}{suffix}")


def records_above(own: "Layer", name: str) -> "Iterator[list[str]]":
    """The data of an environment on `own`: the stack's, with the layer as the nearest base.

    The index of the layer's names is left out: whether it still fits is known in the layer alone.
    """
    location = parent(own.generation(), 2) if own.closure else own.prefix()
    below = False
    with open(f"{own.folder}/{DATA_FILE}", "rb") as file:
        records = [line.split("\t") for line in os.fsdecode(file.read()).split("\n") if line]
    for kind, *fields in records:
        if kind == "layer":
            yield ["layer", name, "", "0", ""]
            yield ["base", own.name, "all", own.closure, location, own.subdirectory]
            if start := start_files_of(own.folder):
                yield ["start", *start]
        elif kind == "base":
            below = True
            closure, place, *rest = fields[2:]
            yield [kind, *fields[:2], closure, location if place == HERE else place, *rest]
        elif below or kind in {"envc-stack", "core"}:
            yield [kind, *fields]
