"""What two environments show of themselves, compared: a stack and its flat twin."""

import json
import os
import subprocess
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from fnmatch import fnmatch
from pathlib import Path
from typing import Any

PROBE = Path(__file__).with_name("twin_probe.py")


@dataclass(frozen=True)
class Allowed:
    """A difference that is meant: a pattern of where it is, and its reason."""

    where: str
    reason: str


# What every stack has, and no flat environment.
START_UP = (
    Allowed("path/names: +envc_stack.pth in the stack alone", "it starts the hook"),
    Allowed("path/names: _envc_* in the stack alone", "the hook, and what it reads"),
    Allowed("pkgutil/: _envc_* in the stack alone", "the hook: modules of every layer"),
)


def seen_by(python: object, *editable: Path, walk: Sequence[str] = ()) -> dict[str, Any]:
    """What the probe tells of an environment, by its interpreter."""
    done = subprocess.run(
        [str(python), str(PROBE), *map(str, editable)],
        env={**os.environ, "TWIN_WALK": " ".join(walk), "PYTHONWARNINGS": "ignore"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    found: dict[str, Any] = json.loads(done.stdout[done.stdout.index("{") :])
    return found


def differences(stack: object, flat: object, where: str = "") -> Iterator[str]:
    """`place: of the stack != of the flat one`, one for each value that is not equal."""
    if isinstance(stack, Mapping) and isinstance(flat, Mapping):
        for key in sorted({*stack, *flat}):
            below = f"{where}/{key}" if where else str(key)
            if key not in flat:
                yield f"{below}: in the stack alone"
            elif key not in stack:
                yield f"{below}: in the flat one alone"
            else:
                yield from differences(stack[key], flat[key], below)
    elif isinstance(stack, list) and isinstance(flat, list):
        more, less = Counter(map(str, stack)), Counter(map(str, flat))
        yield from (f"{where}: {item} in the stack alone" for item in (more - less).elements())
        yield from (f"{where}: {item} in the flat one alone" for item in (less - more).elements())
    elif stack != flat:
        yield f"{where}: {stack!r} != {flat!r}"


def unexpected(found: Iterator[str], allowed: Sequence[Allowed]) -> list[str]:
    """Those differences that no pattern allows."""
    return [line for line in found if not any(fnmatch(line, each.where) for each in allowed)]
