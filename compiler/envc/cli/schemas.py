"""JSON Schemas of every file and of every `--json` output, generated from the models.

    python -m envc.cli.schemas [--check] DIR

Each is `DIR/NAME-vN.schema.json`, draft 2020-12. Files are closed: an unknown key is an error.
Outputs are open, as later releases may add fields, and every field of theirs is always there.
"""

import argparse
import json
import os
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, fields
from typing import Any, ClassVar, Literal

from pydantic import BaseModel, ConfigDict, RootModel, TypeAdapter, create_model
from pydantic.json_schema import GenerateJsonSchema, JsonSchemaMode

from envc.errors import Fault
from envc.formats.envc_toml import SiteDocument
from envc.formats.facts import FACTS_FORMAT
from envc.formats.location import LocationDocument
from envc.formats.overlay_toml import OverlayDocument
from envc.formats.pylock import LockToolTable
from envc.model.generation import GENERATION_FORMAT, Generation
from envc.model.lock import LOCK_FORMAT
from envc.model.wheel import WheelFacts
from envc.pipeline.check import CheckReport
from envc.pipeline.init import InitReport
from envc.pipeline.lock import LockReport
from envc.pipeline.overlay import OverlayReport
from envc.pipeline.present import MaterializeReport
from envc.pipeline.tree import TreeReport
from envc.pipeline.verify import VerifyReport

DIALECT = "https://json-schema.org/draft/2020-12/schema"


@dataclass(frozen=True, slots=True)
class FaultList:
    """An error: its code, the exit status that goes with it, and what is wrong."""

    code: str
    status: Literal[1, 2, 3, 4, 5, 70]
    faults: tuple[Fault, ...]


@dataclass(frozen=True, slots=True)
class ErrorReport:
    """What a command that fails prints with `--json`, on stdout."""

    error: FaultList


@dataclass(frozen=True, slots=True)
class RunReport:
    """What `envc run --json` prints before it becomes the command."""

    tree: str
    command: tuple[str, ...]


class ModuleNames(RootModel[dict[str, "Literal['package', 'module'] | ModuleNames"]]):
    """What is importable: a package, a module, or a namespace with its portions by name."""


class _Closed(BaseModel):
    model_config = ConfigDict(extra="forbid")


class _Generator(GenerateJsonSchema):
    """pydantic's generator without a title for every field."""

    def field_title_should_be_set(self, schema: Any) -> bool:  # noqa: ARG002 - the base's form
        return False


class _Complete(_Generator):
    """For records that envc writes: fields with a default are there as well."""

    def field_is_required(self, field: Any, total: Any) -> bool:  # type: ignore[override] # noqa: ARG002 - three kinds of field in the base, one answer here
        return True


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One schema: its name, what it is generated from, and the format's number.

    `version_key` is the key under which files tell that number; outputs have none.
    """

    name: str
    title: str
    model: Any
    number: int = 1
    version_key: str = ""
    generator: type[GenerateJsonSchema] = _Generator

    @property
    def file(self) -> str:
        """The name of the schema's file."""
        return f"{self.name}-v{self.number}.schema.json"


def _output(command: str, model: Any) -> Entry:
    title = f"what `envc {command} --json` prints" if command != "error" else "an error as JSON"
    return Entry(name=f"output-{command}", title=title, model=model, generator=_Complete)


def _record(
    model: Any, version_key: str, number: int, **replaced: Any
) -> type[BaseModel]:
    """A closed document with the fields of a dataclass, its format's number beside them."""
    types = {field.name: replaced.get(field.name, field.type) for field in fields(model)}
    types[version_key] = Literal[number]
    return create_model(
        model.__name__, __base__=_Closed, __doc__=model.__doc__, **{k: (v, ...) for k, v in types.items()}
    )


