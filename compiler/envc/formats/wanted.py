"""`wanted.json`: the generations that every node of a site must hold (format 1).

STATE/wanted.json
STATE/parcels/<hex>.json     the site's spec and locks, by digest
STATE/kits/<hex>.zip         envc itself, by digest
STATE/cores/<hex>.tar.gz     an interpreter that a site carries, by digest
STATE/boot.py                starts envc from a kit, and refuses one that is not what it should be
"""

import json
from typing import Annotated

from pydantic import BaseModel, ConfigDict, StringConstraints, ValidationError

from envc.errors import SpecError
from envc.model.digest import Digest
from envc.model.nodes import WANTED_FORMAT, WantedGeneration, WantedState

_MEND = "run `envc rollout` again, or correct the path"

DigestText = Annotated[str, StringConstraints(pattern=r"^sha256:[0-9a-f]{64}$")]
# Of a layer, and of a spec or lock: no path.
LayerName = Annotated[str, StringConstraints(pattern=r"^[a-z0-9][a-z0-9_-]*$")]


class _Strict(BaseModel):
    model_config = ConfigDict(strict=True, extra="forbid", frozen=True)


class WantedGenerationDocument(_Strict):
    """One generation; `closures` by layer."""

    closures: dict[LayerName, DigestText]
    parcel: DigestText
    source: str | None
    since: str
    core: DigestText | None = None


class WantedDocument(_Strict):
    """The whole file; the first generation is to be current."""

    version: int
    site: str
    serial: int
    kit: DigestText
    generations: list[WantedGenerationDocument]


def wanted_to_json(wanted: WantedState) -> bytes:
    """The file's bytes; equal states give equal bytes."""
    values = {
        "version": WANTED_FORMAT,
        "site": wanted.site,
        "serial": wanted.serial,
        "kit": wanted.kit,
        "generations": [
            {
                "closures": dict(generation.closures),
                "parcel": generation.parcel,
                "source": generation.source,
                "since": generation.since,
                "core": generation.core,
            }
            for generation in wanted.generations
        ],
    }
    return (json.dumps(values, indent=1, sort_keys=True) + "\n").encode()


def wanted_from_json(text: bytes, file: str) -> WantedState:
    """The state that a file holds.

    Raises:
        SpecError: it is newer than this envc, or no wanted state.
    """
    try:
        document = WantedDocument.model_validate_json(text)
    except ValidationError as error:
        first = error.errors()[0]
        key = ".".join(map(str, first["loc"]))
        raise SpecError(
            f"not a wanted state: {first['msg']}",
            where=f"{file} ({key})" if key else file,
            mend=_MEND,
        ) from error
    if document.version != WANTED_FORMAT:
        raise SpecError(
            f"wanted state format {document.version} is not the {WANTED_FORMAT} that this envc "
            "reads",
            where=file,
            mend="use a newer envc",
        )
    if not document.generations:
        raise SpecError("a wanted state without a generation", where=file, mend=_MEND)
    return WantedState(
        site=document.site,
        serial=document.serial,
        kit=Digest(document.kit),
        generations=tuple(map(_generation, document.generations)),
    )


def _generation(document: WantedGenerationDocument) -> WantedGeneration:
    return WantedGeneration(
        closures={name: Digest(closure) for name, closure in document.closures.items()},
        parcel=Digest(document.parcel),
        source=document.source,
        since=document.since,
        core=Digest(document.core) if document.core is not None else None,
    )
