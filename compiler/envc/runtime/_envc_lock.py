"""One job, one generation: a common layer goes on in the generation that `ENVC_LOCK` names.

Loaded only where the variable names something else than the layer that a process was started in.
The process is replaced by the interpreter of the other generation, with the same arguments: so
prefix, `sys.path`, start-up files and lease are those of a process that was started there.
"""

import os
import sys

from _envc_stack import fail, parent  # type: ignore[import-not-found] # it stands beside

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
            " ENVC_LOCK pins this job to\n"
            f"  digest: {wanted}\n"
            f"  target: {location}",
            f"an administrator's `envc converge --target {location}` brings it back; unset"
            " ENVC_LOCK to run on what is here",
        )


def is_elsewhere(location: str) -> bool:
    """Whether the digest is of another target than the one in this folder."""
    target = os.environ.get("ENVC_TARGET")
    try:
        return bool(target) and not os.path.samefile(str(target), location)
    except OSError:
        return False


def restart(tree: str, own: "Layer") -> None:
    """Replace this process by the interpreter of that tree; does not return."""
    try:
        is_python = os.path.samefile("/proc/self/exe", f"{own.prefix()}/bin/python")
    except OSError:
        is_python = False
    if not is_python:
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
