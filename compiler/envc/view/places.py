"""Where things of a stack are: paths as one layer's tree names another's."""

from envc.formats.stack_text import HERE
from envc.model.digest import hex_of
from envc.model.names import site_packages_of
from envc.model.stack import Stack, StackLayer


def location_of(base: StackLayer, stack: Stack) -> str:
    """The base's location as the tree writes it: `.` when it is the tree's own.

    So a common layer on another one of the same target is the same tree at every target.
    """
    return HERE if base.location == stack.top.location else base.location


def tree_of(base: StackLayer) -> str:
    """The absolute path of a base's tree, by its digest; of a described one, of its folder."""
    if base.described is not None:
        return base.location
    return "/".join(
        filter(None, (base.location, "by-lock", hex_of(base.closure), base.subdirectory))
    )


def destination(path: str, base: StackLayer, stack: Stack, *, at: str | None = None) -> str:
    """What a symlink in the tree is made of to name the `path` of a base's tree.

    It stands `at` that path; left out: at the same path.
    """
    if base.described is not None:
        return f"{base.location}{path.removeprefix(site_packages(stack))}"
    if location_of(base, stack) != HERE:
        return f"{tree_of(base)}/{path}"
    depth = (at or path).count("/") + len(stack.top.subdirectory.split("/")) * bool(
        stack.top.subdirectory
    )
    to_location = "../" * (depth + len(("generations", "N")))
    inside = "/".join(filter(None, ("by-lock", hex_of(base.closure), base.subdirectory, path)))
    return to_location + inside


def shown_folder(base: StackLayer, stack: Stack) -> str:
    """The path of the folder that shows what is visible of a base with masked projects."""
    farther = stack.bases[stack.bases.index(base) + 1 :]
    alike = sum(layer.name == base.name for layer in farther)
    return f"lib/python{stack.python}/bases/{base.name}{f'+{alike + 1}' if alike else ''}"


def site_packages(stack: Stack) -> str:
    """The path of site-packages in every tree of the stack."""
    return site_packages_of(stack.python)
