"""JSON Schemas of every file and of every `--json` output, generated from the models.

    python -m envc.cli.schemas [--check] DIR

Each is `DIR/NAME-vN.schema.json`, draft 2020-12. Files are closed: an unknown key is an error.
Outputs are open, as later releases may add fields, and every field of theirs is always there.
"""

import argparse
import json
import os
import sys
import warnings
from collections.abc import Callable, Mapping, Sequence
from dataclasses import MISSING, fields, is_dataclass
from dataclasses import Field as DataclassField
from types import GenericAlias, UnionType
from typing import Annotated, Any, Literal, Union, get_args, get_origin, get_type_hints

from pydantic import Field, RootModel, TypeAdapter, create_model
from pydantic.json_schema import GenerateJsonSchema

from envc.errors import Fault
from envc.formats.bundle import BUNDLE_FORMAT, BundleIndex
from envc.formats.envc_toml import AtLeast, SiteDocument
from envc.formats.facts import FACTS_FORMAT
from envc.formats.location import LOCATION_FORMAT, Location
from envc.formats.overlay_toml import OverlayDocument
from envc.formats.pins import PinsDocument
from envc.formats.pylock import LockTool
from envc.formats.values import Form
from envc.model.digest import Digest
from envc.model.generation import GENERATION_FORMAT, Generation
from envc.model.inventory import INVENTORY_FORMAT, InstalledDistribution, Inventory, Unowned
from envc.model.lock import LOCK_FORMAT
from envc.model.names import INVENTORY_FILE, POLICY_FILE
from envc.model.nodes import (
    GROUPS_FORMAT,
    LAYER_NAME,
    WANTED_FORMAT,
    WantedGeneration,
    WantedGroup,
    WantedGroups,
    WantedState,
)
from envc.model.policy import POLICY_FORMAT, Policy
from envc.model.value import value
from envc.model.wheel import WheelFacts
from envc.reports.audit import AuditReport
from envc.reports.bundle import BundleReport
from envc.reports.cache import CacheReport
from envc.reports.check import CheckReport
from envc.reports.completion import CompletionReport
from envc.reports.converge import ConvergeReport
from envc.reports.describe import DescribeReport
from envc.reports.diff import DiffReport
from envc.reports.doctor import DoctorReport
from envc.reports.error import ErrorReport, FaultList
from envc.reports.export import ExportReport
from envc.reports.gc_nodes import NodesCollectReport
from envc.reports.generations import CollectReport, GenerationsReport, RollbackReport
from envc.reports.init import InitFromReport, InitReport
from envc.reports.kernel import KernelList, KernelReport
from envc.reports.lock import LockReport
from envc.reports.materialize import MaterializeReport
from envc.reports.node import NodeReport
from envc.reports.overlay import OverlayReport
from envc.reports.overlay_collect import CollectedOverlays
from envc.reports.overlay_delete import DeletedOverlay
from envc.reports.overlay_list import OverlayList
from envc.reports.overlay_pack import PackReport
from envc.reports.repair import RepairReport
from envc.reports.rollout import RolloutReport
from envc.reports.run import RunReport
from envc.reports.stage import StageCareReport, StageReport
from envc.reports.status import StatusReport
from envc.reports.tree import TreeReport
from envc.reports.uninstall import UninstallReport
from envc.reports.verify import VerifyReport
from envc.reports.why import WhyReport

DIALECT = "https://json-schema.org/draft/2020-12/schema"


class ModuleNames(RootModel[dict[str, "Literal['package', 'module'] | ModuleNames"]]):
    """What is importable: a package, a module, or a namespace and what it holds."""


class _Generator(GenerateJsonSchema):
    """pydantic's generator, without a title for every field."""

    def field_title_should_be_set(self, schema: Any) -> bool:  # noqa: ARG002 - the base's form
        """Never: it would only repeat the field's name."""
        return False


class _CompleteGenerator(_Generator):
    """For what envc prints: fields that have a default are always there as well."""

    def field_is_required(self, field: Any, total: bool) -> bool:  # noqa: ARG002, FBT001 - the base's form
        """Always."""
        return True


@value(kw_only=True)
class Entry:
    """One schema: its name, what it says, and the type that it is generated from.

    A file tells its format's `number` under the key `number_key`; an output tells none.
    """

    name: str
    title: str
    model: Any
    number: int = 1
    number_key: str = ""

    @property
    def file(self) -> str:
        """The name of the schema's file."""
        return f"{self.name}-v{self.number}.schema.json"

    def text(self) -> str:
        """The schema: keys in order of name, so that equal models give equal bytes."""
        generator = _Generator if self.number_key else _CompleteGenerator
        mode: Literal["validation", "serialization"] = (
            "validation" if self.number_key else "serialization"
        )
        schema = TypeAdapter(self.model).json_schema(mode=mode, schema_generator=generator)
        if self.number_key:
            _close(schema)
            schema["properties"][self.number_key] = {"const": self.number}
        schema |= {
            "$schema": DIALECT,
            "$id": f"urn:envc:schema:{self.name}-v{self.number}",
            "title": self.title,
        }
        return json.dumps(schema, indent=2, sort_keys=True, ensure_ascii=False) + "\n"


