"""What `module load` makes of a layer, for Lmod 7 and newer, and for Environment Modules 5.

A modulefile finds its folder by its own name, below `modulefiles`, so that a tree has the same
bytes wherever it stands. Its paths are the stable ones: to unload a module, the file is read that
is there now, and what that one sets is taken back. `ENVC_LOCK` keeps a job on its generation.

Sources: https://lmod.readthedocs.io/en/latest/050_lua_modulefiles.html,
https://modules.readthedocs.io/en/latest/modulefile.html
"""

from collections.abc import Callable, Iterator
from typing import NamedTuple

from envc.model.generation import MODULEFILE, TCL_MODULEFILE
from envc.model.manifest import FILE_MODE
from envc.model.plan import WriteFile
from envc.model.stack import Stack, StackLayer

_LUA = """\
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

_TCL = """\
#%Module5.1
# Written by envc. `module use` the folder `modulefiles` that leads here, not this one.
module-whatis {title}
module-whatis {closure}
proc ModulesHelp {{}} {{ puts stderr {help} }}
family envc
{depends}
set root [regsub {{/modulefiles/(?!.*/modulefiles/).*$}} $ModulesCurrentModulefile ""]
set tree {tree}
set target {target}
prepend-path PATH $tree/bin
append-path PATH $target/bin
setenv VIRTUAL_ENV $tree
setenv ENVC_TARGET $target
{lock}unsetenv PYTHONHOME
{env}"""


_LEFT_OUT = "{name} is not set: its value has a line break, which {tool} cannot hand on"


class _Told(NamedTuple):
    """What both kinds of files tell; `subdirectory` "": the tree is the root.

    `target` None: the root is the target; `lock` None: no common layer is there.
    """

    title: str
    closure: str
    help: str
    subdirectory: str
    target: str | None
    lock: str | None


class _Language(NamedTuple):
    """How one kind of file says it; `{}` stands for a word that is `quoted`."""

    file: str
    script: str
    quoted: Callable[[str], str]
    variable: Callable[[str, str], str]
    depends: str
    root: str
    below_root: str
    lock: str


def modulefiles(
    stack: Stack,
    taken: frozenset[str],  # noqa: ARG001 - every pass is told; these names are envc's alone
) -> Iterator[WriteFile]:
    """The files, which load the modules that the stack needs and set its environment."""
    told = _told(stack)
    for language in (
        _Language(
            file=MODULEFILE,
            script=_LUA,
            quoted=quoted,
            variable=_variable,
            depends="depends_on({})",
            root="root",
            below_root="pathJoin(root, {})",
            lock='setenv("ENVC_LOCK", {})',
        ),
        _Language(
            file=TCL_MODULEFILE,
            script=_TCL,
            quoted=tcl_word,
            variable=_tcl_variable,
            depends="module load {}",
            root="$root",
            below_root="[file join $root {}]",
            lock="setenv ENVC_LOCK {}",
        ),
    ):
        yield WriteFile(language.file, _written(told, stack, language).encode(), FILE_MODE)


def _written(told: _Told, stack: Stack, language: _Language) -> str:
    word, root = language.quoted, language.root
    below = language.below_root.format(word(told.subdirectory)) if told.subdirectory else root
    lock = f"{language.lock.format(word(told.lock))}\n" if told.lock is not None else ""
    return language.script.format(
        title=word(told.title),
        closure=word(told.closure),
        help=word(told.help),
        depends="".join(f"{language.depends.format(word(name))}\n" for name in stack.modules),
        tree=below,
        target=root if told.target is None else word(told.target),
        lock=lock,
        env="".join(f"{language.variable(name, value)}\n" for name, value in stack.env),
    )


def _told(stack: Stack) -> _Told:
    top, common = stack.top, nearest_common(stack)
    at_home = common is not None and common.location == top.location
    return _Told(
        title=f"Description: the Python layer {top.name}",
        closure=f"Version: {top.closure}",
        help=f"Python {stack.python} with what layer {top.name} installs, by envc.",
        subdirectory=top.subdirectory,
        target=None if at_home or common is None else common.location,
        lock=str(common.closure) if common is not None else None,
    )


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
    if _is_broken(value):
        return f"LmodWarning({quoted(_LEFT_OUT.format(name=name, tool='Lmod'))})"
    return f"pushenv({quoted(name)}, {quoted(value)})"


def tcl_word(text: str) -> str:
    """A text as one word of Tcl."""
    return '"' + "".join(map(_tcl_escaped, text)) + '"'


def _tcl_variable(name: str, value: str) -> str:
    if _is_broken(value):
        return f"puts stderr {tcl_word(_LEFT_OUT.format(name=name, tool='Environment Modules'))}"
    return f"pushenv {tcl_word(name)} {tcl_word(value)}"


def _is_broken(value: str) -> bool:
    return "\n" in value or "\r" in value


def _tcl_escaped(character: str) -> str:
    if character in '"\\$[]{};':
        return f"\\{character}"
    return character if character.isprintable() else f"\\U{ord(character):08x}"


def _escaped(character: str) -> str:
    if character in {'"', "\\"}:
        return f"\\{character}"
    return (
        character if character.isprintable() else "".join(f"\\{n:03d}" for n in character.encode())
    )
