"""What ends a process, or warns in it, and in which words: loaded for those alone."""

import os

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import NoReturn

    from envc.runtime._envc_stack import Layer


def fail(what: str, mend: str, *facts: str) -> "NoReturn":
    """Say what is wrong, and end the process with status 1.

    An exception would not do: `site` turns some into a warning and others into a fatal error with
    a traceback.
    """
    say(what, mend, *facts)
    os._exit(1)


def say(what: str, mend: str, *facts: str) -> None:
    """Say what is wrong, a line each for further facts."""
    lines = [f"envc: {what}", *(f"  {fact}" for fact in facts), f"  help: {mend}"]
    os.write(2, "".join(f"{shown(line)}\n" for line in lines).encode(errors="backslashreplace"))


def shown(text: str) -> str:
    """A text with names from anywhere, as one line that can only be read."""
    text = text.replace("##", "#\\#")  # commands of CI systems, which read logs
    if text.isprintable():
        return text
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text)


def shell_word(word: str) -> str:
    """A word of a command that people paste, as a POSIX shell takes it."""
    from shlex import quote  # for messages

    return quote(word)


def refuse_data(path: str, why: str) -> "NoReturn":
    """End the process: its data file says nothing."""
    mend = "build the tree again: `envc materialize`, for an overlay `envc overlay sync`"
    fail(f"{path}: {why}", mend)


def refuse_core(tree: str, wanted: str, running: str) -> "NoReturn":
    """End the process: it runs on another core than the tree was compiled for."""
    fail(
        f"{tree}: compiled for {wanted}, but {running} runs it",
        f"start {tree}/bin/python, or build the tree again with the core that is wanted",
    )


def refuse_missing(base: "Layer", overlay: "Layer", tree: str, why: str) -> "NoReturn":
    """End the process: a base is not there, whose tree would be this one."""
    if not overlay.closure:
        fail(
            f"{overlay.prefix()}: the layer {base.name!r} that this virtual environment was made on"
            f" is not there ({why})",
            "make the environment again, with the python of the stack that it shall see:"
            " `…/bin/python -m venv --clear --system-site-packages"
            f" {shell_word(overlay.prefix())}`",
            f"path: {tree}",
        )
    target = overlay.target_of(base)
    fail(
        f"{overlay.prefix()}: this node does not hold the base {base.name!r} that the layer"
        f" {overlay.name!r} was compiled for ({why})",
        "`envc overlay sync` compiles the overlay for the base that is here; an administrator's"
        f" `envc converge --target {shell_word(target)}` brings this one back",
        f"digest: {base.closure}",
        f"target: {target}",
    )
