"""`policy.json`: what a site says about overlays, checks, retaining and keys (format 1)."""

import json
from dataclasses import asdict
from typing import Any

from envc.errors import SpecError
from envc.model.policy import POLICY_FORMAT, Policy
from envc.model.spec import FindingRule, LayerMode, OverlaysSpec, RetainSpec


def policy_to_json(policy: Policy) -> bytes:
    """The file's bytes; equal policies give equal bytes."""
    record = {"version": POLICY_FORMAT, **asdict(policy), "modes": dict(policy.modes)}
    return (json.dumps(record, indent=1, sort_keys=True) + "\n").encode()


def policy_from_json(text: bytes, file: str) -> Policy:
    """The policy that a file holds.

    Raises:
        SpecError: it is newer than this envc, or not what envc writes.
    """
    try:
        record: dict[str, Any] = json.loads(text)
        version = record["version"]
        if version != POLICY_FORMAT:
            raise SpecError(
                f"policy format {version} is not the {POLICY_FORMAT} that this envc reads",
                where=file,
                mend="use the envc that materialized here, or a newer one",
            )
        overlays = record["overlays"]
        return Policy(
            site=_text(record["site"]),
            modes=tuple((_text(layer), _mode(mode)) for layer, mode in record["modes"].items()),
            overlays=OverlaysSpec(
                storage=None if overlays["storage"] is None else _text(overlays["storage"]),
                specs=_texts(overlays["specs"]),
                shadow="coherent" if overlays["shadow"] == "coherent" else "never",
            ),
            retain=RetainSpec(
                generations=int(record["retain"]["generations"]), days=int(record["retain"]["days"])
            ),
            check=tuple(FindingRule(**rule) for rule in record["check"]),
            keys=_texts(record["keys"]),
        )
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError) as error:
        raise SpecError(
            f"not a target's policy: {error}", where=file, mend="materialize again"
        ) from error


def _mode(value: Any) -> LayerMode:
    return "open" if value == "open" else "managed"


def _texts(values: Any) -> tuple[str, ...]:
    return tuple(map(_text, values if isinstance(values, list) else [values]))


def _text(value: Any) -> str:
    if not isinstance(value, str):
        raise TypeError(f"{value!r} is no text")
    return value