def _close(schema: Any) -> None:
    """Make a key that the schema does not name an error, here and below."""
    if isinstance(schema, dict):
        if "properties" in schema:
            schema["additionalProperties"] = False
        for value in schema.values():
            _close(value)
    elif isinstance(schema, list):
        for value in schema:
            _close(value)


def _record(model: Any, number_key: str = "", **replaced: Any) -> Any:
    """An object with the fields of a value, all of them required.

    A file's has its format's number as well.
    """
    hints = {name: _with_records(kind, _record) for name, kind in get_type_hints(model).items()}
    types = {**hints, **replaced, **({number_key: int} if number_key else {})}
    required: dict[str, Any] = {name: (kind, ...) for name, kind in types.items()}
    return create_model(model.__name__, __doc__=model.__doc__, **required)


def _table(model: Any, **more: Any) -> Any:
    """A table of TOML: a value's fields in kebab case, which may be absent if they have a default.

    It has these fields `more`.
    """
    hints = get_type_hints(model, include_extras=True)
    declared: dict[str, Any] = more | {
        field.name: (
            _with_records(hints[field.name], _table),
            Field(_default(field, hints[field.name]), alias=field.name.replace("_", "-")),
        )
        for field in fields(model)
    }
    with warnings.catch_warnings():  # a key may be called as a method of pydantic's is
        warnings.filterwarnings("ignore", ".* shadows an attribute in parent", UserWarning)
        return create_model(model.__name__, __doc__=model.__doc__, **declared)


def _default(field: "DataclassField[Any]", kind: Any) -> Any:
    """A field's default as TOML has it; `...` where it has none."""
    if field.default_factory is MISSING:
        return ... if field.default is MISSING else field.default
    made = field.default_factory()
    return _table(kind)() if is_dataclass(kind) else made


def _with_records(kind: Any, record: Callable[[Any], Any]) -> Any:
    """A type, the values in it as records, its digests as what they look like."""
    if get_origin(kind) is Annotated:
        inner, *checks = get_args(kind)
        return _checked(_with_records(inner, record), checks)
    if kind is Digest:
        return Annotated[str, Field(pattern="^sha256:[0-9a-f]{64}$")]
    if is_dataclass(kind):
        return record(kind)
    origin = get_origin(kind)
    arguments = tuple(_with_records(each, record) for each in get_args(kind))
    if origin in {Union, UnionType}:
        return Union[arguments]  # noqa: UP007 - of types that are not known here
    return origin[arguments] if origin in {dict, tuple, Mapping} else kind


def _checked(kind: Any, checks: Sequence[Any]) -> Any:
    """A type with those checks of its texts and numbers that a schema can tell."""
    for check in checks:
        if isinstance(check, str | Form):
            pattern = check if isinstance(check, str) else check.pattern
            kind = Annotated[kind, Field(pattern=pattern)]
        elif isinstance(check, AtLeast):
            kind = Annotated[kind, Field(ge=check.least)]
    return kind


def _list(kind: Any) -> Any:
    return GenericAlias(list, (kind,))


def _file(name: str, file: str, model: Any, *, number: int = 1, key: str = "version") -> Entry:
    return Entry(name=name, title=file, model=model, number=number, number_key=key)


def _output(command: str, model: Any) -> Entry:
    return Entry(name=f"output-{command}", title=f"envc {command} --json", model=model)


