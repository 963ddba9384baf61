"""`wanted.json`: the generations that every node of a site must hold (format 1).

What stands beside it: `fleet/state.py`.
"""

from base64 import b64decode, b64encode

from envc.errors import DamagedError, UsageError
from envc.formats.record_file import RecordFile
from envc.model.nodes import WANTED_FORMAT, Statement, WantedState

_FILE = RecordFile(
    kind=WantedState,
    name="wanted state",
    number=WANTED_FORMAT,
    mend="run `envc rollout` again, or correct the path",
    refusal=DamagedError,
    layout={"indent": 1, "sort_keys": True},
)
wanted_to_json = _FILE.to_json


def wanted_from_json(text: bytes, file: str) -> WantedState:
    """The state that a file holds; it has a generation.

    Raises:
        SpecError: it is newer than this envc.
        DamagedError: it is no wanted state.
    """
    wanted = _FILE.from_json(text, file)
    if not wanted.generations:
        raise _FILE.refused("it has no generation", file, "generations")
    return wanted


def statement_words(statement: Statement) -> tuple[str, ...]:
    """A statement as options of `envc node`."""
    words = ("--wanted", b64encode(statement.text).decode())
    if not statement.signatures:
        return words
    return (*words, "--signed", b64encode(statement.signatures).decode())


def statement_of(wanted: str | None, signed: str | None) -> Statement | None:
    """The statement that `statement_words` wrote; None: none was brought.

    Raises:
        UsageError: it was cut off.
    """
    if wanted is None:
        return None
    try:
        return Statement(b64decode(wanted, validate=True), b64decode(signed or "", validate=True))
    except ValueError as error:
        raise UsageError(
            f"the wanted state is not Base64: {error}", mend="run `envc rollout` again"
        ) from error
