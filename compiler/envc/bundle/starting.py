"""What makes a ZIP archive start an envc that is in it: `python3 FILE …`.

__main__.py    start.py: unpacks what is for the Python that runs it, and starts that
contents       digest of all below, machine, and the Pythons
common.zip     what is unpacked for each of them, last; `run.py` starts envc
X.Y.zip        what is for that one
"""

import hashlib
from collections.abc import Mapping
from pathlib import Path


def starting(programs: Mapping[str, bytes], common: bytes, machine: str) -> dict[str, bytes]:
    """The members by name; `programs` are archives by the X.Y that they are for."""
    start = Path(__file__).with_name("start.py").read_bytes()
    parts = {"common.zip": common}
    parts |= {f"{python}.zip": program for python, program in programs.items()}
    digest = hashlib.sha256(start)
    for name in sorted(parts):
        digest.update(hashlib.sha256(parts[name]).digest())
    contents = f"{digest.hexdigest()} {machine} {' '.join(programs)}\n"
    return {"__main__.py": start, "contents": contents.encode()} | parts
