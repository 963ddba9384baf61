"""What every spec format shares: TOML text to a checked pydantic document, all faults at once."""

from collections.abc import Mapping
from typing import Annotated, Any, Generic, TypeVar

from packaging.markers import UndefinedComparison, UndefinedEnvironmentName
from packaging.requirements import InvalidRequirement, Requirement
from packaging.utils import InvalidName, canonicalize_name
from pydantic import AfterValidator, BaseModel, ConfigDict, StringConstraints, ValidationError

from envc.errors import Fault, SpecError
from envc.formats.openssh import public_key_from_text
from envc.formats.toml import parse_toml
from envc.formats.toml_lines import KeyPath, line_at, lines_of, path_text
from envc.model.codes import CODES, FIXED
from envc.model.names import NAME_FORM
from envc.model.spec import Origin, has_endless_number
from envc.model.value import field, value


class Table(BaseModel):
    """A TOML table: no unknown keys, no coercion, keys in kebab case."""

    model_config = ConfigDict(
        frozen=True,
        strict=True,
        extra="forbid",
        alias_generator=lambda name: name.replace("_", "-"),
        defer_build=True,  # a run reads one kind of file, and builds that one's validator alone
    )


def requirement_text(text: str) -> str:
    """The text, if it is a requirement that envc can lock; ValueError with the words for it."""
    try:
        marker = Requirement(text).marker
    except InvalidRequirement as error:
        reason = str(error).split("\n", 1)[0]
        raise ValueError(f"{text!r} is not a requirement: {reason}") from error
    if has_endless_number(text):
        raise ValueError(f"'{text[:30]}…' is not a requirement: a number without end")
    if marker is not None:
        try:
            marker.evaluate()
        except (UndefinedComparison, UndefinedEnvironmentName) as error:
            raise ValueError(
                f"the marker of {text!r} has no answer: it compares what has no order, or asks for "
                "what only locks know"
            ) from error
    return text


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


def _public_key(text: str) -> str:
    public_key_from_text(text)
    return text


CodeText = Annotated[str, AfterValidator(_code)]
ChangeableCodeText = Annotated[str, AfterValidator(_changeable_code)]
RequirementText = Annotated[str, AfterValidator(requirement_text)]
ConstraintText = Annotated[str, AfterValidator(_constraint_text)]
ProjectText = Annotated[str, AfterValidator(project_name)]
PublicKeyText = Annotated[str, AfterValidator(_public_key)]
LayerName = Annotated[str, StringConstraints(pattern=f"^{NAME_FORM}$")]
PythonText = Annotated[str, StringConstraints(pattern=r"^3\.(1[1-9]|[2-9][0-9])$")]
FullPythonText = Annotated[str, StringConstraints(pattern=r"^3\.(1[1-9]|[2-9][0-9])\.[0-9]+$")]

DocumentT = TypeVar("DocumentT", bound=Table)


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


def read_document(
    text: bytes, file: str, kind: type[DocumentT], *, prefix: KeyPath = ()
) -> Document[DocumentT]:
    """The document that `text` holds; below `prefix` for `[tool.envc]` of a pyproject.toml.

    Raises:
        SpecError: it is not TOML, or does not fit the format; with every fault of the file.
    """
    data = whole = parse_toml(text, file)
    for part in prefix:
        data = data.get(str(part), {})
    lines = lines_of(text.decode().replace("\r\n", "\n"))
    try:
        tables = kind.model_validate(data)
    except ValidationError as error:
        raise SpecError.of(
            [_fault(detail, kind, file, lines, prefix) for detail in error.errors()]
        ) from error
    return Document(file, tables, lines, prefix, whole)


_TYPE_WORDS = {
    "string_type": "a string",
    "int_type": "an integer",
    "bool_type": "true or false",
    "list_type": "an array",
    "dict_type": "a table",
    "model_type": "a table",
    "datetime_type": "a date and time",
}


def _fault(
    detail: Mapping[str, Any],
    kind: type[Table],
    file: str,
    lines: dict[KeyPath, int],
    prefix: KeyPath,
) -> Fault:
    """One pydantic error as a fault with file, line and key."""
    path: KeyPath = tuple(part for part in detail["loc"] if not _is_branch(part))
    whole = (*prefix, *path)
    where = str(Origin(file, line_at(lines, whole), path_text(whole)))
    what, mend = _words(detail, _known_keys(kind, path))
    return Fault(what, where, mend)


def _is_branch(part: str | int) -> bool:
    """Whether this part of a location is pydantic's name for a validator, not a key."""
    return isinstance(part, str) and (part.startswith("function-") or part == "[key]")


def _known_keys(kind: Any, path: KeyPath) -> list[str]:
    """The keys that the table around `path` may have."""
    for part in path[:-1]:
        field = None
        if isinstance(kind, type) and issubclass(kind, Table):
            fields = kind.model_fields.values()
            field = next((f for f in fields if (f.alias or "") == part), None)
            kind = field.annotation if field is not None else None
        else:  # the element of an array or of a table of tables
            kind = next(reversed(getattr(kind, "__args__", (None,))), None)
    if isinstance(kind, type) and issubclass(kind, Table):
        return sorted(str(field.alias) for field in kind.model_fields.values())
    return []


def _words(detail: Mapping[str, Any], known: list[str]) -> tuple[str, str]:
    """What is wrong and how to mend it, for one pydantic error."""
    error, context, value = detail["type"], detail.get("ctx", {}), detail["input"]
    if error in _TYPE_WORDS:
        return f"must be {_TYPE_WORDS[error]}, is {_toml_type(value)}", "change the value"
    match error:
        case "extra_forbidden":
            words = "unknown key", f"remove it, or use one of {', '.join(known)}"
        case "missing":
            words = "missing key", "add it"
        case "literal_error":
            words = f"{value!r} is none of {context['expected']}", "use one of them"
        case "string_pattern_mismatch":
            words = f"{value!r} does not match {context['pattern']}", "change the value"
        case "greater_than_equal":
            words = f"must be at least {context['ge']}, is {value}", "change the value"
        case "newer_format":
            words = str(detail["msg"]), "use a newer envc, or write the format that this one reads"
        case "value_error":
            words = str(context["error"]), "correct it"
        case _:
            words = str(detail["msg"]), "change the value"
    return words


def _toml_type(value: object) -> str:
    words = {bool: "a boolean", int: "an integer", str: "a string", float: "a float"}
    words |= {list: "an array", dict: "a table"}
    return words.get(type(value), "a date or time")
