"""RECORD: the wheel's own list of its files, held against them; and the one of the installed form.

Source: https://packaging.python.org/specifications/recording-installed-packages/
"""

import base64
import csv
import hashlib
import io
import re
from collections.abc import Collection, Iterable, Iterator, Mapping

from envc.model.manifest import parents_of
from envc.model.value import value
from envc.store.archive import Member
from envc.store.names import name_problem
from envc.store.refusal import Problem, RefusedError, refuse_if

# "sha256 or better": what every Python has, and nobody has broken.
_ALGORITHMS = {"sha256": 32, "sha384": 48, "sha512": 64}
_ROW_FIELDS = 3
# How rows end that are those of folders, and of bytecode.
_OF_NO_FILE = ("/", "\\", ".pyc", ".pyo")
# No file is larger, and `int` refuses text of many thousand digits.
_SIZE = re.compile(r"[0-9]{1,20}")
# How much of a value that makes no sense is shown.
_SHOWN = 80


@value
class RecordRow:
    """What RECORD says of one file; `size_bytes` None where it leaves the size out."""

    algorithm: str
    hexadecimal: str
    size_bytes: int | None


def read_record(
    content: bytes, record: str, members: Collection[str], *, unhashed: Collection[str]
) -> dict[str, RecordRow]:
    """The rows of a wheel's RECORD by path, those of `record` and of `unhashed` files left out.

    What tools write beside that says nothing about any of the `members`, and is passed over: a row
    that is there twice, rows of folders, and of bytecode that the wheel does not hold.

    Raises:
        RefusedError: RECORD does not parse, contradicts itself, or has a row without a strong hash.
    """
    problems: list[Problem] = []
    found: dict[str, RecordRow | None] = {}
    folders = {"", *parents_of(members)}
    for written, hashed, size in _fields(content, record):
        path = _plain(written)
        row = None if path in {record, *unhashed} else _row(hashed, size)
        if (path or not written) and (what := name_problem(path)):
            problems.append(Problem(record, f"of its row {written!r}: {what}"))
        elif path not in members and (path in folders or written.endswith(_OF_NO_FILE)):
            continue
        elif path == record and (hashed or size):
            problems.append(Problem(record, "it gives a hash or a size of itself"))
        elif isinstance(row, str):
            problems.append(Problem(path, row))
        elif found.setdefault(path, row) != row:
            problems.append(Problem(record, f"it lists {path!r} twice, and differently"))
    refuse_if(problems)
    return {path: row for path, row in found.items() if row is not None}


def _plain(path: str) -> str:
    """A path as archives have it: some tools write those of Windows, or begin with `./`."""
    path = path.replace("\\", "/")
    if path.startswith("/"):
        return path
    return "/".join(part for part in path.split("/") if part not in ("", "."))


def listing_problems(
    rows: Mapping[str, RecordRow], members: Iterable[Member], exempt: Collection[str]
) -> list[Problem]:
    """Files that RECORD leaves out or gives another size, and files it lists that are not there."""
    sizes = {member.path: member.size_bytes for member in members if member.path not in exempt}
    problems = [Problem(path, "RECORD does not list it") for path in sorted(sizes.keys() - rows)]
    problems += [
        Problem(path, "RECORD lists it, but the wheel does not hold it")
        for path in sorted(rows.keys() - sizes)
    ]
    for path in sorted(sizes.keys() & rows):
        size = rows[path].size_bytes
        if size not in (None, sizes[path]):
            what = f"it has {sizes[path]} bytes, RECORD says {size}"
            problems.append(Problem(path, what))
    return problems


def verified(chunks: Iterable[bytes], path: str, row: RecordRow) -> Iterator[bytes]:
    """The same chunks.

    Raises:
        RefusedError: after the last chunk, when their hash is not the row's.
    """
    hasher = hashlib.new(row.algorithm)
    for chunk in chunks:
        hasher.update(chunk)
        yield chunk
    refuse_other_hash(path, row, hasher.hexdigest())


def refuse_other_hash(path: str, row: RecordRow, found: str) -> None:
    """Nothing when the file's hash (hexadecimal, by the row's algorithm) is the row's.

    Raises:
        RefusedError: it is not.
    """
    if found != row.hexadecimal:
        what = f"its {row.algorithm} is {found}, RECORD says {row.hexadecimal}"
        raise RefusedError(Problem(path, what))


def _fields(content: bytes, record: str) -> Iterator[tuple[str, str, str]]:
    try:
        # Lines keep their ends: a quoted path that holds one must not lose it.
        lines = io.StringIO(content.decode(), newline="")
        for fields in csv.reader(lines, strict=True):
            if len(fields) == _ROW_FIELDS:
                path, hashed, size = fields
                yield path, hashed, size
            elif fields:
                what = f"its row {','.join(fields)!r} has not three fields"
                raise RefusedError(Problem(record, what))
    except (UnicodeDecodeError, csv.Error) as error:
        raise RefusedError(Problem(record, "it is not a CSV file in UTF-8")) from error


def _row(hashed: str, size: str) -> RecordRow | str:
    """The row of these fields, or what is wrong with them."""
    algorithm, _, value = hashed.partition("=")
    if not hashed:
        return "RECORD gives no hash of it"
    if algorithm not in _ALGORITHMS:
        return f"RECORD gives a hash of it that is too weak or unknown: {algorithm[:_SHOWN]!r}"
    binary = _digest(value, _ALGORITHMS[algorithm])
    if binary is None:
        return f"RECORD gives a hash of it that cannot be read: {hashed[:_SHOWN]!r}"
    if size and not _SIZE.fullmatch(size):
        return f"RECORD gives a size of it that is no number: {size[:_SHOWN]!r}"
    return RecordRow(algorithm, binary.hex(), int(size) if size else None)


def _digest(value: str, size_bytes: int) -> bytes | None:
    """The digest in its base64 form; in hexadecimal, as some projects' own tools write it."""
    try:
        if len(value) == 2 * size_bytes:
            binary = bytes.fromhex(value)
        else:
            padded = value + "=" * (-len(value) % 4)
            binary = base64.b64decode(padded, altchars=b"-_", validate=True)
    except ValueError:
        return None
    return binary if len(binary) == size_bytes else None
