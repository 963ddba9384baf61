"""What a node's envc said, as text → a value, made and checked once.

Another release of envc may have written it: fields that are not known here are left out, and those
that are newer have a default. What does not fit is a refusal of that node's, whoever wrote it.
"""

import json
from typing import Any

from envc.errors import Fault
from envc.formats.node_line import json_in
from envc.formats.values import FormError, value_of
from envc.model.nodes import OUTPUT_BYTES, Lacks, NodeAnswer, Refusal, Silence, Unsure
from envc.model.value import fields_of, replace
from envc.reports.node import NodeReport

Word = NodeReport | Lacks | Refusal | Unsure | Silence

_TEXT_CHARACTERS = 4096
_SHOWN = 60
_NUMBERS_END = 1 << 63
# It may have been cut off on its way: the node is asked again.
_GARBLED_STATUS = 4


def word_of(answer: NodeAnswer) -> Word:
    """What a node says: the word of its envc, else how it was silent."""
    text = json_in(answer.output) if answer.outcome == "ended" else None
    if text is None:
        said = answer.trouble.strip() or answer.output.strip()
        last = next(reversed(said.splitlines()), "").strip()
        return Silence(answer.outcome, answer.status, _harmless(last))
    try:
        if len(text) > OUTPUT_BYTES:
            raise FormError("it is too long")
        return _word(_harmless(json.loads(text)))
    except RecursionError:
        why = "it is nested too deeply"
    except ValueError as error:
        why = _harmless(str(error))
    mend = "see what its shell prints, and use one release of envc on this machine and the nodes"
    what = f"its answer cannot be understood: {why}; it said {_harmless(text.strip()[:_SHOWN])!r}"
    return Refusal(Fault(what, mend=mend), _GARBLED_STATUS)


def _word(plain: Any) -> Word:
    """What was said; FormError, or another ValueError, where envc says nothing such."""
    if not isinstance(plain, dict):
        raise FormError("it is no object")
    if plain.get("lacks"):
        return Lacks(value_of(tuple[str, ...], plain["lacks"]))
    if plain.get("faults"):
        fault, *_ = value_of(tuple[Fault, ...], plain["faults"])
        return Refusal(fault, value_of(int, plain.get("status")))
    if plain.get("step") == "unsure":
        return Unsure()
    known = {field.name for field in fields_of(NodeReport)}
    report = value_of(NodeReport, {name: plain[name] for name in known & plain.keys()})
    if report.collected is None:
        return report
    kept = {int(number): why for number, why in report.collected.kept.items()}  # JSON has texts
    return replace(report, collected=replace(report.collected, kept=kept))


def _harmless(plain: Any) -> Any:
    """Plain data with texts that can be printed and numbers that can be reckoned with."""
    if isinstance(plain, str):
        return "".join(each if each.isprintable() else "?" for each in plain[:_TEXT_CHARACTERS])
    if isinstance(plain, list):
        return [_harmless(each) for each in plain]
    if isinstance(plain, dict):
        return {_harmless(key): _harmless(each) for key, each in plain.items()}
    if isinstance(plain, int | float) and not abs(plain) < _NUMBERS_END:
        raise FormError("a number in it is beyond all that is counted")
    return plain
