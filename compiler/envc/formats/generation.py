"""`generations/N/manifest.json`: a generation's record (format 1)."""

from envc.errors import REPAIR
from envc.formats.record_file import RecordFile
from envc.model.generation import GENERATION_FORMAT, Generation

_FILE = RecordFile(
    kind=Generation,
    name="generation's record",
    number=GENERATION_FORMAT,
    mend=REPAIR,
    layout={"indent": 1, "sort_keys": True},
)
generation_to_json = _FILE.to_json
generation_from_json = _FILE.from_json
