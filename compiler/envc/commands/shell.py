"""`envc shell`: the user's own shell in a stack.

A shell reads its own start-up files, which often set PATH anew. Bash is given one that reads those
and activates the stack after them; other shells get the environment alone.
"""

import os
from collections.abc import Mapping
from shlex import quote

from envc.disk.durable import disk_error

_DEFAULT = "/bin/sh"


def shell_command(tree: str, surroundings: Mapping[str, str]) -> list[str]:
    """The command that becomes the shell of `SHELL`, in a stack's tree.

    For bash a file without a name is left open, for the shell to inherit.

    Raises:
        OutsideError: that file cannot be made.
    """
    shell = surroundings.get("SHELL") or _DEFAULT
    if os.path.basename(shell) != "bash":
        return [shell]
    text = f"[ -r ~/.bashrc ] && . ~/.bashrc\n. {quote(tree)}/bin/activate\n"
    try:
        descriptor = os.memfd_create("envc-shell", 0)
        os.write(descriptor, text.encode())
    except OSError as error:
        raise disk_error(error, "start the shell") from error
    return [shell, "--rcfile", f"/proc/self/fd/{descriptor}", "-i"]
