"""`envc shell`: the user's own shell in a stack.

A shell reads its own start-up files, which often set PATH anew. So those that can be told are given
a file, or a line, that activates the stack after them, and shows its name in the prompt; others get
the environment alone.
"""

import os
from collections.abc import Mapping
from shlex import quote

from envc.disk.durable import disk_error

_DEFAULT = "/bin/sh"
# Those that read the file of `ENV` where somebody types.
_POSIX = ("sh", "dash", "ksh", "mksh")
_FISH = """\
set -gx PATH {tree}/bin $PATH
functions --query fish_prompt; and functions --copy fish_prompt _envc_prompt
function fish_prompt; echo -n {name}; functions --query _envc_prompt; and _envc_prompt; end
"""


def shell_command(
    tree: str, name: str, surroundings: Mapping[str, str]
) -> tuple[list[str], dict[str, str]]:
    """The command that becomes the shell of `SHELL` in a stack's tree, and variables that it needs.

    `name` is what the prompt calls the stack. For some shells a file without a name is left open,
    for them to inherit.

    Raises:
        OutsideError: that file cannot be made.
    """
    shell = surroundings.get("SHELL") or _DEFAULT
    kind, activate = os.path.basename(shell), f". {quote(tree)}/bin/activate\n"
    if kind == "bash":
        return [shell, "--rcfile", _file(f"[ -r ~/.bashrc ] && . ~/.bashrc\n{activate}"), "-i"], {}
    if kind == "fish":
        words = {"tree": quote(tree), "name": quote(f"({name}) ")}
        return [shell, "--init-command", _FISH.format_map(words)], {}
    if kind in _POSIX:
        before = surroundings.get("ENV", "")
        text = f'ENV={quote(before)}\n[ ! -r "$ENV" ] || . "$ENV"\n{activate}'
        return [shell], {"ENV": _file(text)}
    return [shell], {}


def _file(text: str) -> str:
    """The path of a new file without a name, which what is started inherits."""
    try:
        descriptor = os.memfd_create("envc-shell", 0)
        os.write(descriptor, text.encode())
    except OSError as error:
        raise disk_error(error, "start the shell") from error
    return f"/proc/self/fd/{descriptor}"