def entries() -> tuple[Entry, ...]:
    """Every schema there is: files first, then outputs."""
    facts = _record(WheelFacts, "format", modules=ModuleNames)
    joined = GenericAlias(dict, (str, ModuleNames))
    installed = _record(InstalledDistribution, modules=ModuleNames, joined=joined)
    inventory = _record(
        Inventory,
        "version",
        distributions=_list(installed),
        unowned=_list(_record(Unowned, modules=ModuleNames)),
    )
    location = _table(Location, version=(int, ...))
    name = Annotated[str, Field(pattern=LAYER_NAME)]
    names = GenericAlias(dict, (name, _with_records(Digest, _record)))
    generation = _record(Generation, "version")
    policy = _record(Policy, "version")
    generations = _list(_record(WantedGeneration, closures=names))
    wanted = _record(WantedState, "version", generations=generations)
    group = _list(_record(WantedGroup, generations=generations))
    groups = _record(WantedGroups, "version", groups=group)
    error = _record(ErrorReport, error=_record(FaultList, faults=_list(_record(Fault))))
    return (
        _file("envc", "envc.toml", _table(SiteDocument)),
        _file("overlay", "overlay.toml", _table(OverlayDocument)),
        _file("pins", "pins.LAYER.toml", _table(PinsDocument)),
        _file("lock", "[tool.envc] of pylock.*.toml", _table(LockTool), number=LOCK_FORMAT),
        _file("location", "location.toml", location, number=LOCATION_FORMAT),
        _file("bundle", "bundle.json", _record(BundleIndex, "version"), number=BUNDLE_FORMAT),
        _file("generation", "manifest.json", generation, number=GENERATION_FORMAT),
        _file("policy", POLICY_FILE, policy, number=POLICY_FORMAT),
        _file("wanted", "wanted.json", wanted, number=WANTED_FORMAT),
        _file("wanted", "groups/….json", groups, number=GROUPS_FORMAT),
        _file("facts", "facts.json", facts, number=FACTS_FORMAT, key="format"),
        _file("inventory", INVENTORY_FILE, inventory, number=INVENTORY_FORMAT),
        _output("init", InitReport),
        Entry(name="output-init-from", title="envc init --from --json", model=InitFromReport),
        _output("lock", LockReport),
        _output("materialize", MaterializeReport),
        _output("overlay", OverlayReport),
        _output("overlay-list", OverlayList),
        _output("overlay-collect", CollectedOverlays),
        _output("overlay-delete", DeletedOverlay),
        _output("overlay-pack", PackReport),
        _output("kernel", KernelReport),
        _output("kernel-list", KernelList),
        _output("stage", StageReport),
        Entry(name="output-stage-care", title="envc stage --list --json", model=StageCareReport),
        _output("run", RunReport),
        _output("shell", RunReport),
        _output("check", CheckReport),
        _output("verify", VerifyReport),
        _output("tree", TreeReport),
        _output("describe", DescribeReport),
        _output("diff", DiffReport),
        _output("doctor", DoctorReport),
        _output("export", ExportReport),
        _output("why", WhyReport),
        _output("repair", RepairReport),
        _output("generations", GenerationsReport),
        _output("rollback", RollbackReport),
        _output("gc", CollectReport),
        Entry(name="output-gc-nodes", title="envc gc --nodes --json", model=NodesCollectReport),
        _output("uninstall", UninstallReport),
        _output("cache", CacheReport),
        _output("completion", CompletionReport),
        _output("audit", AuditReport),
        _output("bundle", BundleReport),
        _output("rollout", RolloutReport),
        _output("status", StatusReport),
        _output("converge", ConvergeReport),
        _output("node", NodeReport),
        Entry(name="output-error", title="a failed command with --json", model=error),
    )


def texts() -> dict[str, str]:
    """File name → text of every schema."""
    return {entry.file: entry.text() for entry in entries()}


def stale(folder: str) -> list[str]:
    """The names of the schemas in `folder` that are missing, outdated or of nothing, in order."""
    wanted = texts()
    present = {name: _read(f"{folder}/{name}") for name in _schemas_in(folder)}
    return sorted(
        name for name in wanted.keys() | present.keys() if wanted.get(name) != present.get(name)
    )


def write(folder: str) -> None:
    """Make `folder` hold every schema and no other."""
    wanted = texts()
    os.makedirs(folder, exist_ok=True)
    for name in _schemas_in(folder):
        if name not in wanted:
            os.unlink(f"{folder}/{name}")
    for name, text in wanted.items():
        with open(f"{folder}/{name}", "w", encoding="utf-8") as file:
            file.write(text)


def _schemas_in(folder: str) -> list[str]:
    names = os.listdir(folder) if os.path.isdir(folder) else []
    return [name for name in names if name.endswith(".schema.json")]


def _read(path: str) -> str:
    with open(path, encoding="utf-8") as file:
        return file.read()


def main(words: Sequence[str] | None = None) -> int:
    """Write the schemas, or with `--check` say which are stale: then the status is 1."""
    parser = argparse.ArgumentParser(prog="python -m envc.cli.schemas")
    parser.add_argument("--check", action="store_true", help="write nothing")
    parser.add_argument("folder", metavar="DIR")
    arguments = parser.parse_args(words)
    if not arguments.check:
        write(arguments.folder)
        return 0
    found = stale(arguments.folder)
    for name in found:
        sys.stderr.write(f"error: {arguments.folder}/{name} is stale\n help: run `make schemas`\n")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
