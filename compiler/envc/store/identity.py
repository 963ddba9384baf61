"""What a stored tree is called, and where its files stand."""

from collections.abc import Mapping

from envc.model.digest import Digest, digest_of, digest_of_json, hex_of
from envc.model.python import version_of

# Part of every store id: raised whenever the same wheel would be stored in another way.
LAYOUT_VERSION = 3

# The file with the digests of a stored tree's records.
SUMS_NAME = "SHA256SUMS"


def sum_line(name: str, digest: Digest) -> bytes:
    """A record's line in that file."""
    return f"{hex_of(digest)}  {name}\n".encode()


def build_tag(python: str) -> str:
    """The tag in the names of an X.Y's compiled modules: `cpython-311`, `cpython-313t`."""
    return "cpython-" + python.replace(".", "")


def bytecode_tag(python: str) -> str:
    """The tag in the names of an X.Y's bytecode files, which both builds share: `cpython-313`."""
    return build_tag(version_of(python))


def store_id(digest: Digest, python: str) -> str:
    """The name of a wheel's tree in the store: its digest, an X.Y's tag, the layout."""
    return f"{hex_of(digest)}-{build_tag(python)}-{LAYOUT_VERSION}"


def tree_id(name: str, files: Mapping[str, bytes], python: str) -> str:
    """The name of a tree that is no wheel, by what is in it: contents by path."""
    contents = digest_of_json({path: digest_of(content) for path, content in files.items()})
    return f"{name}-{hex_of(contents)}-{build_tag(python)}-{LAYOUT_VERSION}"


def bytecode_path(source: str, python: str) -> str:
    """Where the bytecode of a source file stands (PEP 3147)."""
    folder, slash, name = source.rpartition("/")
    return f"{folder}{slash}__pycache__/{name.removesuffix('.py')}.{bytecode_tag(python)}.pyc"
