"""The wanted state: for all nodes (`wanted.json`, format 1), and by groups of nodes (format 2).

What stands beside it: `fleet/state.py`.
"""

import zlib
from base64 import b64decode, b64encode
from typing import Any

from envc.errors import DamagedError, UsageError
from envc.formats.record_file import RecordFile
from envc.model.nodes import (
    GROUPS_FORMAT,
    WANTED_FORMAT,
    Statement,
    WantedGroup,
    WantedGroups,
    WantedState,
)

# Where errors say that a statement comes from which is part of a command.
WANTED_OPTION = "--wanted"

_HOW: dict[str, Any] = {
    "name": "wanted state",
    "mend": "run `envc rollout` again, or correct the path",
    "refusal": DamagedError,
    "layout": {"indent": 1, "sort_keys": True},
}
_FILE = RecordFile(kind=WantedState, number=WANTED_FORMAT, **_HOW)
_GROUPS = RecordFile(kind=WantedGroups, number=GROUPS_FORMAT, **_HOW)
wanted_to_json = _FILE.to_json
groups_to_json = _GROUPS.to_json


def wanted_from_json(text: bytes, file: str) -> WantedGroups:
    """The state that a file holds; where it knows no groups, one has all nodes.

    Each group has a generation.

    Raises:
        SpecError: it is newer than this envc.
        DamagedError: it is no wanted state.
    """
    plain = _FILE.plain_from(text, file)
    if isinstance(plain, dict) and plain.get(_FILE.key) == GROUPS_FORMAT:
        wanted = _GROUPS.from_plain(plain, file)
    else:
        wanted = _for_all(_FILE.from_plain(plain, file), file)
    if not all(group.generations for group in wanted.groups):
        raise _FILE.refused("a group has no generation", file, "groups")
    return wanted


def _for_all(wanted: WantedState, file: str) -> WantedGroups:
    if not wanted.generations:
        raise _FILE.refused("it has no generation", file, "generations")
    from envc.model.node_sets import ALL_OTHERS  # most runs read no wanted state

    since = wanted.generations[0].since
    everybody = WantedGroup(nodes=ALL_OTHERS, since=since, generations=wanted.generations)
    return WantedGroups(site=wanted.site, serial=wanted.serial, kit=wanted.kit, groups=(everybody,))


def statement_words(statement: Statement) -> tuple[str, ...]:
    """A statement as options of `envc node`: short, since a command has 128 KiB."""
    words = (WANTED_OPTION, _packed(statement.text))
    if not statement.signatures:
        return words
    return (*words, "--signed", _packed(statement.signatures))


def statement_of(wanted: str | None, signed: str | None) -> Statement | None:
    """The statement that `statement_words` wrote; None: none was brought.

    Raises:
        UsageError: it was cut off.
    """
    if wanted is None:
        return None
    try:
        return Statement(_unpacked(wanted), _unpacked(signed) if signed else b"", WANTED_OPTION)
    except (ValueError, zlib.error) as error:
        raise UsageError(
            f"the wanted state is not Base64: {error}", mend="run `envc rollout` again"
        ) from error


def _packed(content: bytes) -> str:
    return b64encode(zlib.compress(content, 9)).decode()


def _unpacked(text: str) -> bytes:
    return zlib.decompress(b64decode(text, validate=True))
