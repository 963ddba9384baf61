"""`generations/N/manifest.json`: a generation's record (format 1)."""

import json
from typing import Any, TypeVar

from envc.errors import SpecError
from envc.model.digest import Digest
from envc.model.generation import (
    GENERATION_FORMAT,
    Generation,
    GenerationLayer,
    GenerationWheel,
)

Record = TypeVar("Record", Generation, GenerationLayer, GenerationWheel)


def generation_to_json(generation: Generation) -> bytes:
    """The record as the bytes of its file; equal records give equal bytes."""
    layers = {
        name: {**layer._asdict(), "wheels": [wheel._asdict() for wheel in layer.wheels]}
        for name, layer in generation.layers.items()
    }
    record = {"version": GENERATION_FORMAT, **generation._asdict(), "layers": layers}
    return (json.dumps(record, indent=1, sort_keys=True) + "\n").encode()


def generation_from_json(text: bytes, file: str) -> Generation:
    """The record that a file holds.

    Raises:
        SpecError: it is newer than this envc, or not what envc writes.
    """
    try:
        record: dict[str, Any] = json.loads(text)
        version = record.pop("version")
        if version != GENERATION_FORMAT:
            raise SpecError(
                f"generation format {version} is not the {GENERATION_FORMAT} that this envc reads",
                where=file,
                mend="use the envc that made it, or a newer one",
            )
        layers = {name: _layer(layer) for name, layer in record.pop("layers").items()}
        specs = _digests(record.pop("specs", None))
        return _checked(Generation(**record, layers=layers, specs=specs))
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError) as error:
        raise SpecError(
            f"not a generation's record: {error}", where=file, mend="run `envc repair`"
        ) from error


def _layer(layer: dict[str, Any]) -> GenerationLayer:
    wheels = tuple(_checked(GenerationWheel(**wheel)) for wheel in layer.pop("wheels"))
    return _checked(GenerationLayer(**layer, wheels=wheels))


def _digests(specs: dict[str, Any] | None) -> dict[str, Digest] | None:
    if specs is not None and not {*map(type, specs.values())} <= {str}:
        raise TypeError("specs are no digests")
    return specs


def _checked(value: Record) -> Record:
    """The value, its plain fields of the type that they are declared with.

    Raises:
        TypeError: one is not.
    """
    for (name, declared), field in zip(type(value).__annotations__.items(), value, strict=True):
        kind = getattr(declared, "__supertype__", declared)
        if isinstance(kind, type) and type(field) is not kind:
            raise TypeError(f"{name} is no {kind.__name__}")
    return value
