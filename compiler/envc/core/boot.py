"""What brings a node to a carried interpreter: a few lines of shell, as nothing else is there yet.

Where TARGET/core/<hex>/bin/pythonX.Y is, it becomes that interpreter. Else it unpacks the file that
brings it, whose digest it has checked, into a private folder, tries it, and gives it its name when
it is on the disk. Needed are sh, cp, mv, tar, gzip, sha256sum and sync: GNU's, or those of BusyBox.
What is missing or wrong is told in a line of `formats/node_line`.
"""

import os
from collections.abc import Sequence

from envc.formats.node_line import node_line
from envc.model.bundle import PackedCore
from envc.model.core import CORE_FOLDER, PART_PREFIX, core_program
from envc.model.digest import Digest, hex_of

# One line, and no exclamation mark: the login shell that it passes through may be csh.
# $1 target, $2 name of the core, $3 its program, $4 the file, $5 its sha256; then what is told
# where: $6 the file lacks, $7 the target is of another user, $8 the disk refused, $9 it is no use.
_BOOT = (
    f't="$1"; c="$t/{CORE_FOLDER}/$2"; p="$c/$3"; '
    f's="$t/{CORE_FOLDER}/{PART_PREFIX}sh-$$-$(date +%s)"; '
    'end() { rm -rf "$s"; printf "%s\\n" "$1"; exit "$2"; }; '
    'if [ -x "$p" ]; then :; else umask 022; '
    f'if [ -e "$t" ] && [ "$(id -u)" -ne "$(stat -c %u "$t")" ]; then end "$7" {2}; fi; '
    f'[ -r "$4" ] || end "$6" {os.EX_TEMPFAIL}; '
    f'mkdir -p "$t/{CORE_FOLDER}" && mkdir -m 700 "$s" && mkdir "$s/core" && '
    f'cp -- "$4" "$s/packed" || end "$8" {4}; '
    f'[ "$(sha256sum <"$s/packed")" = "$5  -" ] || end "$6" {os.EX_TEMPFAIL}; '
    f'tar -xzpof "$s/packed" -C "$s/core" || end "$8" {4}; '
    f'"$s/core/$3" -I -S -B -c pass >/dev/null || end "$9" {2}; '
    f'{{ sync -f "$s" 2>/dev/null || sync; }} || end "$8" {4}; '
    '[ -x "$p" ] || { [ -e "$c" ] && mv -T -- "$c" "$s/damaged"; mv -T -- "$s/core" "$c"; } || '
    f'[ -x "$p" ] || end "$8" {4}; '
    'rm -rf "$s"; fi; shift 9; exec "$p" "$@"'
)
_AGAIN = "roll out again"


def core_words(
    target: str, archive: Digest, packed: PackedCore, python: str, words: Sequence[str]
) -> list[str]:
    """The command that calls a target's carried interpreter with these words.

    It is the one made from an `archive`; `packed` brings it to the node, and has its path there.
    `python` is its X.Y.
    """
    facts = [hex_of(archive), core_program(python), packed.path, hex_of(packed.digest)]
    return ["sh", "-c", _BOOT, "sh", target, *facts, *_told(target, packed.path), *words]


def _told(target: str, path: str) -> list[str]:
    """What the shell says: it cannot make JSON of a path itself."""
    faults = (
        (
            2,
            "the folder belongs to another user than the one that envc runs as",
            target,
            "run envc as its owner, or choose another folder",
        ),
        (
            4,
            "the carried interpreter cannot be unpacked",
            target,
            f"see that there are tar, gzip and sha256sum, free space and inodes; then {_AGAIN}",
        ),
        (
            2,
            "the carried interpreter does not run on this node",
            path,
            "carry one that is built for this kind of machine (core.archive)",
        ),
    )
    lines = [node_line({"lacks": ["core"]})]
    lines += [
        node_line({"status": status, "faults": [[what, where, mend]]})
        for status, what, where, mend in faults
    ]
    return [line.rstrip("\n") for line in lines]
