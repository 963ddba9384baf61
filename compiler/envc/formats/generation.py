"""`generations/N/manifest.json`: a generation's record (format 1)."""

import json
from dataclasses import asdict
from typing import Any

from envc.errors import SpecError
from envc.model.digest import Digest
from envc.model.generation import (
    GENERATION_FORMAT,
    Generation,
    GenerationLayer,
    GenerationWheel,
)


def generation_to_json(generation: Generation) -> bytes:
    """The record as the bytes of its file; equal records give equal bytes."""
    record = {"version": GENERATION_FORMAT, **asdict(generation)}
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
                mend="use the envc that made it, or materialize again",
            )
        layers = {name: _layer(layer) for name, layer in record.pop("layers").items()}
        return Generation(**{**record, "digest": Digest(record["digest"])}, layers=layers)
    except (ValueError, TypeError, KeyError, AttributeError) as error:
        raise SpecError(
            f"not a generation's record: {error}", where=file, mend="materialize again"
        ) from error


def _layer(layer: dict[str, Any]) -> GenerationLayer:
    wheels = tuple(GenerationWheel(**wheel) for wheel in layer.pop("wheels"))
    return GenerationLayer(**layer, wheels=wheels)
