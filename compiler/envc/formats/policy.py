"""`policy.json`: what a site says about overlays, checks, retaining and keys (format 1)."""

from envc.formats.record_file import RecordFile
from envc.model.policy import POLICY_FORMAT, Policy

_FILE = RecordFile(
    kind=Policy,
    name="target's policy",
    number=POLICY_FORMAT,
    mend="materialize again",
    layout={"indent": 1, "sort_keys": True},
)
policy_to_json = _FILE.to_json
policy_from_json = _FILE.from_json
