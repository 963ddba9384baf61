"""`modulefile.lua`: what `module load` makes of a layer, for Lmod 7 and newer.

It finds its folder by its own name, below `modulefiles`, so that a tree has the same bytes wherever
it stands. Its paths are the stable ones: to unload a module, Lmod reads the file that is there now,
and takes back what that one sets. `ENVC_LOCK` keeps a job on its generation.

Source: https://lmod.readthedocs.io/en/latest/050_lua_modulefiles.html
"""

from collections.abc import Iterator

from envc.model.generation import MODULEFILE
from envc.model.manifest import FILE_MODE
from envc.model.plan import WriteFile
from envc.model.stack import Stack, StackLayer

_SCRIPT = """\
-- Written by envc. `module use` the folder `modulefiles` that leads here, not this one.
whatis({title})
whatis({closure})
help({help})
family("envc")
{depends}
local root = myFileName():match("^(.*)/modulefiles/")
local tree = {tree}
local target = {target}
prepend_path("PATH", pathJoin(tree, "bin"))
append_path("PATH", pathJoin(target, "bin"))
setenv("VIRTUAL_ENV", tree)
setenv("ENVC_TARGET", target)
{lock}unsetenv("PYTHONHOME")
{env}"""


def modulefile(
    stack: Stack,
    taken: frozenset[str],  # noqa: ARG001 - every pass is told; this name is envc's alone
) -> Iterator[WriteFile]:
    """The file, which loads the modules that the stack needs and sets its environment."""
    top, common = stack.top, nearest_common(stack)
    at_home = common is not None and common.location == top.location
    text = _SCRIPT.format(
        title=quoted(f"Description: the Python layer {top.name}"),
        closure=quoted(f"Version: {top.closure}"),
        help=quoted(f"Python {stack.python} with what layer {top.name} installs, by envc."),
        depends="".join(f"depends_on({quoted(name)})\n" for name in stack.modules),
        tree=f"pathJoin(root, {quoted(top.subdirectory)})" if top.subdirectory else "root",
        target="root" if at_home or common is None else quoted(common.location),
        lock=f'setenv("ENVC_LOCK", {quoted(common.closure)})\n' if common is not None else "",
        env="".join(f"{_variable(name, value)}\n" for name, value in stack.env),
    )
    yield WriteFile(MODULEFILE, text.encode(), FILE_MODE)


def nearest_common(stack: Stack) -> StackLayer | None:
    """The first common layer from the top: one that stands in a subdirectory of its generation."""
    return next((layer for layer in stack.layers if layer.subdirectory), None)


def quoted(text: str) -> str:
    """A text as a string of Lua."""
    return '"' + "".join(map(_escaped, text)) + '"'


def _variable(name: str, value: str) -> str:
    """The line that sets a variable.

    Not one with a line break: Lmod hands values to the shell in a way that ends there, and the rest
    would be run as a command.
    """
    if "\n" in value or "\r" in value:
        what = f"{name} is not set: its value has a line break, which Lmod cannot hand on"
        return f"LmodWarning({quoted(what)})"
    return f"pushenv({quoted(name)}, {quoted(value)})"


def _escaped(character: str) -> str:
    if character in {'"', "\\"}:
        return f"\\{character}"
    return (
        character if character.isprintable() else "".join(f"\\{n:03d}" for n in character.encode())
    )
