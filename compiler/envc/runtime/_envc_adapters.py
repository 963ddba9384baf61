"""What a stack needs of modules of others: loaded when the first of them is imported, or asked.

- `venv`: environments made with it can see the stack.
- `sysconfig`: it resolves `sys.executable`, part by part of its path on the storage; and it tells
  which folders hold projects.
- `importlib_metadata`: it lists every folder of `sys.path`, in place of the standard library.
- `importlib.resources.readers`: until Python 3.12 it shows one of several folders alone.
- `importlib.metadata`: it, too, looks at every folder for each question.
"""

import os
import sys

from _envc_start import helper  # type: ignore[import-not-found] # it stands beside

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from importlib.metadata import Distribution, DistributionFinder, PathDistribution
    from pathlib import Path
    from types import ModuleType
    from typing import Any

    from envc.runtime._envc_stack import Layer

    Run = Callable[[ModuleType], None]


def run_venv(module: "ModuleType", run: "Run", own: "Layer", _bases: "list[Layer]") -> None:
    """Run the module, then adapt its builder, unless it is somebody's own of that name."""
    run(module)
    if hasattr(module, "EnvBuilder"):
        helper("_envc_venv").adapt(module.EnvBuilder, own)


def run_sysconfig(module: "ModuleType", run: "Run", own: "Layer", bases: "list[Layer]") -> None:
    """Run the module while `realpath` knows what this tree's python is a link to.

    Whoever takes the function meanwhile has one that gives the same answers. Then each base is a
    scheme, so that its projects are others' code to whoever asks (coverage).
    """
    run_where_core_is_known(module, run, own)
    schemes = getattr(module, "_INSTALL_SCHEMES", {})
    for number, base in enumerate(bases, 1):
        folder, prefix = map(as_template, (base.folder, base.prefix()))
        places = {"purelib": folder, "platlib": folder, "scripts": f"{prefix}/bin"}
        schemes[f"posix_base_{number}"] = {
            **schemes.get("posix_prefix", {}),
            **places,
            "data": prefix,
        }


def run_where_core_is_known(module: "ModuleType", run: "Run", own: "Layer") -> None:
    """Run `sysconfig`, which asks for the real path of the interpreter."""
    ordinary, executable = os.path.realpath, sys.executable
    core = getattr(sys, "_base_executable", executable)
    names = ("python", "python3", f"python{helper('_envc_stack').python_word()}")
    # A virtual environment's python on top may be a copy.
    if not own.closure or executable not in {f"{own.prefix()}/bin/{name}" for name in names}:
        run(module)
        return

    def realpath(filename: "Any", **options: "Any") -> "Any":
        return ordinary(core if filename == executable else filename, **options)

    os.path.realpath = realpath
    try:
        run(module)
    finally:
        os.path.realpath = ordinary


def as_template(path: str) -> str:
    """A path as a template of `str.format` that has no fields."""
    return path.replace("{", "{{").replace("}", "}}")


def run_importlib_metadata(
    module: "ModuleType", run: "Run", own: "Layer", bases: "list[Layer]"
) -> None:
    """Run the module, then let its finder ask the layer's index."""
    run(module)
    if hasattr(module, "MetadataPathFinder"):
        helper("_envc_finders").index_metadata(own, bases, module.MetadataPathFinder)


def run_readers(module: "ModuleType", run: "Run", _own: "Layer", _bases: "list[Layer]") -> None:
    """Run the module, then let folders that several layers have be joined."""
    run(module)
    helper("_envc_resources").join_folders(module.MultiplexedPath)


ADAPTED = {
    "venv": run_venv,
    "sysconfig": run_sysconfig,
    "importlib_metadata": run_importlib_metadata,
    "importlib.resources.readers": run_readers,
}


def indexed_distributions(
    layers: "Mapping[str, Layer]",
    ordinary: "Callable[[Any], Iterator[Distribution]]",
    context: "DistributionFinder.Context | None",
) -> "Iterator[Distribution]":
    """What `ordinary` finds on the context's path; for the entries of layers, by their records."""
    from importlib.metadata import DistributionFinder

    context = context or DistributionFinder.Context()
    rest: list[str] = []
    for entry in dict.fromkeys(map(str, context.path)):
        if (layer := layers.get(entry)) is None:
            rest.append(entry)
            continue
        yield from ordinary(with_path(context, rest))
        yield from visible_distributions(layer, context)
        rest = []
    yield from ordinary(with_path(context, rest))


def with_path(
    context: "DistributionFinder.Context", path: list[str]
) -> "DistributionFinder.Context":
    """The context, for these entries."""
    return type(context)(**{**vars(context), "path": path})


def visible_distributions(
    layer: "Layer", context: "DistributionFinder.Context"
) -> "Iterator[PathDistribution]":
    """The layer's visible distributions; with a name in the context: those of that project.

    They are of the class that the asking library has itself: the standard library's, or that of a
    copy of `importlib_metadata`.
    """
    import re
    from importlib.metadata import PathDistribution
    from pathlib import Path

    asker = sys.modules.get(type(context).__module__)
    distribution = indexed(getattr(asker, "PathDistribution", PathDistribution))
    wanted = re.sub(r"[-_.]+", "-", context.name).lower() if context.name else None
    distributions, points = metadata_of(layer)
    for project, folder in distributions:
        if wanted in (None, project):
            yield distribution(Path(layer.folder, folder), points.get(project))


def metadata_of(layer: "Layer") -> "tuple[list[tuple[str, str]], dict[str, str]]":
    """Each project with the name of the folder of its metadata; project → its entry points' text.

    That is empty for those that have none.
    """
    if layer not in metadata:
        fields = iter(layer.fields("distributions"))
        records = (text.split("\t") for text in layer.points.split("\npoints\t") if text)
        points = {project: "".join(f"{line}\n" for line in lines) for project, *lines in records}
        metadata[layer] = list(zip(fields, fields, strict=True)), points
    return metadata[layer]


def indexed(distribution: "Any") -> "Any":
    """A class of distributions like that one, which may know its entry points without a look."""
    if distribution in classes:
        return classes[distribution]

    class IndexedDistribution(distribution):  # type: ignore[misc] # Any: of whichever library asks
        def __init__(self, path: "Path", points: "str | None") -> None:
            super().__init__(path)
            self._points = points

        def read_text(self, filename: str) -> "str | None":
            """The text of a file of the metadata, or None."""
            if filename == "entry_points.txt" and self._points is not None:
                return self._points or None
            text: str | None = super().read_text(filename)
            return text

        def _has_metadata(self) -> bool:
            return True  # the backport asks; a stored wheel has it

    classes[distribution] = IndexedDistribution
    return IndexedDistribution


# What was taken apart, and the classes that were made: for the next question.
metadata: "dict[Layer, tuple[list[tuple[str, str]], dict[str, str]]]" = {}
classes: "dict[Any, Any]" = {}
