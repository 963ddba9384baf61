"""What every spec format shares: TOML text to checked tables, and what their texts may say."""

import re
from collections.abc import Iterable, Mapping
from typing import Annotated, Any, Generic, TypeVar

from packaging.markers import UndefinedComparison, UndefinedEnvironmentName
from packaging.requirements import InvalidRequirement, Requirement
from packaging.utils import InvalidName, canonicalize_name

from envc.errors import Fault, SpecError
from envc.formats.forms import NAME
from envc.formats.toml import MAXIMUM_BYTES, cut, parse_toml
from envc.formats.toml_lines import line_at, lines_of
from envc.formats.values import Flaw, FormError, KeyPath, path_text, refuse_nul, value_of
from envc.model.codes import CODES, FIXED
from envc.model.spec import (
    LONGEST_REQUIREMENT,
    Origin,
    SourcedRequirement,
    has_endless_number,
)
from envc.model.value import field, value

# Nobody reads more at once.
_MOST_FAULTS = 100
# A lock's file is named by it.
_LONGEST_NAME = 100


def requirement_text(text: str) -> str:
    """The text, if it is a requirement that envc can lock; FormError with the words for it."""
    if len(text) > LONGEST_REQUIREMENT:
        raise FormError(
            f"'{text[:30]}…' is no requirement: it is longer than {LONGEST_REQUIREMENT} characters"
        )
    try:
        marker = Requirement(text).marker
    except InvalidRequirement as error:
        reason = str(error).split("\n", 1)[0]
        meant = _meant(text)
        mend = f"did you mean {meant!r}? else correct it" if meant is not None else "correct it"
        if _PATH.match(text):
            mend = "a wheel is asked for as 'NAME @ file:///PATH', a project's folder as editable"
        raise FormError(Flaw(f"{text!r} is not a requirement: {reason}", mend)) from error
    if has_endless_number(text):
        raise FormError(f"'{text[:30]}…' is not a requirement: a number without end")
    if marker is not None:
        try:
            marker.evaluate()
        except (UndefinedComparison, UndefinedEnvironmentName) as error:
            raise FormError(
                f"the marker of {text!r} has no answer: it compares what has no order, or asks for "
                "what only locks know"
            ) from error
    return text


_PATH = re.compile(r"[.~]{0,2}/|.*\.(whl|tar\.gz|zip)$")
# What other tools and other habits write, and what requirements have for it.
_OPERATORS = {
    "=>": ">=",
    "=<": "<=",
    ">==": ">=",
    "<==": "<=",
    "=!": "!=",
    "~>": "~=",
    "=": "==",
    "@=": "==",
    "^": ">=",
    " ": "==",
}
_PARTS = re.compile(r"([A-Za-z0-9._-]+(?:\s*\[[^]]*\])?)([^;]*)(.*)", re.DOTALL)
_BOUND = re.compile(r"\s*([=<>!~^@]*)\s*([^\s=<>!~^@]+)\s*")


def _meant(text: str) -> str | None:
    """The requirement with operators that there are, if that is what is wrong with it."""
    parts = _PARTS.fullmatch(text.strip())
    if parts is None:
        return None
    project, bounds, marker = parts.groups()
    found = [_BOUND.fullmatch(bound) for bound in bounds.split(",")]
    told = [(each[1] or " ", each[2]) for each in found if each is not None]
    meant = ",".join(f"{_OPERATORS.get(operator, operator)}{bound}" for operator, bound in told)
    try:
        Requirement(f"{project}{meant}{marker}")
    except InvalidRequirement:
        return None
    return f"{project}{meant}{marker}" if told and len(told) == len(found) else None


def _constraint_text(text: str) -> str:
    if Requirement(requirement_text(text)).url is not None:
        raise ValueError(f"{text!r} names a URL, which only `requires` may")
    return text


def project_name(text: str) -> str:
    """The project's normalized name; ValueError where it is none."""
    try:
        return canonicalize_name(text, validate=True)
    except InvalidName as error:
        raise ValueError(f"{text!r} is not a project name") from error


def by_project(table: object) -> object:
    """A table by project; ValueError where two of its keys are one project."""
    keys: dict[str, str] = {}
    for key in table if isinstance(table, dict) else ():
        other = keys.setdefault(canonicalize_name(str(key)), key)
        if other != key:
            raise ValueError(f"{other!r} and {key!r} are one project")
    return table


def _code(text: str) -> str:
    if text not in CODES:
        raise ValueError(f"{text!r} is no code of a finding; `envc check --explain` lists them")
    return text


def _changeable_code(text: str) -> str:
    if _code(text) in FIXED:
        raise ValueError(f"{text} is always an error: {CODES[text][1]}")
    return text


def _short(name: str) -> str:
    if len(name) > _LONGEST_NAME:
        raise ValueError(f"'{name[:30]}…' is longer than {_LONGEST_NAME} characters")
    return name


CodeText = Annotated[str, _code]
ChangeableCodeText = Annotated[str, _changeable_code]
RequirementText = Annotated[str, requirement_text]
ConstraintText = Annotated[str, _constraint_text]
ProjectText = Annotated[str, project_name]
LayerName = Annotated[str, _short, NAME]

DocumentT = TypeVar("DocumentT")


@value
class Document(Generic[DocumentT]):
    """A checked spec file: its tables, and where each key stands.

    Of a file that holds more than the tables below `prefix`, `whole` is the data, unchecked.
    """

    file: str
    tables: DocumentT
    lines: dict[KeyPath, int]
    prefix: KeyPath = ()
    whole: Mapping[str, Any] = field(default_factory=dict)

    def origin(self, *path: str | int) -> Origin:
        """Where the key with this path stands."""
        whole = (*self.prefix, *path)
        return Origin(self.file, line_at(self.lines, whole), path_text(whole))

    def sourced(self, texts: Iterable[str], *path: str | int) -> tuple[SourcedRequirement, ...]:
        """These texts of the array with this path, as requirements with their origins."""
        return tuple(
            SourcedRequirement(Requirement(text), self.origin(*path, place))
            for place, text in enumerate(texts)
        )


def read_document(
    text: bytes,
    file: str,
    kind: type[DocumentT],
    *,
    prefix: KeyPath = (),
    most_bytes: int = MAXIMUM_BYTES,
) -> Document[DocumentT]:
    """The document that `text` holds; below `prefix` for `[tool.envc]` of a pyproject.toml.

    Raises:
        SpecError: it is not TOML, too large, or does not fit the format; with every fault.
    """
    data: Any = parse_toml(text, file)
    if len(text) > most_bytes:
        raise SpecError(
            f"it is larger than {most_bytes // 1024} KiB",
            where=file,
            mend="shorten it; what many need belongs into a common layer",
        )
    whole = data
    for part in prefix:
        data = data.get(part, {}) if isinstance(data, dict) else {}
    lines = lines_of(text.decode().replace("\r\n", "\n"))
    try:
        tables = value_of(kind, data, toml=True)
    except FormError as error:
        known, told = Document(file, None, lines, prefix), error.flaws[:_MOST_FAULTS]
        faults = [
            Fault(cut(each.what), cut(str(known.origin(*each.path))), each.mend) for each in told
        ]
        if len(error.flaws) > _MOST_FAULTS:
            more = len(error.flaws) - _MOST_FAULTS
            faults.append(Fault(f"{more} faults more", file, "mend those above first"))
        raise SpecError.of(faults) from error
    refuse_nul(text, file)
    return Document(file, tables, lines, prefix, whole)
