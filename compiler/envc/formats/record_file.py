"""Files of envc's own that hold one value and the number of their format."""

import json
from collections.abc import Mapping
from typing import Any, Generic, TypeVar

from envc.errors import EnvcError, SpecError
from envc.formats.values import FormError, plain_of, value_of
from envc.model.value import field, value

Value = TypeVar("Value")


@value(kw_only=True)
class RecordFile(Generic[Value]):
    """A kind of file: what it holds, how it is laid out, and how errors speak of it.

    `name` is what it is ("generation's record"), `mend` what helps where it is none, `refusal` the
    error for that. `layout` is what `json.dumps` is told; `key` holds the format's number.
    """

    kind: type[Value]
    name: str
    number: int
    mend: str
    refusal: type[EnvcError] = SpecError
    layout: Mapping[str, Any] = field(default_factory=dict)
    key: str = "version"

    def to_json(self, record: Value) -> bytes:
        """The file's bytes; equal records give equal bytes."""
        plain = {self.key: self.number, **plain_of(record)}
        return json.dumps(plain, **self.layout).encode() + b"\n"

    def from_json(self, text: bytes, file: str) -> Value:
        """The record that a file holds.

        Raises:
            SpecError: it has another format.
            EnvcError: the `refusal`: it is no such record.
        """
        return self.from_plain(self.plain_from(text, file), file)

    def plain_from(self, text: bytes, file: str) -> Any:
        """What stands in a file, of whatever format.

        Raises:
            EnvcError: the `refusal`: it is no JSON.
        """
        try:
            return json.loads(text)
        except (ValueError, RecursionError) as error:
            raise self.refused("it is no JSON", file) from error

    def from_plain(self, plain: Any, file: str) -> Value:
        """The record that plain data hold; errors as for `from_json`."""
        found = plain.pop(self.key, None) if isinstance(plain, dict) else None
        if type(found) is not int:
            raise self.refused("the number of its format is missing", file, self.key)
        if found != self.number:
            raise SpecError(
                f"this {self.name} has format {found}, and this envc reads format {self.number}",
                where=file,
                mend="use the envc that wrote it, or a newer one",
            )
        try:
            return value_of(self.kind, plain)
        except FormError as error:
            raise self.refused(error.what, file, error.where) from error

    def refused(self, why: str, file: str, key: str = "") -> EnvcError:
        """The error for a file that holds no such record, and where in it that shows."""
        where = f"{file} ({key})" if key else file
        return self.refusal(f"not a {self.name}: {why}", where=where, mend=self.mend)
