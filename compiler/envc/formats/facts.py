"""`facts.json`: what a wheel contains and claims, as JSON with sorted keys and without spaces.

{"format": 1, "filename": …, "digest": "sha256:…", …} with the fields of `WheelFacts`; a console
script is `[name, module, attribute]`; `modules` nests as `ModuleTree` does.
"""

from envc.formats.record_file import RecordFile
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
facts_from_json = _FILE.from_json
