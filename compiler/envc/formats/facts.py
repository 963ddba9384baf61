"""`facts.json`: what a wheel contains and claims, as JSON with sorted keys and without spaces.

{"format": 1, "filename": …, "digest": "sha256:…", …} with the fields of `WheelFacts`; a console
script is `[name, module, attribute]`; `modules` nests as `ModuleTree` does.
"""

from envc.formats.record_file import RecordFile
from envc.model.digest import is_digest
from envc.model.wheel import WheelFacts

FACTS_FORMAT = 1

_FILE = RecordFile(
    kind=WheelFacts,
    name="facts file",
    number=FACTS_FORMAT,
    mend="ingest the wheel again",
    layout={"sort_keys": True, "separators": (",", ":"), "ensure_ascii": False},
    key="format",
)
facts_to_json = _FILE.to_json


def facts_from_json(content: bytes, file: str) -> WheelFacts:
    """The facts that a file holds.

    Raises:
        SpecError: they are newer than this envc, or none.
    """
    facts = _FILE.from_json(content, file)
    if not is_digest(facts.digest):
        raise _FILE.refused("this must be a sha256 digest", file, "digest")
    return facts
