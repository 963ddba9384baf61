"""`modulefile.lua`: what `module load` makes of a layer, for Lmod 7 and newer.

It finds its folder by its own name, below `modulefiles`, so that a tree has the same bytes wherever
it stands. It names its generation by its closure: the paths that it sets hold on every node, and
stay when the node is switched.

Source: https://lmod.readthedocs.io/en/latest/050_lua_modulefiles.html
"""

from collections.abc import Iterator

from envc.model.digest import Digest, hex_of
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
local tree = pathJoin(root, {tree})
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
    place = f"by-lock/{hex_of(top.closure)}/{top.subdirectory}".rstrip("/")
    text = _SCRIPT.format(
        title=quoted(f"Description: the Python layer {top.name}"),
        closure=quoted(f"Version: {top.closure}"),
        help=quoted(f"Python {stack.python} with what layer {top.name} installs, by envc."),
        depends="".join(f"depends_on({quoted(name)})\n" for name in stack.modules),
        tree=quoted(place),
        target="root" if at_home or common is None else quoted(common.location),
        lock=_lock(common.closure) if common is not None else "",
        env="".join(f"pushenv({quoted(name)}, {quoted(value)})\n" for name, value in stack.env),
    )
    yield WriteFile(MODULEFILE, text.encode(), FILE_MODE)


def nearest_common(stack: Stack) -> StackLayer | None:
    """The first common layer from the top: one that stands in a subdirectory of its generation."""
    return next((layer for layer in stack.layers if layer.subdirectory), None)


def quoted(text: str) -> str:
    """A text as a string of Lua."""
    return '"' + "".join(map(_escaped, text)) + '"'


def _lock(closure: Digest) -> str:
    return f'setenv("ENVC_LOCK", {quoted(closure)})\n'


def _escaped(character: str) -> str:
    if character in {'"', "\\"}:
        return f"\\{character}"
    return (
        character if character.isprintable() else "".join(f"\\{n:03d}" for n in character.encode())
    )
