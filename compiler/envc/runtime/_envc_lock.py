"""One job, one generation: a process goes on in another generation than it was started from.

A common layer goes on in the one that `ENVC_LOCK` names; whatever was started from a generation
that is past, in the current one. Loaded only where that is another.
The process is replaced by the interpreter of the other generation, with the same arguments: so
prefix, `sys.path`, start-up files and lease are those of a process that was started there.
"""

import os
import sys

from _envc_refusals import (  # type: ignore[import-not-found] # it stands beside
    fail,
    shell_word,
)
from _envc_stack import parent  # type: ignore[import-not-found] # likewise

HEXADECIMAL = frozenset("0123456789abcdef")
DIGITS = 64

TYPE_CHECKING = False
if TYPE_CHECKING:
    from envc.runtime._envc_stack import Layer


def keep_to(wanted: str, own: "Layer") -> None:
    """Go on where `wanted`, a closure digest of any layer, is; return where this is there already.

    A generation that holds the digest holds every layer of the job. Ends the process where the
    node does not hold it; a digest of another target (`ENVC_TARGET` tells) concerns nobody here.
    """
    digits = wanted.rpartition(":")[2]
    if len(digits) != DIGITS or not HEXADECIMAL.issuperset(digits):
        fail(
            f"ENVC_LOCK is {wanted!r}, which is no closure digest",
            "unset ENVC_LOCK, or let `envc run` set it",
        )
    location = parent(own.generation(), 2)
    generation = os.path.realpath(f"{location}/by-lock/{digits}")
    if generation == own.generation():
        return
    tree = f"{generation}/{own.subdirectory}"
    if os.access(f"{tree}/bin/python", os.X_OK):
        restart(tree, own)
    elif not is_elsewhere(location):
        fail(
            f"{own.prefix()}: this node does not hold the generation of the layer {own.name!r} that"
            " ENVC_LOCK pins this job to",
            f"an administrator's `envc converge --target {shell_word(location)}` brings it back;"
            " unset ENVC_LOCK to run on what is here",
            f"digest: {wanted}",
            f"target: {location}",
        )


def is_elsewhere(location: str) -> bool:
    """Whether the digest is of another target than the one in this folder."""
    target = os.environ.get("ENVC_TARGET")
    try:
        return bool(target) and not os.path.samefile(str(target), location)
    except OSError:
        return False


def go_on(own: "Layer") -> None:
    """Go on in the current generation, unless somebody wants this one; then return.

    That is so where it was named by digest, or where an ancestor stays on it: one that started this
    process with an environment of its own.
    """
    tree = own.stable_prefix()
    named = (argument for argument in sys.orig_argv[:2] if "/by-lock/" in argument)
    if any(os.path.realpath(path).startswith(f"{own.prefix()}/") for path in named):
        return
    if is_python(own) and os.access(f"{tree}/bin/python", os.X_OK) and not is_held_above(own):
        restart(tree, own)


def is_held_above(own: "Layer") -> bool:
    """Whether an ancestor of this process holds the lease of the layer's generation."""
    lease = f" {own.generation()}/.lease\n"
    process = os.getppid()
    while process > 1:
        try:
            with open(f"/proc/{process}/maps", encoding="utf-8", errors="replace") as maps:
                if lease in maps.read():
                    return True
        except OSError:  # of another user
            pass
        try:
            with open(f"/proc/{process}/stat", encoding="utf-8", errors="replace") as status:
                process = int(status.read().rpartition(")")[2].split()[1])
        except (OSError, ValueError, IndexError):
            return False
    return False


def is_python(own: "Layer") -> bool:
    """Whether this process is the layer's interpreter, not a program that embeds it."""
    try:
        return os.path.samefile("/proc/self/exe", f"{own.prefix()}/bin/python")
    except OSError:
        return False


def restart(tree: str, own: "Layer") -> None:
    """Replace this process by the interpreter of that tree; does not return."""
    if not is_python(own):
        fail(
            f"{own.prefix()}: ENVC_LOCK pins this job to {tree}, and the program that embeds this"
            " interpreter cannot be started again",
            f"give it {tree} for its home, or unset ENVC_LOCK",
        )
    python = f"{tree}/bin/python"
    arguments = sys.orig_argv[1:]
    place = len(arguments) - len(sys.argv)
    if 0 <= place < len(arguments):
        arguments[place] = same_script(arguments[place], tree, own)
    try:
        os.execv(python, [python, *arguments])
    except OSError as error:
        fail(f"{python}: cannot be run ({error.strerror})", "unset ENVC_LOCK")


def same_script(path: str, tree: str, own: "Layer") -> str:
    """The script of that tree in the place of one of this layer's own; any other as it is."""
    real, prefix = os.path.realpath(path), own.prefix()
    moved = tree + real[len(prefix) :]
    return moved if real.startswith(f"{prefix}/") and os.path.exists(moved) else path
