"""A core that the site carries: what it is called, and what stands where in it."""

from envc.model.digest import Digest, hex_of

CORE_FOLDER = "core"
CORE_MANIFEST = "envc-manifest"
# Of a private folder beside the cores where one comes in.
PART_PREFIX = ".part-"


def core_program(python: str) -> str:
    """The interpreter, relative to its core; `python` is its X.Y."""
    return f"bin/python{python}"


def core_interpreter(folder: str, archive: Digest, python: str) -> str:
    """The interpreter of the core that was made of an archive, in a folder of cores."""
    return f"{folder}/{hex_of(archive)}/{core_program(python)}"
