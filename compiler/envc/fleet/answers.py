"""What a node answers at once, without starting envc, while what it rests on is as it was.

    TARGET/wanted/answer     four lines: the question, paths, their stamp, the answer

The answer to a question is left when envc has given it: `current`, there is nothing to prepare.
The stamp is device, inode, size and both times of each path, taken before envc looked. A shell
compares it with what `stat` says now. Any difference, another question, or a `stat` that is not
GNU's, and envc itself is asked.
"""

import json
import os
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import asdict

from envc.disk.durable import write_file
from envc.fleet.state import StateFolder, own_state
from envc.model.digest import digest_of_json, hex_of
from envc.model.names import OWN_STATE
from envc.model.nodes import WantedGeneration
from envc.reports.node import NodeReport
from envc.target.base_state import environments_below
from envc.target.directory import Directory

# Raised when what stands in the file, or what it means, changes.
_FORMAT = 2
_BETWEEN = ":"
# What is another a moment later: nobody may be told an old one.
_LIVE = ("now_seconds", "in_use", "free_bytes", "free_files")

# One line, and no exclamation mark: the login shell that it passes through may be csh.
_LOOK = (
    f'a="$1/{OWN_STATE}/answer"; q="$2"; shift 2; '
    'if [ -O "$a" ] && { IFS= read -r k && IFS= read -r p && IFS= read -r w && IFS= read -r l; }'
    ' <"$a" && [ "$k" = "$q" ] && s=$(set -f; IFS=:; '
    'stat -L --printf="%d %i %s %.9Y %.9Z;" -- $p 2>/dev/null) && [ "$s" = "$w" ]; then '
    'printf "envc-node: {\\"now_seconds\\": %s, %s\\n" "$(date +%s)" "$l"; exit 0; fi; '
    'if [ $# -gt 0 ]; then exec "$@"; fi; '
    'printf "envc-node: {\\"step\\": \\"unsure\\"}\\n"'
)


def question_of(words: Sequence[str]) -> str:
    """A short name for what a node is asked; `words` are all that the answer depends on."""
    return hex_of(digest_of_json([_FORMAT, *words]))[:32]


def look_words(target: str, question: str, otherwise: Sequence[str] = ()) -> list[str]:
    """The command that gives the answer that was left, else runs `otherwise`; none: is `unsure`."""
    return ["sh", "-c", _LOOK, "sh", target, question, *otherwise]


def paths_behind(directory: Directory, state: StateFolder, wanted: WantedGeneration) -> list[str]:
    """Every path that decides whether there is nothing to prepare."""
    number = directory.current_number()
    if number is None:
        return []
    place, current = directory.path, f"{directory.path}/current"
    generation = directory.record(number)
    paths = [current, f"{current}/manifest.json", generation.interpreter]
    paths += environments_below(directory, generation)
    for folder in (f"{current}/site", own_state(directory).place("site", wanted.parcel)):
        with suppress(OSError):
            paths += (f"{folder}/{name}" for name in sorted(os.listdir(folder)))
    paths += [f"{place}/bin/envc", f"{place}/location.toml", state.place("parcel", wanted.parcel)]
    if state == own_state(directory):
        paths.append(state.wanted_path)
    bundle = state.bundle_path(wanted)
    return paths if bundle is None else [*paths, bundle]


def stamp_of(paths: Sequence[str]) -> str | None:
    """What `stat` in `_LOOK` says of these paths; None: one is not there, or cannot be asked of."""
    if any(_BETWEEN in path or "\n" in path for path in paths):
        return None
    try:
        return "".join(map(_seen, paths))
    except OSError:
        return None


def leave_answer(question: str, report: NodeReport, *, paths: Sequence[str], stamp: str) -> None:
    """Leave the answer to a question; where the disk refuses, envc will be asked again."""
    values = {name: value for name, value in asdict(report).items() if name not in _LIVE}
    answer = json.dumps(values, sort_keys=True).removeprefix("{")
    lines = (question, _BETWEEN.join(paths), stamp, answer)
    content = "".join(f"{line}\n" for line in lines).encode()
    with suppress(OSError):
        write_file(f"{report.target}/{OWN_STATE}/answer", content)


def _seen(path: str) -> str:
    status = os.stat(path)
    times = (f"{ns // 10**9}.{ns % 10**9:09}" for ns in (status.st_mtime_ns, status.st_ctime_ns))
    return f"{status.st_dev} {status.st_ino} {status.st_size} {' '.join(times)};"
