"""CycloneDX 1.6 as JSON: a stack as a bill of materials; written only.

Without a serial number and a time, so that equal locks give equal bytes.
Source: https://cyclonedx.org/docs/1.6/json/, https://github.com/package-url/purl-spec
"""

import json
from typing import Any
from urllib.parse import quote

from envc import __version__
from envc.model.digest import hex_of
from envc.model.lock import Lock, LockedPin, LockedWheel


def cyclonedx_to_json(lock: Lock, title: str) -> bytes:
    """The bill of materials of a lock that holds a whole stack; `title` names it."""
    pins = sorted(lock.pins, key=lambda pin: (pin.project, pin.version, pin.marker or ""))
    references: dict[str, list[str]] = {}
    for pin in pins:
        references.setdefault(pin.project, []).append(_purl(pin))
    document = {
        "$schema": "http://cyclonedx.org/schema/bom-1.6.schema.json",
        "bomFormat": "CycloneDX",
        "specVersion": "1.6",
        "version": 1,
        "metadata": {
            "component": {"type": "application", "bom-ref": title, "name": title},
            "tools": {
                "components": [{"type": "application", "name": "envc", "version": __version__}]
            },
        },
        "components": list({_purl(pin): _component(pin) for pin in pins}.values()),
        "dependencies": [
            {"ref": title, "dependsOn": sorted({_purl(pin) for pin in pins})},
            *_dependencies(pins, references),
        ],
    }
    return json.dumps(document, indent=2, ensure_ascii=False).encode() + b"\n"


def _dependencies(pins: list[LockedPin], references: dict[str, list[str]]) -> list[dict[str, Any]]:
    """Who requires whom; pins of one release for several kinds of machine come together."""
    found: dict[str, set[str]] = {}
    for pin in pins:
        needed = (ref for project in pin.dependencies for ref in references.get(project, ()))
        found.setdefault(_purl(pin), set()).update(needed)
    return [{"ref": ref, "dependsOn": sorted(needed)} for ref, needed in found.items()]


def _component(pin: LockedPin) -> dict[str, Any]:
    component: dict[str, Any] = {
        "type": "library",
        "bom-ref": _purl(pin),
        "name": pin.project,
        "version": pin.version,
        "purl": _purl(pin),
    }
    if pin.directory is None:
        component["externalReferences"] = [_reference(wheel) for wheel in pin.wheels]
    return component


def _reference(wheel: LockedWheel) -> dict[str, Any]:
    url = wheel.url if wheel.url is not None else f"file://{quote(wheel.path or '')}"
    return {
        "type": "distribution",
        "url": url,
        "comment": wheel.filename,
        "hashes": [{"alg": "SHA-256", "content": hex_of(wheel.digest)}],
    }


def _purl(pin: LockedPin) -> str:
    return f"pkg:pypi/{pin.project}@{quote(pin.version, safe='.')}"
