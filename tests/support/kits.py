"""A kit of a handful of files, for the targets of tests.

A whole kit has thousands, one like another, and each target of each test would carry them. This one
takes envc from where the tests have it; what envc does with it, and the command in a target, are as
always. Tests marked `whole_kit` have the whole one, and so have those of roll-outs.
"""

import json
import sys
import tempfile
from pathlib import Path

import envc
from envc.cluster.kit import KITS, note_of_this_envc
from envc.cluster.kit_file import packed
from envc.model.digest import digest_of, hex_of

_BORROWED = """\
import sys

__path__ = [{package!r}]
__version__ = {version!r}
sys.path += {paths!r}
"""


def keep_small_kit(cache: Path) -> None:
    """Let a cache have a small kit for the envc that runs, as if it had been made before."""
    with tempfile.TemporaryDirectory() as folder:
        source = Path(folder, "__init__.py")
        package = str(Path(envc.__file__).parent)
        text = _BORROWED.format(package=package, version=envc.__version__, paths=sys.path)
        source.write_text(text)
        content = packed([("envc/__init__.py", str(source))])
    digest = digest_of(content)
    kits = cache / KITS
    kits.mkdir(parents=True, exist_ok=True)
    (kits / f"{hex_of(digest)}.zip").write_bytes(content)
    (kits / note_of_this_envc()).write_text(json.dumps({"kit": digest, "files": {}}))
